"""Signing in: the password, the second factor where one is asked for, the session."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.kernel.errors import NotFound
from nexusone.modules.identity.contracts.accounts import SignedIn, SignIn
from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.modules.identity.service.devices import find_known, see_device
from nexusone.modules.identity.service.mfa import challenge_for
from nexusone.modules.identity.service.passwords import hash_password, is_outdated, is_password
from nexusone.modules.identity.service.refusals import WrongCredentials
from nexusone.modules.identity.service.sessions import Proof, open_session
from nexusone.modules.identity.service.sso_enforcement import refuse_other_ways, refuse_password
from nexusone.modules.identity.service.tries import account_limit, give_back, network_limit
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.audit import INSTALLATION, record_apart
from nexusone.platform.database import Transaction
from nexusone.platform.limits import take
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings


@dataclass(frozen=True, slots=True)
class _Rehashed:
    password_hash: str
    was: str


async def sign_in(ctx: Context, *, wanted: SignIn) -> SignedIn | MfaChallenge:
    """Opens a session, or asks for the second factor.

    Raises:
        WrongCredentials: no such account, another password, not verified, or disabled; nobody learns which.
        RateLimited: too many tries for this account, or from this network.
        NotFound: the account does not belong to the wanted workspace.
        SsoRequired: the workspace demands single sign-on.
    """
    email = wanted.email.strip().lower()
    device_id = await find_known(ctx, token=wanted.device, email=email)
    tries = account_limit(email, device_id=device_id)
    await take(ctx, [tries, network_limit(ctx, "sign-in-network")])
    user = await _authenticate(ctx, email=email, password=wanted.password)
    await give_back(ctx, tries)
    rehashed = await _rehash(ctx, user, wanted.password)
    inside = ctx.for_workspace(await choose_workspace(ctx, user_id=user.id, wanted=wanted.workspace_id))
    await refuse_password(inside, user_id=user.id)
    async with inside.transaction("identity") as tx:
        if rehashed is not None:
            await accounts.update_password_hash(tx, user_id=user.id, password_hash=rehashed.password_hash, was=rehashed.was)
        challenge = await challenge_for(inside, tx, user_id=user.id, workspace_id=inside.workspace)
        if challenge is not None:
            return challenge
        return await finish_sign_in(inside, tx, user=user, workspace_id=inside.workspace, methods=("pwd",), device=wanted.device)


async def finish_sign_in(
    ctx: Context,
    tx: Transaction,
    *,
    user: UserRow,
    workspace_id: UUID,
    methods: tuple[str, ...],
    device: str | None = None,
    authenticated_at: datetime | None = None,
) -> SignedIn:
    """Opens the session of a user who has proved all that is asked; `ctx` and `tx` are in `workspace_id`.

    `methods` are RFC 8176's (pwd, otp, hwk, mfa…) and sso, `device` is the token of a known device where one was shown.
    `authenticated_at` is when it was proved, where that was not just now.

    Raises:
        SsoRequired: the workspace demands single sign-on.
    """
    inside = ctx.for_workspace(workspace_id)
    await refuse_other_ways(inside, tx, user_id=user.id, workspace_id=workspace_id, methods=methods)
    seen = await see_device(inside, tx, user=user, token=device)
    proof = Proof(methods=methods, authenticated_at=authenticated_at or ctx.now(), device_id=seen.id)
    answer = await open_session(inside, tx, user=user, proof=proof)
    return answer.model_copy(update={"device": seen.token})


async def choose_workspace(ctx: Context, *, user_id: UUID, wanted: UUID | None) -> UUID:
    """The workspace a user enters: the wanted one, or the oldest.

    Raises:
        WrongCredentials: the user belongs to no workspace.
        NotFound: not to the wanted one.
    """
    async with ctx.transaction("system") as tx:
        memberships = await accounts.list_memberships(tx, user_id=user_id)
    for membership in memberships:
        if wanted is None or membership.workspace_id == wanted:
            return membership.workspace_id
    if wanted is None:
        raise WrongCredentials
    raise NotFound(what="workspace")


def requires_verification(ctx: Context) -> bool:
    """Whether an account needs a verified address before it may do anything."""
    wanted = ctx.setting(IdentitySettings).requires_verification
    return ctx.setting(PlatformSettings).mode == "live" if wanted is None else wanted


def may_enter(ctx: Context, user: UserRow) -> bool:
    """Whether an account may open sessions: not disabled, and verified where that is required."""
    return user.disabled_at is None and (user.email_verified_at is not None or not requires_verification(ctx))


async def _authenticate(ctx: Context, *, email: str, password: str) -> UserRow:
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user_by_email(tx, email=email)
    # The password is checked in every case, so that the time tells nothing.
    is_right = await is_password(password, user.password_hash if user else None, settings=ctx.setting(IdentitySettings))
    if user is None or not is_right or not may_enter(ctx, user):
        await _tell_refused(ctx, user)
        raise WrongCredentials
    return user


async def _tell_refused(ctx: Context, user: UserRow | None) -> None:
    # Both cases ask and write the same, so that the time tells nothing. Members find it in their workspace's trail.
    async with ctx.transaction("system") as tx:
        memberships = await accounts.list_memberships(tx, user_id=user.id if user else INSTALLATION)
    place = memberships[0].workspace_id if memberships else INSTALLATION
    object_id = str(user.id) if user else "unknown"
    await record_apart(ctx.for_workspace(place), action="identity.sign_in.refused", object_kind="user", object_id=object_id)


async def _rehash(ctx: Context, user: UserRow, password: str) -> _Rehashed | None:
    settings = ctx.setting(IdentitySettings)
    if user.password_hash is None or not is_outdated(user.password_hash, settings=settings):
        return None
    return _Rehashed(password_hash=await hash_password(password, settings=settings), was=user.password_hash)
