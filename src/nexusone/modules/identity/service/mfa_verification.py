"""The second half of a sign-in or step-up: a factor answers the challenge, and the session begins."""

from dataclasses import dataclass, field
from uuid import UUID

from nexusone.kernel.errors import Refusal
from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import MfaAnswer, PasskeyAnswer, RecoveryAnswer, TotpAnswer
from nexusone.modules.identity.domain.mfa import MFA, TRIES_MAX, read_attempt, recovery_digest, totp_step
from nexusone.modules.identity.domain.passkeys import methods_of
from nexusone.modules.identity.events import RecoveryCodeUsed
from nexusone.modules.identity.service.passkey_use import use_passkey
from nexusone.modules.identity.service.refusals import MfaAttemptOver, MfaRefused
from nexusone.modules.identity.service.seeds import open_seed
from nexusone.modules.identity.service.sign_in import finish_sign_in, may_enter
from nexusone.modules.identity.service.tries import network_limit
from nexusone.modules.identity.store import accounts, factors, mfa, sessions
from nexusone.modules.identity.store.mfa import AttemptPlace, AttemptRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

# Six digits can be guessed, however many sign-ins the guesses are spread over. Only who knows the password gets here, and
# passkeys and recovery codes stay open, so nobody is kept out for good.
CODE_RATE = "20/hour"


@dataclass(frozen=True, slots=True)
class _Seed:
    factor_id: UUID
    seed: bytes = field(repr=False)


async def verify(ctx: Context, *, answer: MfaAnswer) -> SignedIn:
    """Opens the session that the attempt was for; a failed try counts, and the fifth ends the attempt.

    Raises:
        MfaAttemptOver: the attempt was used, expired, has no tries left, or never was.
        MfaRefused: the factor does not hold.
        RateLimited: too many tries for this account or from this network.
    """
    reference = read_attempt(answer.attempt)
    await take(ctx, [network_limit(ctx, "mfa-network")])
    if reference is None:
        raise MfaAttemptOver
    inside = ctx.for_workspace(reference.workspace_id)
    place = AttemptPlace(reference.workspace_id, reference.id, reference.digest, ctx.now(), TRIES_MAX)
    async with inside.transaction("identity") as tx:
        attempt = await mfa.find_attempt(tx, place)
    if attempt is None:
        raise MfaAttemptOver
    seed = await _seed_for(inside, attempt, answer)
    async with inside.transaction("identity") as tx:
        outcome = await _try(inside, tx, place, answer, seed)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def _seed_for(ctx: Context, attempt: AttemptRow, answer: MfaAnswer) -> _Seed | None:
    if not isinstance(answer, TotpAnswer):
        return None
    await take(ctx, [Limit(policy="mfa-account", rate=rate(CODE_RATE), subject=str(attempt.user_id))])
    async with ctx.transaction("identity") as tx:
        totp = await factors.find_totp(tx, user_id=attempt.user_id)
    if totp is None:
        return None
    return _Seed(totp.id, await open_seed(ctx, user_id=attempt.user_id, factor_id=totp.id, sealed=totp.sealed_seed))


async def _try(ctx: Context, tx: Transaction, place: AttemptPlace, answer: MfaAnswer, seed: _Seed | None) -> SignedIn | Refusal:
    # What is refused is answered, not raised: the try that it took must stay taken.
    attempt = await mfa.take_try(tx, place)
    if attempt is None:
        return MfaAttemptOver()
    proved = await _prove(ctx, tx, attempt, answer, seed)
    user = await accounts.find_user(tx, user_id=attempt.user_id)
    if proved is None or user is None or not may_enter(ctx, user):
        await record(
            tx,
            action="identity.mfa.refused",
            object_kind="user",
            object_id=str(attempt.user_id),
            after={"factor": answer.factor},
            result="refused",
        )
        return MfaRefused()
    await mfa.use_attempt(tx, place)
    if attempt.session_id is not None:
        await sessions.revoke_session(
            tx, workspace_id=place.workspace_id, session_id=attempt.session_id, user_id=attempt.user_id, now=place.now
        )
    methods = (*attempt.methods, *proved, MFA)
    return await finish_sign_in(ctx, tx, user=user, workspace_id=place.workspace_id, methods=methods, device=answer.device)


async def _prove(ctx: Context, tx: Transaction, attempt: AttemptRow, answer: MfaAnswer, seed: _Seed | None) -> tuple[str, ...] | None:
    if isinstance(answer, PasskeyAnswer):
        return await _prove_by_passkey(ctx, tx, attempt, answer)
    if not attempt.methods:
        return None
    if isinstance(answer, RecoveryAnswer):
        return await _prove_by_recovery_code(ctx, tx, attempt, answer)
    step = totp_step(seed.seed, answer.code, now=ctx.now()) if seed is not None else None
    if seed is None or step is None or not await factors.advance_step(tx, factor_id=seed.factor_id, step=step):
        return None
    return ("otp",)


async def _prove_by_passkey(ctx: Context, tx: Transaction, attempt: AttemptRow, answer: PasskeyAnswer) -> tuple[str, ...] | None:
    if attempt.challenge is None:
        return None
    proof = await use_passkey(ctx, tx, shown=answer.credential, challenge=attempt.challenge, user_id=attempt.user_id)
    if proof is None or not (attempt.methods or proof.used.is_user_verified):
        return None
    return tuple(method for method in methods_of(proof.used) if method != MFA)


async def _prove_by_recovery_code(ctx: Context, tx: Transaction, attempt: AttemptRow, answer: RecoveryAnswer) -> tuple[str, ...] | None:
    digest = recovery_digest(answer.code)
    if not await factors.use_recovery_code(tx, user_id=attempt.user_id, code_hash=digest, now=ctx.now()):
        return None
    await publish(tx, RecoveryCodeUsed(user_id=attempt.user_id))
    return ("otp",)
