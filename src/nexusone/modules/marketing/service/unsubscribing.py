"""Leaving by the link in a mail: the page that asks, and the one step that does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.ids import new_id
from nexusone.modules.audience import api as audience
from nexusone.modules.marketing.domain.tokens import Purpose
from nexusone.modules.marketing.domain.unsubscribe_page import known_language
from nexusone.modules.marketing.service.tracking import Tracker
from nexusone.modules.marketing.store import engagement
from nexusone.modules.marketing.store.engagement import Sender
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Leaving:
    """Whose mail it was (None where that cannot be told now), and the language to talk in."""

    sender: str | None
    language: str


async def describe_unsubscribe(ctx: Context, *, token: str, languages: Sequence[str]) -> Leaving:
    """What the page says; changes nothing. `languages` are the reader's, best first; the mail's own comes after them.

    Raises:
        NotFound: a forged token.
    """
    delivery = ctx.port(Tracker).read_token(token, Purpose.UNSUBSCRIBE).delivery
    sender: Sender | None = None
    try:
        async with ctx.for_workspace(delivery.workspace_id).transaction("marketing") as tx:
            sender = await engagement.find_sender(tx, delivery)
    except Unavailable:
        # The page works without the name.
        sender = None
    written_in = sender.locale if sender and sender.locale else "en"
    language = known_language([*languages, written_in.split("-")[0]])
    return Leaving(sender=sender.name if sender else None, language=language)


async def unsubscribe(ctx: Context, *, token: str) -> None:
    """Ends the contact's subscription at once and for good; repeating it is harmless.

    Raises:
        NotFound: a forged token.
        Unavailable: the database does not answer; nothing is promised, try again.
    """
    delivery = ctx.port(Tracker).read_token(token, Purpose.UNSUBSCRIBE).delivery
    inside = ctx.for_workspace(delivery.workspace_id)
    await audience.record_unsubscribe(inside, contact_id=delivery.contact_id, channel="email", source="one_click", reason=None)
    async with inside.transaction("marketing") as tx:
        await engagement.mark_unsubscribed(tx, delivery, hit_id=new_id(), now=ctx.now())
