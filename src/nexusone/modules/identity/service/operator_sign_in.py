"""Operators signing in: the password, and always a code of the authenticator app, which the first sign-in enrols."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.errors import NotFound, Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.operators import OperatorChallenge, OperatorCode, OperatorSignedIn, OperatorSignIn
from nexusone.modules.identity.domain.credentials import digest_of, read_one_time_token, write_one_time_token
from nexusone.modules.identity.domain.mfa import MFA, TOTP_SEED_BYTES, TRIES_MAX, totp_step
from nexusone.modules.identity.service.mfa import SECRET_BYTES
from nexusone.modules.identity.service.mfa_verification import CODE_RATE
from nexusone.modules.identity.service.passwords import is_password
from nexusone.modules.identity.service.refusals import MfaAttemptOver, MfaRefused, WrongCredentials
from nexusone.modules.identity.service.seeds import OPERATOR_TABLE, open_seed, seal_seed
from nexusone.modules.identity.service.tokens import OperatorClaims, issue_operator
from nexusone.modules.identity.service.totp import shown_seed
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import operator_factors, operators
from nexusone.modules.identity.store.operator_factors import OperatorAttemptPlace, OperatorTotpRow
from nexusone.modules.identity.store.operators import OperatorRow
from nexusone.platform.audit import record, record_apart
from nexusone.platform.database import Transaction
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

ISSUER = "NexusOne operators"
TOKEN_SECONDS = 3600
METHODS = ("pwd", "otp", MFA)
SIGN_IN_RATE = "5/minute"
CODE_NETWORK_RATE = "60/minute"


@dataclass(frozen=True, slots=True)
class _Fresh:
    id: UUID
    sealed: bytes
    seed: bytes = field(repr=False)


async def sign_in(ctx: Context, *, wanted: OperatorSignIn) -> OperatorChallenge:
    """Asks for a code of the operator's app; who has none is shown the seed of one.

    Raises:
        WrongCredentials: no such operator, or another password; nobody learns which.
        RateLimited: too many tries.
    """
    operator = await _authenticate(ctx, wanted)
    async with ctx.transaction("identity") as tx:
        enrolled = await operator_factors.find_confirmed(tx, operator_id=operator.id)
    fresh = None if enrolled is not None else await _fresh_seed(ctx, operator.id)
    secret, attempt_id = secrets.token_urlsafe(SECRET_BYTES), new_id()
    seconds, now = ctx.setting(IdentitySettings).mfa_attempt_seconds, ctx.now()
    async with ctx.transaction("identity") as tx:
        if fresh is not None:
            await operator_factors.insert_pending(tx, factor_id=fresh.id, operator_id=operator.id, sealed_seed=fresh.sealed, now=now)
        await operator_factors.insert_attempt(
            tx,
            attempt_id=attempt_id,
            factor_id=fresh.id if fresh is not None else _id_of(enrolled),
            secret_hash=digest_of(secret),
            now=now,
            expires_at=now + timedelta(seconds=seconds),
        )
        await record(tx, action="identity.operator.challenged", object_kind="operator", object_id=str(operator.id))
    return OperatorChallenge(
        mfa_required=True,
        attempt=write_one_time_token(kind="nxo", token_id=attempt_id, secret=secret),
        enrolment=shown_seed(fresh.seed, account=operator.email, issuer=ISSUER, seconds=seconds) if fresh is not None else None,
        expires_in=seconds,
    )


async def verify(ctx: Context, *, wanted: OperatorCode) -> OperatorSignedIn:
    """A token for the operators' doors; a failed try counts, and the fifth ends the attempt.

    Raises:
        MfaAttemptOver: the attempt was used, expired, has no tries left, or never was.
        MfaRefused: the code does not hold.
        RateLimited: too many tries for this operator or from this network.
    """
    await take(ctx, [Limit(policy="operator-code-address", rate=rate(CODE_NETWORK_RATE), subject=f"ip:{ctx.ip}")])
    reference = read_one_time_token(wanted.attempt, kind="nxo")
    if reference is None:
        raise MfaAttemptOver
    place = OperatorAttemptPlace(reference.id, reference.digest, ctx.now(), TRIES_MAX)
    async with ctx.transaction("identity") as tx:
        factor = await operator_factors.find_attempt(tx, place)
    if factor is None:
        raise MfaAttemptOver
    await take(ctx, [Limit(policy="operator-code", rate=rate(CODE_RATE), subject=str(factor.operator_id))])
    seed = await open_seed(ctx, user_id=factor.operator_id, factor_id=factor.id, sealed=factor.sealed_seed, table=OPERATOR_TABLE)
    async with ctx.transaction("identity") as tx:
        outcome = await _try(tx, place, factor, step=totp_step(seed, wanted.code, now=ctx.now()))
    if isinstance(outcome, Refusal):
        raise outcome
    return _signed_in(ctx, outcome, factor)


async def forget_factor(ctx: Context, *, email: str) -> None:
    """Forgets an operator's app, so that the next sign-in enrols another; tokens that it proved end at once.

    Raises:
        NotFound: there is no such operator, or no app.
    """
    async with ctx.transaction("identity") as tx:
        operator = await operators.find_operator_by_email(tx, email=email.strip().lower())
        if operator is None or not await operator_factors.forget(tx, email=operator.email):
            raise NotFound(what="operator's authenticator app")
        await record(tx, action="identity.operator.factor_forgotten", object_kind="operator", object_id=str(operator.id))


async def _authenticate(ctx: Context, wanted: OperatorSignIn) -> OperatorRow:
    email, tries = wanted.email.strip().lower(), rate(SIGN_IN_RATE)
    subjects = {"operator-account": digest_of(email).hex()[:32], "operator-address": f"ip:{ctx.ip}"}
    await take(ctx, [Limit(policy=policy, rate=tries, subject=subject) for policy, subject in subjects.items()])
    async with ctx.transaction("identity") as tx:
        found = await operators.find_operator_by_email(tx, email=email)
    known = found if found is not None and found.disabled_at is None else None
    settings = ctx.setting(IdentitySettings)
    if not await is_password(wanted.password, known.password_hash if known else None, settings=settings) or known is None:
        await record_apart(ctx, action="identity.operator.refused", object_kind="operator", object_id=str(found.id) if found else "unknown")
        raise WrongCredentials
    return known


async def _fresh_seed(ctx: Context, operator_id: UUID) -> _Fresh:
    seed, factor_id = secrets.token_bytes(TOTP_SEED_BYTES), new_id()
    sealed = await seal_seed(ctx, user_id=operator_id, factor_id=factor_id, seed=seed, table=OPERATOR_TABLE)
    return _Fresh(factor_id, sealed, seed)


def _id_of(factor: OperatorTotpRow | None) -> UUID:
    if factor is None:
        raise LookupError("an app is enrolled, or waits")
    return factor.id


async def _try(tx: Transaction, place: OperatorAttemptPlace, factor: OperatorTotpRow, *, step: int | None) -> OperatorRow | Refusal:
    # What is refused is answered, not raised: the try that it took must stay taken.
    if not await operator_factors.take_try(tx, place):
        return MfaAttemptOver()
    operator = await operators.find_operator(tx, operator_id=factor.operator_id)
    holds = operator is not None and operator.disabled_at is None and step is not None and await _use_code(tx, factor, step, place)
    if not holds or operator is None:
        await record(tx, action="identity.operator.refused", object_kind="operator", object_id=str(factor.operator_id), result="refused")
        return MfaRefused()
    action = "identity.operator.signed_in" if factor.confirmed_at else "identity.operator.enrolled"
    await record(tx, action=action, object_kind="operator", object_id=str(operator.id))
    await operator_factors.use_attempt(tx, place)
    return operator


async def _use_code(tx: Transaction, factor: OperatorTotpRow, step: int, place: OperatorAttemptPlace) -> bool:
    if factor.confirmed_at is None:
        return await operator_factors.confirm(tx, row=factor, step=step, now=place.now)
    return await operator_factors.advance_step(tx, factor_id=factor.id, step=step)


def _signed_in(ctx: Context, operator: OperatorRow, factor: OperatorTotpRow) -> OperatorSignedIn:
    claims = OperatorClaims(operator_id=operator.id, factor_id=factor.id, methods=METHODS, authenticated_at=ctx.now())
    token = issue_operator(ctx, claims, expires_at=ctx.now() + timedelta(seconds=TOKEN_SECONDS))
    return OperatorSignedIn(operator_id=operator.id, name=operator.name, access_token=token, token_type="Bearer", expires_in=TOKEN_SECONDS)  # noqa: S106
