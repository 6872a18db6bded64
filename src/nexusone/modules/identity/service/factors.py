"""A person's factors as they come and go: what follows from one more, and from one less."""

from uuid import UUID

from nexusone.modules.identity.contracts.mfa import EnrolledFactor, FactorAdded, MfaState
from nexusone.modules.identity.contracts.passkeys import Passkey
from nexusone.modules.identity.domain.mfa import MFA, is_satisfied
from nexusone.modules.identity.events import FactorEnrolled, FactorRemoved
from nexusone.modules.identity.service import own_sessions
from nexusone.modules.identity.service.mailing import notify
from nexusone.modules.identity.service.mfa import find_factors
from nexusone.modules.identity.service.recovery_codes import issue_codes
from nexusone.modules.identity.service.refusals import FactorNotFound, LastFactorDemanded, WrongCredentials
from nexusone.modules.identity.service.sessions import Proof, open_session
from nexusone.modules.identity.service.step_up import person_of, require_recent
from nexusone.modules.identity.store import accounts, factors, mfa, passkeys, sessions
from nexusone.modules.identity.store.passkeys import PasskeyRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def state_of(ctx: Context) -> MfaState:
    """The caller's factors, and whether the workspace demands one of them. Raises: PeopleOnly."""
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        held = await find_factors(tx, user_id=user_id)
        is_demanded = await mfa.is_demanded(tx, workspace_id=ctx.workspace, user_id=user_id)
    return MfaState(
        is_demanded=is_demanded,
        is_satisfied=is_satisfied(ctx.principal.methods),
        totp_since=held.totp.confirmed_at if held.totp else None,
        passkeys=[passkey_of(row) for row in held.passkeys],
        recovery_codes_left=held.recovery_codes,
    )


async def factor_added(ctx: Context, tx: Transaction, *, user_id: UUID, factor: EnrolledFactor, methods: tuple[str, ...]) -> FactorAdded:
    """Ends every session of the person that knew nothing of the factor, and goes on in a new one that proved it (AUTHN-13).

    The proof of identity does not get younger by it. Raises: WrongCredentials where the person is gone.
    """
    has_codes = await factors.count_recovery_codes(tx, user_id=user_id)
    codes = [] if has_codes else await issue_codes(ctx, tx, user_id=user_id)
    await sessions.end_all(tx, user_id=user_id, kept=None)
    user = await accounts.find_user(tx, user_id=user_id)
    if user is None:
        raise WrongCredentials
    proved = tuple(dict.fromkeys((*ctx.principal.methods, *methods, MFA)))
    proof = Proof(methods=proved, authenticated_at=ctx.principal.authenticated_at or ctx.now())
    session = await open_session(ctx, tx, user=user, proof=proof)
    await publish(tx, FactorEnrolled(user_id=user_id, factor=factor))
    await notify(ctx, tx, user_id=user_id, kind="passkey_added" if factor == "passkey" else "mfa_changed")
    return FactorAdded(session=session, recovery_codes=codes)


async def remove_totp(ctx: Context) -> None:
    """Forgets the caller's authenticator app; their other sessions end.

    Raises:
        FactorNotFound: there is none.
        LastFactorDemanded: the workspace demands one, and it is the last.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        await factors.lock_user(tx, user_id=user_id)
        if not await factors.delete_totp(tx, user_id=user_id):
            raise FactorNotFound
        await _factor_removed(ctx, tx, "totp")


async def remove_passkey(ctx: Context, *, passkey_id: UUID) -> None:
    """Forgets a passkey of the caller; their other sessions end.

    Raises:
        FactorNotFound: the caller has no such passkey.
        LastFactorDemanded: the workspace demands a factor, and it is the last.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        await factors.lock_user(tx, user_id=user_id)
        if not await passkeys.delete_passkey(tx, passkey_id=passkey_id, user_id=user_id):
            raise FactorNotFound
        await _factor_removed(ctx, tx, "passkey")


def passkey_of(row: PasskeyRow) -> Passkey:
    """A passkey's row in the words of the API."""
    return Passkey(id=row.id, name=row.name, is_synced=row.is_synced, created_at=row.created_at, used_at=row.used_at)


async def _factor_removed(ctx: Context, tx: Transaction, factor: EnrolledFactor) -> None:
    user_id, session_id = own_sessions.person_of(ctx)
    if not (await find_factors(tx, user_id=user_id)).count:
        if await mfa.is_demanded(tx, workspace_id=ctx.workspace, user_id=user_id):
            raise LastFactorDemanded
        await factors.replace_recovery_codes(tx, user_id=user_id, hashes=[], now=ctx.now())
    await sessions.end_all(tx, user_id=user_id, kept=(ctx.workspace, session_id))
    await publish(tx, FactorRemoved(user_id=user_id, factor=factor))
    await notify(ctx, tx, user_id=user_id, kind="mfa_changed")
