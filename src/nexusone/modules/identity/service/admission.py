"""Checks credentials: one statement looks the credential up and takes the caller's rate limits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from nexusone.kernel.errors import Unauthenticated
from nexusone.kernel.locale import first_language
from nexusone.modules.identity.domain.credentials import is_same, read_api_key
from nexusone.modules.identity.domain.permissions import permissions_of
from nexusone.modules.identity.service.tokens import verify
from nexusone.modules.identity.store import credentials
from nexusone.modules.identity.store.credentials import AdmittedRow
from nexusone.platform.limits import Limit, Taken, headers_after, rate
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings


@dataclass(frozen=True, slots=True)
class Admitted:
    """The context of a caller whose credential holds, and the rate-limit headers of the answer."""

    ctx: Context
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a caller shows: a credential, the wished language (empty: none), and what the request costs."""

    credential: str
    language: str
    cost: int


async def admit_session(ctx: Context, *, shown: Shown) -> Admitted:
    """The context of a living session's access token.

    Raises:
        Unauthenticated: forged, expired, or its session has ended.
        RateLimited: the caller's limit is used up.
    """
    claims = verify(ctx.runtime, shown.credential)
    inside = ctx.for_workspace(claims.workspace_id)
    limit = _limit(inside, principal_id=claims.user_id, cost=shown.cost)
    row = await credentials.find_session(inside, session_id=claims.session_id, limit=limit)
    if row is None or row.role is None or row.principal_id != claims.user_id or not _is_valid(row, inside):
        raise Unauthenticated(reason="the session has ended")
    principal = Principal(
        kind="user",
        id=row.principal_id,
        permissions=permissions_of(row.role),
        session_id=claims.session_id,
        methods=claims.methods,
        authenticated_at=claims.authenticated_at,
    )
    return _admitted(inside, shown, row, principal, limit)


async def admit_api_key(ctx: Context, *, shown: Shown) -> Admitted:
    """The context of a living API key.

    Raises:
        Unauthenticated: forged, expired, revoked, or of another mode.
        RateLimited: the caller's limit is used up.
    """
    read = read_api_key(shown.credential)
    if read is None:
        raise Unauthenticated(reason="the API key is not valid")
    mode, reference = read
    if (mode == "live") != (ctx.setting(PlatformSettings).mode == "live"):
        raise Unauthenticated(reason="test keys work in sandbox mode and live keys in live mode")
    inside = ctx.for_workspace(reference.workspace_id)
    limit = _limit(inside, principal_id=reference.id, cost=shown.cost)
    row = await credentials.find_api_key(inside, key_id=reference.id, limit=limit)
    if row is None or not is_same(row.secret_hash or b"", reference.digest) or not _is_valid(row, inside):
        raise Unauthenticated(reason="the API key is not valid")
    principal = Principal(kind="api_key", id=row.principal_id, permissions=frozenset(row.permissions or ()))
    return _admitted(inside, shown, row, principal, limit)


def _limit(ctx: Context, *, principal_id: UUID, cost: int) -> Limit:
    wanted = rate(ctx.setting(PlatformSettings).rate_limit)
    return Limit(policy="default", rate=wanted, subject=f"{ctx.workspace}:{principal_id}", cost=cost)


def _is_valid(row: AdmittedRow, ctx: Context) -> bool:
    return row.valid_until is None or row.valid_until > ctx.now()


def _admitted(ctx: Context, shown: Shown, row: AdmittedRow, principal: Principal, limit: Limit) -> Admitted:
    headers = headers_after([limit], [Taken(limit.key, row.taken, row.resets_in_seconds)])
    locale = first_language(shown.language) or row.locale
    return Admitted(ctx=replace(ctx, principal=principal, locale=locale, timezone=row.timezone), headers=headers)
