"""Signing up: an account with its first workspace, at once or after its address was verified.

Where verification is required, a sign-up only waits for the mail to be read: whether the address has an account shows
in the mail alone, and no account exists before its owner showed both the mail and the password.
"""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.errors import Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.accounts import SignedIn, SignUp, SignUpReceived, Verify
from nexusone.modules.identity.contracts.mails import VerificationOrder
from nexusone.modules.identity.domain.credentials import is_same, read_one_time_token
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.modules.identity.service.breaches import faults_of
from nexusone.modules.identity.service.passwords import hash_password, is_password
from nexusone.modules.identity.service.refusals import EmailTaken, TokenSpent
from nexusone.modules.identity.service.sign_in import finish_sign_in, requires_verification
from nexusone.modules.identity.service.tries import TOKEN_RATE, mail_limit, network_limit, token_limit
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, pending
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.modules.identity.store.pending import PendingSignUpRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.limits import take
from nexusone.platform.runtime import Context

SEND_VERIFICATION = "identity.send_verification"
SIGN_UP_RATE = "30/minute"


async def sign_up(ctx: Context, *, wanted: SignUp) -> SignedIn | SignUpReceived:
    """Makes an account, its workspace and its first session, or says that a mail comes first.

    Raises:
        Unprocessable: the password is too weak.
        EmailTaken: the address has an account; never where verification is required.
    """
    settings = ctx.setting(IdentitySettings)
    email = wanted.email.strip().lower()
    is_verified_first = requires_verification(ctx)
    limits = [network_limit(ctx, "sign-up", SIGN_UP_RATE)]
    await take(ctx, [*limits, mail_limit(email)] if is_verified_first else limits)
    faults = await faults_of(ctx, password=wanted.password, email=email, name=wanted.name)
    if faults:
        raise Unprocessable(errors=faults, count=len(faults))
    now = ctx.now()
    row = PendingSignUpRow(
        id=new_id(),
        email=email,
        name=wanted.name,
        workspace_name=wanted.workspace_name,
        password_hash=await hash_password(wanted.password, settings=settings),
        locale=ctx.locale,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.verification_seconds),
    )
    if not is_verified_first:
        return await _open_account(ctx, row, is_verified=False)
    async with ctx.transaction("identity") as tx:
        await pending.insert_sign_up(tx, row)
        await enqueue_named(tx, [(SEND_VERIFICATION, VerificationOrder(sign_up_id=row.id))])
        await record(tx, action="identity.sign_up.received", object_kind="sign_up", object_id=str(row.id))
    return SignUpReceived(verification_required=True, expires_in=settings.verification_seconds)


async def verify(ctx: Context, *, shown: Verify) -> SignedIn:
    """Opens the account of a sign-up to whoever has both the mail's token and the password chosen at sign-up.

    Raises:
        TokenSpent: no such sign-up waits, or the password is another; nobody learns which.
        RateLimited: too many tries from this network or for this sign-up.
    """
    reference = read_one_time_token(shown.token, kind="nxv")
    limits = [network_limit(ctx, "verify", TOKEN_RATE)]
    await take(ctx, [*limits, token_limit(reference.id)] if reference else limits)
    if reference is None:
        raise TokenSpent
    async with ctx.transaction("identity") as tx:
        row = await pending.find_sign_up(tx, sign_up_id=reference.id, now=ctx.now())
    if row is None or row.secret_hash is None or not is_same(row.secret_hash, reference.digest):
        raise TokenSpent
    if not await is_password(shown.password, row.password_hash, settings=ctx.setting(IdentitySettings)):
        raise TokenSpent
    try:
        return await _open_account(ctx, row, is_verified=True)
    except EmailTaken as error:
        raise TokenSpent from error


async def _open_account(ctx: Context, row: PendingSignUpRow, *, is_verified: bool) -> SignedIn:
    now, inside = ctx.now(), ctx.for_workspace(new_id())
    user = UserRow(
        id=new_id(),
        email=row.email,
        name=row.name,
        password_hash=row.password_hash,
        locale=row.locale,
        created_at=now,
        email_verified_at=now if is_verified else None,
    )
    async with inside.transaction("identity") as tx:
        if is_verified and not await pending.use_sign_up(tx, sign_up_id=row.id, now=now):
            raise TokenSpent
        if not await accounts.insert_user(tx, user):
            raise EmailTaken
        await _open_workspace(inside, tx, name=row.workspace_name, owner_id=user.id)
        return await finish_sign_in(inside, tx, user=user, workspace_id=inside.workspace, methods=("pwd",))


async def _open_workspace(ctx: Context, tx: Transaction, *, name: str, owner_id: UUID) -> None:
    await accounts.insert_workspace(tx, workspace_id=ctx.workspace, name=name, default_locale="en", timezone="UTC", now=ctx.now())
    await accounts.insert_member(tx, workspace_id=ctx.workspace, user_id=owner_id, role="owner", now=ctx.now())
    await publish(tx, WorkspaceCreated(workspace_id=ctx.workspace, workspace_name=name, owner_id=owner_id))
