"""Checks credentials: one statement looks the credential up and takes the caller's rate limits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from nexusone.kernel.errors import Unauthenticated
from nexusone.kernel.locale import first_language
from nexusone.modules.identity.domain.api_keys import read_api_key
from nexusone.modules.identity.domain.credentials import is_same
from nexusone.modules.identity.domain.mfa import is_satisfied, lets_pass
from nexusone.modules.identity.domain.permissions import of_machines
from nexusone.modules.identity.service.refusals import EnrolmentNeeded
from nexusone.modules.identity.service.rights import held, named, of_visitor, restrained
from nexusone.modules.identity.service.tokens import AccessClaims, verify, verify_operator
from nexusone.modules.identity.store import api_keys, credentials, operator_factors, operators
from nexusone.modules.identity.store.credentials import Admittance, AdmittedKey, CallerLimits
from nexusone.platform.audit import record_apart
from nexusone.platform.limits import Limit, headers_after, rate, take
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context, SandboxMissing
from nexusone.platform.settings import PlatformSettings

# Often enough to see which keys are dead, seldom enough to cost nothing.
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The context of a caller whose credential holds, and the rate-limit headers of the answer."""

    ctx: Context
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a caller shows: a credential, the wished language (empty: none), what the request costs and what it asks for."""

    credential: str
    language: str
    cost: int
    operation: str = ""


async def admit_session(ctx: Context, *, shown: Shown) -> Admitted:
    """The context of a living session's access token, or of an operator's visit.

    Raises:
        Unauthenticated: forged, expired, or its session has ended.
        EnrolmentNeeded: the workspace demands a second factor, the session proved none, and this is not how it gets one.
        RateLimited: the caller's limit is used up.
    """
    claims = verify(ctx.runtime, shown.credential)
    if claims.operator_id is not None:
        return await _admit_visit(ctx, shown=shown, claims=claims)
    inside = ctx.for_workspace(claims.workspace_id)
    limits = _limits(inside, subject=str(claims.user_id), cost=shown.cost)
    row = await credentials.find_session(inside, session_id=claims.session_id, limits=limits)
    if row is None or row.principal_id != claims.user_id or not _is_valid(row, inside):
        raise Unauthenticated(reason="the session has ended")
    permissions, restraint = restrained(held(row.role, row.permissions), is_suspended=row.is_suspended)
    principal = Principal(
        kind="user",
        id=row.principal_id,
        permissions=permissions,
        session_id=claims.session_id,
        methods=claims.methods,
        authenticated_at=claims.authenticated_at,
        role=named(row.role, row.custom_role_id),
        standing=row.standing,
        restraint=restraint,
    )
    admitted = _admitted(inside, shown, row, principal, limits)
    if not lets_pass(is_demanded=row.demands_mfa, methods=claims.methods, operation=shown.operation):
        raise EnrolmentNeeded(headers=admitted.headers)
    return admitted


async def _admit_visit(ctx: Context, *, shown: Shown, claims: AccessClaims) -> Admitted:
    inside = ctx.for_workspace(claims.workspace_id)
    limits = _limits(inside, subject=str(claims.session_id), cost=shown.cost)
    row = await credentials.find_visit(inside, visit_id=claims.session_id, limits=limits)
    if row is None or (row.principal_id, row.operator_id) != (claims.user_id, claims.operator_id) or not _is_valid(row, inside):
        raise Unauthenticated(reason="the visit has ended")
    permissions, visiting = of_visitor(held(row.role, row.permissions), is_elevated=row.is_elevated)
    permissions, suspended = restrained(permissions, is_suspended=row.is_suspended)
    principal = Principal(
        kind="user",
        id=row.principal_id,
        permissions=permissions,
        session_id=claims.session_id,
        impersonator=row.operator_id,
        role=named(row.role, row.custom_role_id),
        standing=row.standing,
        restraint=suspended or visiting,
    )
    admitted = _admitted(inside, shown, row, principal, limits)
    await record_apart(
        admitted.ctx, action="identity.impersonation.asked", object_kind="operation", object_id=shown.operation, result="done"
    )
    return admitted


async def admit_api_key(ctx: Context, *, shown: Shown) -> Admitted:
    """The context of a living API key.

    Raises:
        Unauthenticated: forged, expired, revoked, from an address it is not meant for, or of a kind this deployment does not take.
        SandboxMissing: a test key where there are no simulators.
        RateLimited: the caller's limit is used up.
    """
    read = read_api_key(shown.credential)
    if read is None:
        raise Unauthenticated(reason="the API key is not valid")
    mode, reference = read
    is_live = ctx.setting(PlatformSettings).mode == "live"
    if mode == "live" and not is_live:
        raise Unauthenticated(reason="live keys work in live mode; this deployment is a sandbox")
    inside = ctx.for_workspace(reference.workspace_id)
    # The secret's digest is part of the subject, so that guessing at a key does not use up its limit.
    limits = _limits(inside, subject=f"{reference.id}:{reference.digest.hex()[:16]}", cost=shown.cost)
    row = await credentials.find_api_key(inside, key_id=reference.id, digest=reference.digest, limits=limits)
    if row is None or row.mode != mode or not _opens(row, reference.digest) or not _is_valid(row, inside):
        raise Unauthenticated(reason="the API key is not valid")
    if not row.is_from_allowed_network:
        raise Unauthenticated(reason="the API key is not meant for this address")
    if mode == "test" and is_live and ctx.runtime.sandbox_ports is None:
        raise SandboxMissing
    permissions, restraint = restrained(of_machines(frozenset(row.permissions or ())), is_suspended=row.is_suspended)
    principal = Principal(kind="api_key", id=row.principal_id, permissions=permissions, standing=row.standing, restraint=restraint)
    if row.used_at is None or inside.now() - row.used_at > USE_NOTED_EVERY:
        await api_keys.note_use(inside, key_id=row.principal_id, used_from=ctx.ip, since=inside.now() - USE_NOTED_EVERY)
    return _admitted(replace(inside, is_test=mode == "test"), shown, row, principal, limits)


async def admit_operator(ctx: Context, *, shown: Shown) -> Admitted:
    """The context of an operator who signed in at the operators' door; it is of no workspace.

    Raises:
        Unauthenticated: forged, expired, of another realm, without a second factor, or the operator was disabled.
        RateLimited: the operator's limit is used up.
    """
    claims = verify_operator(ctx.runtime, shown.credential)
    limit = Limit(policy="operator", rate=rate(ctx.setting(PlatformSettings).rate_limit), subject=str(claims.operator_id), cost=shown.cost)
    headers = await take(ctx, [limit])
    async with ctx.transaction("identity") as tx:
        operator = await operators.find_operator(tx, operator_id=claims.operator_id)
        factor = await operator_factors.find_confirmed(tx, operator_id=claims.operator_id)
    if operator is None or operator.disabled_at is not None:
        raise Unauthenticated(reason="the operator may not come in")
    if factor is None or factor.id != claims.factor_id or not is_satisfied(claims.methods):
        raise Unauthenticated(reason="the operator's second factor is another one now")
    principal = Principal(
        kind="operator",
        id=operator.id,
        permissions=frozenset(),
        methods=claims.methods,
        authenticated_at=claims.authenticated_at,
    )
    return Admitted(ctx=replace(ctx, principal=principal), headers=headers)


def _opens(row: AdmittedKey, digest: bytes) -> bool:
    return is_same(row.secret_hash, digest) or (row.previous_hash is not None and is_same(row.previous_hash, digest))


def _limits(ctx: Context, *, subject: str, cost: int) -> CallerLimits:
    settings = ctx.setting(PlatformSettings)
    return CallerLimits(
        own=Limit(policy="default", rate=rate(settings.rate_limit), subject=f"{ctx.workspace}:{subject}", cost=cost),
        shared=Limit(policy="workspace", rate=rate(settings.rate_limit_workspace), subject=str(ctx.workspace), cost=cost),
    )


def _is_valid(row: Admittance, ctx: Context) -> bool:
    return row.valid_until is None or row.valid_until > ctx.now()


def _admitted(ctx: Context, shown: Shown, row: Admittance, principal: Principal, limits: CallerLimits) -> Admitted:
    headers = headers_after([limits.own, limits.shared], limits.taken(row))
    locale = first_language(shown.language) or row.locale
    return Admitted(ctx=replace(ctx, principal=principal, locale=locale, timezone=row.timezone), headers=headers)
