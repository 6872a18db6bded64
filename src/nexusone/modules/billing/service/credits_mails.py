"""Mails about credits that run low, to whoever pays."""

from functools import lru_cache
from pathlib import Path

from nexusone.kernel.contract import Contract
from nexusone.kernel.locale import fallback_chain
from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing.events import BalanceLow
from nexusone.modules.billing.store import profiles
from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.mails import WrittenMail
from nexusone.platform.runtime import Context

TEXTS = Path(__file__).parent.parent / "credits_texts"
DEFAULT_LOCALE = "en"


class LowText(Contract):
    """The mail of one language with its holes."""

    subject: str
    body: list[str]
    footer: str


async def tell_of_low_balance(ctx: Context, *, event: BalanceLow) -> None:
    """Writes to the address that invoices go to, or else to the workspace's owner, in their language."""
    async with ctx.transaction("billing") as tx:
        profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    owner = await identity.find_owner(ctx)
    recipient = (profile.email if profile else None) or (owner.email if owner else None)
    if recipient is None:
        return
    known = _texts()
    wanted = profile.locale if profile else owner.locale if owner else ctx.locale
    locale = next(tag for tag in fallback_chain(wanted, DEFAULT_LOCALE) if tag in known)
    text = known[locale]
    values = {
        "left": credits_to_text(max(0, event.unspent_micros)),
        "threshold": credits_to_text(event.threshold_micros),
        "link": f"{identity.app_url(ctx)}/billing",
    }
    mail = WrittenMail(
        recipient=recipient,
        locale=locale,
        subject=text.subject.format(**values),
        paragraphs=tuple(paragraph.format(**values) for paragraph in text.body),
        footer=text.footer,
    )
    await identity.send_mail(ctx, mail=mail)


@lru_cache(maxsize=1)
def _texts() -> dict[str, LowText]:
    return {path.stem: LowText.model_validate_json(path.read_text(encoding="utf-8")) for path in sorted(TEXTS.glob("*.json"))}
