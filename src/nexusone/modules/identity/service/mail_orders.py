"""The mails with a token: it is made when the mail is written, and exists in the clear nowhere but there."""

import secrets
from datetime import timedelta

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.mails import ResetOrder, VerificationOrder
from nexusone.modules.identity.domain.credentials import digest_of, write_one_time_token
from nexusone.modules.identity.service.devices import SECRET_BYTES
from nexusone.modules.identity.service.mailing import app_url, link_to, post
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, pending
from nexusone.modules.identity.store.pending import ResetRow
from nexusone.platform.runtime import Context


async def send_reset(ctx: Context, *, order: ResetOrder) -> None:
    """Mails a reset link to the account of an address, if it has one; the token exists nowhere but in the mail."""
    settings, now = ctx.setting(IdentitySettings), ctx.now()
    secret, reset_id = secrets.token_urlsafe(SECRET_BYTES), new_id()
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user_by_email(tx, email=order.email)
        if user is None or user.disabled_at is not None:
            return
        await pending.use_resets(tx, user_id=user.id, reset_id=None, now=now)
        row = ResetRow(id=reset_id, user_id=user.id, secret_hash=digest_of(secret))
        await pending.insert_reset(tx, row, now=now, expires_at=now + timedelta(seconds=settings.password_reset_seconds))
    link = link_to(ctx, "/auth/reset", write_one_time_token(kind="nxp", token_id=reset_id, secret=secret))
    values = {"link": link, "minutes": str(settings.password_reset_seconds // 60)}
    await post(ctx, "password_reset_link", recipient=user.email, name=user.name, locale=user.locale, values=values)


async def send_verification(ctx: Context, *, order: VerificationOrder) -> None:
    """Mails a verification link to an address that signed up, or, where it has an account, says that it has one."""
    settings = ctx.setting(IdentitySettings)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    async with ctx.transaction("identity") as tx:
        row = await pending.find_sign_up(tx, sign_up_id=order.sign_up_id, now=ctx.now())
        if row is None:
            return
        known = await accounts.find_user_by_email(tx, email=row.email)
        if known is None:
            await pending.give_sign_up_secret(tx, sign_up_id=row.id, secret_hash=digest_of(secret))
    if known is not None:
        values = {"link": f"{app_url(ctx)}/auth/forgot"}
        await post(ctx, "account_exists", recipient=known.email, name=known.name, locale=known.locale, values=values)
        return
    link = link_to(ctx, "/auth/verify", write_one_time_token(kind="nxv", token_id=row.id, secret=secret))
    values = {"link": link, "minutes": str(settings.verification_seconds // 60)}
    await post(ctx, "verification", recipient=row.email, name=row.name, locale=row.locale, values=values)


async def forget_expired(ctx: Context) -> None:
    """Deletes sign-ups and resets whose time is long over."""
    async with ctx.transaction("identity") as tx:
        await pending.forget_expired(tx, before=ctx.now() - timedelta(days=1))
