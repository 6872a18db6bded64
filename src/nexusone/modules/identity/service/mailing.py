"""The product's own mails: ordered in the transaction of what they tell of, written and handed over by a job."""

import json
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from babel.dates import format_datetime

from nexusone.kernel.locale import fallback_chain
from nexusone.modules.identity.contracts.mails import NoticeKind, NoticeOrder, WrittenMail
from nexusone.modules.identity.domain.mails import Letter, MailTexts, finished, write_mail
from nexusone.modules.identity.ports import MailAttachment, SystemMailer
from nexusone.modules.identity.service.refusals import MailerMissing
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

SEND_NOTICE = "identity.send_notice"
TEXTS = Path(__file__).parent.parent / "mails"
DEFAULT_LOCALE = "en"


async def notify(ctx: Context, tx: Transaction, *, user_id: UUID, kind: NoticeKind, recipient: str | None = None) -> None:
    """Orders a mail that tells a person what happened to their account; it leaves with the transaction's commit."""
    order = NoticeOrder(user_id=user_id, kind=kind, at=ctx.now(), ip=ctx.ip, user_agent=ctx.user_agent, recipient=recipient)
    await enqueue_named(tx, [(SEND_NOTICE, order)])


async def send_notice(ctx: Context, *, order: NoticeOrder) -> None:
    """Writes and hands over an ordered notice, in the person's language."""
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=order.user_id)
    if user is None:
        return
    at = format_datetime(order.at, "medium", locale=texts_of(user.locale).locale) + " UTC"
    values = {"at": at, "ip": order.ip or "", "user_agent": order.user_agent or ""}
    await post(ctx, order.kind, recipient=order.recipient or user.email, name=user.name, locale=user.locale, values=values)


async def post(ctx: Context, kind: str, *, recipient: str, name: str, locale: str, values: dict[str, str]) -> None:
    """Writes one mail and hands it over; only jobs call it, so that no request waits for a mail server.

    Raises:
        MailerMissing: no carrier is set up.
        DefiniteFailure: the carrier did not take the mail.
        UnknownOutcome: nobody knows whether it did.
    """
    if SystemMailer not in ctx.runtime.ports:
        raise MailerMissing
    mail = write_mail(texts_of(locale), kind, recipient=recipient, name=name, values={"app_url": app_url(ctx), **values}, at=ctx.now())
    await ctx.port(SystemMailer).send(mail)


async def send_mail(ctx: Context, *, mail: WrittenMail) -> None:
    """Hands over what another module has written; see `post`."""
    if SystemMailer not in ctx.runtime.ports:
        raise MailerMissing
    letter = Letter(subject=mail.subject, paragraphs=mail.paragraphs, footer=mail.footer)
    files = tuple(MailAttachment(file.name, file.content_type, file.content) for file in mail.files)
    await ctx.port(SystemMailer).send(finished(letter, recipient=mail.recipient, locale=mail.locale, files=files, at=ctx.now()))


def app_url(ctx: Context) -> str:
    """Where people use the product, without a trailing slash."""
    return (ctx.setting(IdentitySettings).app_url or ctx.setting(PlatformSettings).public_address).rstrip("/")


def link_to(ctx: Context, path: str, token: str) -> str:
    """A link for a mail. The token stands behind the hash, where no server's log and no Referer has it."""
    return f"{app_url(ctx)}{path}#token={token}"


def texts_of(locale: str) -> MailTexts:
    """The texts in the nearest language there is."""
    known = _all_texts()
    return next(known[tag] for tag in fallback_chain(locale, DEFAULT_LOCALE) if tag in known)


@lru_cache(maxsize=1)
def _all_texts() -> dict[str, MailTexts]:
    return {path.stem: _read(path) for path in sorted(TEXTS.glob("*.json"))}


def _read(path: Path) -> MailTexts:
    raw = json.loads(path.read_text(encoding="utf-8"))
    phrases = {key: text for key, text in raw.items() if isinstance(text, str)}
    mails = {key: (text["subject"], tuple(text["body"])) for key, text in raw.items() if isinstance(text, dict)}
    return MailTexts(locale=path.stem, phrases=phrases, mails=mails)
