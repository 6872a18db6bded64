"""Mails about credits that run low, and about top-ups that failed, to whoever pays."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from nexusone.kernel.contract import Contract
from nexusone.kernel.locale import fallback_chain
from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing.events.ledger import BalanceLow, TopUpFailed
from nexusone.modules.billing.store import profiles
from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.mails import WrittenMail
from nexusone.platform.runtime import Context

TEXTS = Path(__file__).parent.parent / "credits_texts"
DEFAULT_LOCALE = "en"

Kind = Literal["low", "topup_failed"]


class MailText(Contract):
    """One mail in one language, with its holes."""

    subject: str
    body: list[str]
    footer: str


class CreditsTexts(Contract):
    """The mails of one language."""

    low: MailText
    topup_failed: MailText


async def tell_of_low_balance(ctx: Context, *, event: BalanceLow) -> None:
    """Says how little is left, in the payer's language."""
    left, threshold = credits_to_text(max(0, event.unspent_micros)), credits_to_text(event.threshold_micros)
    await _tell(ctx, kind="low", values={"left": left, "threshold": threshold})


async def tell_of_failed_top_up(ctx: Context, *, event: TopUpFailed) -> None:
    """Says that nothing was bought, and that it will not be tried again by itself."""
    await _tell(ctx, kind="topup_failed", values={"wanted": credits_to_text(event.wanted_micros)})


async def _tell(ctx: Context, *, kind: Kind, values: Mapping[str, str]) -> None:
    # The address that invoices go to, or else the workspace's owner.
    async with ctx.transaction("billing") as tx:
        profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    owner = await identity.find_owner(ctx)
    recipient = (profile.email if profile else None) or (owner.email if owner else None)
    if recipient is None:
        return
    known = _texts()
    wanted = profile.locale if profile else owner.locale if owner else ctx.locale
    locale = next(tag for tag in fallback_chain(wanted, DEFAULT_LOCALE) if tag in known)
    text = known[locale].low if kind == "low" else known[locale].topup_failed
    holes = {**values, "link": f"{identity.app_url(ctx)}/billing"}
    mail = WrittenMail(
        recipient=recipient,
        locale=locale,
        subject=text.subject.format(**holes),
        paragraphs=tuple(paragraph.format(**holes) for paragraph in text.body),
        footer=text.footer,
    )
    await identity.send_mail(ctx, mail=mail)


@lru_cache(maxsize=1)
def _texts() -> dict[str, CreditsTexts]:
    return {path.stem: CreditsTexts.model_validate_json(path.read_text(encoding="utf-8")) for path in sorted(TEXTS.glob("*.json"))}
