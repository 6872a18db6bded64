"""Signing in: the password, the second factor where one is asked for, the session."""

from uuid import UUID

from nexusone.kernel.errors import NotFound, Unauthenticated
from nexusone.modules.identity.contracts.accounts import SignedIn, SignIn
from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.service.mfa import challenge_for
from nexusone.modules.identity.service.passwords import hash_password, is_outdated, is_password
from nexusone.modules.identity.service.refusals import WrongCredentials
from nexusone.modules.identity.service.sessions import Proof, open_session
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.database import Transaction
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

# Tighter than the API in general: per account and per address (AUTHN-05).
SIGN_IN_RATE = "20/minute"


async def sign_in(ctx: Context, *, wanted: SignIn) -> SignedIn | MfaChallenge:
    """Opens a session, or asks for the second factor.

    Raises:
        WrongCredentials: no such account, or another password; nobody learns which.
        RateLimited: too many tries for this account or from this address.
    """
    email = wanted.email.strip().lower()
    tries = rate(SIGN_IN_RATE)
    account = digest_of(email).hex()[:32]
    await take(
        ctx,
        [
            Limit(policy="sign-in-account", rate=tries, subject=account),
            Limit(policy="sign-in-address", rate=tries, subject=f"ip:{ctx.ip}"),
        ],
    )
    settings = ctx.setting(IdentitySettings)
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user_by_email(tx, email=email)
    if not await is_password(wanted.password, user.password_hash if user else None, settings=settings) or user is None:
        raise WrongCredentials
    inside = ctx.for_workspace(await choose_workspace(ctx, user_id=user.id, wanted=wanted.workspace_id))
    outdated = user.password_hash is not None and is_outdated(user.password_hash, settings=settings)
    rehashed = await hash_password(wanted.password, settings=settings) if outdated else None
    async with inside.transaction("identity") as tx:
        if rehashed is not None:
            await accounts.update_password_hash(tx, user_id=user.id, password_hash=rehashed)
        challenge = await challenge_for(inside, tx, user_id=user.id, workspace_id=inside.workspace)
        return challenge or await finish_sign_in(inside, tx, user=user, workspace_id=inside.workspace, methods=("pwd",))


async def finish_sign_in(
    ctx: Context, tx: Transaction, *, user: UserRow, workspace_id: UUID, methods: tuple[str, ...], device: str | None = None
) -> SignedIn:
    """Opens the session of a user who has proved all that is asked; `ctx` and `tx` are in `workspace_id`.

    `methods` are RFC 8176's (pwd, otp, hwk, fed, mfa…), `device` is the token of a known device where one was shown.
    """
    return await open_session(ctx.for_workspace(workspace_id), tx, user=user, proof=Proof(methods=methods, authenticated_at=ctx.now()))


async def choose_workspace(ctx: Context, *, user_id: UUID, wanted: UUID | None) -> UUID:
    """The workspace a user enters: the wanted one, or the oldest.

    Raises:
        Unauthenticated: the user belongs to no workspace.
        NotFound: not to the wanted one.
    """
    async with ctx.transaction("system") as tx:
        memberships = await accounts.list_memberships(tx, user_id=user_id)
    for membership in memberships:
        if wanted is None or membership.workspace_id == wanted:
            return membership.workspace_id
    if wanted is None:
        raise Unauthenticated(reason="this account belongs to no workspace")
    raise NotFound(what="workspace")
