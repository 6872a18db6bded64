"""Proving oneself anew before something sensitive: who did so lately enough, and how one does."""

from datetime import timedelta
from uuid import UUID

from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import MfaChallenge, StepUp
from nexusone.modules.identity.service import own_sessions
from nexusone.modules.identity.service.mfa import challenge_for
from nexusone.modules.identity.service.passwords import is_password
from nexusone.modules.identity.service.refusals import PeopleOnly, StepUpNeeded, WrongCredentials
from nexusone.modules.identity.service.sign_in import finish_sign_in
from nexusone.modules.identity.service.sso_enforcement import SSO
from nexusone.modules.identity.service.tries import account_limit, give_back
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, sessions
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.audit import record_apart
from nexusone.platform.limits import take
from nexusone.platform.runtime import Context


def require_recent(ctx: Context, *, seconds: int | None = None) -> None:
    """Lets only a person go on who proved themselves at most `seconds` ago (default: the settings', five minutes; AUTHN-17).

    Raises:
        PeopleOnly: an API key asks.
        StepUpNeeded: the proof is too old.
    """
    person_of(ctx)
    require_fresh(ctx, seconds=seconds)


def require_fresh(ctx: Context, *, seconds: int | None = None) -> None:
    """The same of whoever asks: a person, or an operator in their own realm. Raises: StepUpNeeded."""
    age_max = ctx.setting(IdentitySettings).step_up_seconds if seconds is None else seconds
    proved_at = ctx.principal.authenticated_at
    if proved_at is None or ctx.now() - proved_at > timedelta(seconds=age_max):
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{age_max}"'
        raise StepUpNeeded(seconds=age_max, headers={"WWW-Authenticate": challenge})


def person_of(ctx: Context) -> UUID:
    """The person who asks, themselves.

    Raises:
        PeopleOnly: an API key asks, or an operator in the person's place.
    """
    user_id, _ = own_sessions.person_of(ctx)
    if ctx.principal.impersonator is not None:
        raise PeopleOnly
    return user_id


async def step_up(ctx: Context, *, wanted: StepUp) -> SignedIn | MfaChallenge:
    """Asks what a sign-in would ask; a new session with new tokens takes the place of the present one (AUTHN-13).

    Raises:
        WrongCredentials: another password.
        StepUpNeeded: there is nothing to prove oneself with here; `sso_starting.step_up` may serve, or sign in again.
        PeopleOnly: an API key asks.
        RateLimited: too many tries.
    """
    user_id, session_id = own_sessions.person_of(ctx)
    tries = account_limit(user_id.hex)
    await take(ctx, [tries])
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=user_id)
    if user is None:
        raise WrongCredentials
    methods = await _first_factor(ctx, user, wanted.password)
    await give_back(ctx, tries)
    async with ctx.transaction("identity") as tx:
        challenge = await challenge_for(ctx, tx, user_id=user_id, workspace_id=ctx.workspace, methods=methods, session_id=session_id)
        if challenge is not None:
            return challenge
        if wanted.password is None:
            raise StepUpNeeded(seconds=ctx.setting(IdentitySettings).step_up_seconds)
        await sessions.revoke_session(tx, workspace_id=ctx.workspace, session_id=session_id, user_id=user_id, now=ctx.now())
        return await finish_sign_in(ctx, tx, user=user, workspace_id=ctx.workspace, methods=methods)


async def _first_factor(ctx: Context, user: UserRow, password: str | None) -> tuple[str, ...]:
    if password is None:
        # Who signs in elsewhere has no password to show: the second factor is what can be proved here.
        return () if user.password_hash is not None else tuple(method for method in ctx.principal.methods if method == SSO)
    if not await is_password(password, user.password_hash, settings=ctx.setting(IdentitySettings)):
        await record_apart(ctx, action="identity.step_up.refused", object_kind="user", object_id=str(user.id))
        raise WrongCredentials
    return ("pwd",)
