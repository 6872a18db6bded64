"""Choosing a password anew: with the present one, or with a mail to the account's address."""

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.modules.identity.contracts.accounts import ChangePassword, ForgotPassword, MailOrdered, PasswordChosen, ResetPassword
from nexusone.modules.identity.contracts.mails import ResetOrder
from nexusone.modules.identity.domain.credentials import is_same, read_one_time_token
from nexusone.modules.identity.events import PasswordChanged
from nexusone.modules.identity.service.breaches import faults_of
from nexusone.modules.identity.service.devices import add_device
from nexusone.modules.identity.service.mailing import notify
from nexusone.modules.identity.service.own_sessions import person_of
from nexusone.modules.identity.service.passwords import hash_password, is_password
from nexusone.modules.identity.service.refusals import TokenSpent, WrongCredentials
from nexusone.modules.identity.service.sign_in import choose_workspace
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.modules.identity.service.tries import TOKEN_RATE, account_limit, give_back, mail_limit, network_limit, token_limit
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, devices, pending, sessions
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.limits import take
from nexusone.platform.runtime import Context

SEND_RESET = "identity.send_password_reset"
FORGOT_RATE = "20/minute"


async def change_password(ctx: Context, *, wanted: ChangePassword) -> None:
    """Replaces the caller's password; all other sessions of the person end, in all workspaces.

    Raises:
        WrongCredentials: the present password is another.
        Unprocessable: the new one is too weak.
        PeopleOnly: an API key asks.
        StepUpNeeded: the person proved themselves too long ago; the password alone is not what a second factor was.
        RateLimited: too many wrong tries.
    """
    user_id, session_id = person_of(ctx)
    require_recent(ctx)
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=user_id)
    if user is None:
        raise WrongCredentials
    tries = account_limit(user.id.hex)
    await take(ctx, [tries])
    settings = ctx.setting(IdentitySettings)
    if not await is_password(wanted.current_password, user.password_hash, settings=settings):
        raise WrongCredentials
    await give_back(ctx, tries)
    hashed = await _hash_checked(ctx, wanted.new_password, user, pointer="/new_password")
    async with ctx.transaction("identity") as tx:
        await _choose(ctx, tx, user=user, password_hash=hashed)
        await sessions.end_all(tx, user_id=user_id, kept=(ctx.workspace, session_id))
        await notify(ctx, tx, user_id=user_id, kind="password_changed")
        await publish(tx, PasswordChanged(user_id=user_id, way="present_password"))


async def order_reset(ctx: Context, *, wanted: ForgotPassword) -> MailOrdered:
    """Orders a mail with which a new password can be chosen; what is done here is the same whether or not there is an account.

    Raises:
        RateLimited: too many mails to this address, or from this network.
    """
    email = wanted.email.strip().lower()
    await take(ctx, [mail_limit(email), network_limit(ctx, "forgot-password", FORGOT_RATE)])
    async with ctx.transaction("identity") as tx:
        await enqueue_named(tx, [(SEND_RESET, ResetOrder(email=email, locale=ctx.locale))])
        await record(tx, action="identity.password_reset.ordered", object_kind="user", object_id="unknown")
    return MailOrdered(expires_in=ctx.setting(IdentitySettings).password_reset_seconds)


async def reset_password(ctx: Context, *, wanted: ResetPassword) -> PasswordChosen:
    """Chooses a new password with the token of a mail; all sessions end, and the second factor stays as it is.

    Raises:
        TokenSpent: no such reset waits.
        Unprocessable: the password is too weak; the token stays good.
        RateLimited: too many tries from this network or with this token.
    """
    reference = read_one_time_token(wanted.token, kind="nxp")
    limits = [network_limit(ctx, "reset-password", TOKEN_RATE)]
    await take(ctx, [*limits, token_limit(reference.id)] if reference else limits)
    if reference is None:
        raise TokenSpent
    async with ctx.transaction("identity") as tx:
        row = await pending.find_reset(tx, reset_id=reference.id, now=ctx.now())
        user = await accounts.find_user(tx, user_id=row.user_id) if row is not None else None
    if row is None or user is None or user.disabled_at is not None or not is_same(row.secret_hash, reference.digest):
        raise TokenSpent
    hashed = await _hash_checked(ctx, wanted.password, user, pointer="/password")
    inside = ctx.for_workspace(await choose_workspace(ctx, user_id=user.id, wanted=None))
    async with inside.transaction("identity") as tx:
        if not await pending.use_resets(tx, user_id=user.id, reset_id=row.id, now=ctx.now()):
            raise TokenSpent
        await accounts.set_password(tx, user_id=user.id, password_hash=hashed, now=ctx.now(), verified_at=ctx.now())
        await sessions.end_all(tx, user_id=user.id, kept=None)
        await devices.forget_devices(tx, user_id=user.id)
        seen = await add_device(ctx, tx, user_id=user.id)
        await notify(inside, tx, user_id=user.id, kind="password_reset")
        await publish(tx, PasswordChanged(user_id=user.id, way="mail"))
    return PasswordChosen(device=seen.token or "")


async def _hash_checked(ctx: Context, password: str, user: UserRow, *, pointer: str) -> str:
    settings = ctx.setting(IdentitySettings)
    faults = await faults_of(ctx, password=password, email=user.email, name=user.name)
    if faults:
        moved = tuple(FieldError(pointer=pointer, code=fault.code, detail=fault.detail) for fault in faults)
        raise Unprocessable(errors=moved, count=len(moved))
    return await hash_password(password, settings=settings)


async def _choose(ctx: Context, tx: Transaction, *, user: UserRow, password_hash: str) -> None:
    await accounts.set_password(tx, user_id=user.id, password_hash=password_hash, now=ctx.now())
    await pending.use_resets(tx, user_id=user.id, reset_id=None, now=ctx.now())
