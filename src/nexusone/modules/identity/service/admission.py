"""Admits requests: one statement checks the credential and takes the caller's rate limits."""

from uuid import UUID

from nexusone.kernel.errors import Unauthenticated
from nexusone.modules.identity.domain.credentials import is_same, read_api_key
from nexusone.modules.identity.domain.roles import permissions_of
from nexusone.modules.identity.service.tokens import verify
from nexusone.modules.identity.store import credentials
from nexusone.modules.identity.store.credentials import AdmittedRow
from nexusone.platform.limits import Limit, headers_after, rate
from nexusone.platform.origin import ANONYMOUS, Principal
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.web.admission import Admission, Arrival


class CredentialAuthenticator:
    """Knows access tokens and API keys."""

    async def admit(self, runtime: Runtime, arrival: Arrival) -> Admission:
        """The caller's context, if its credential holds; see `web.admission.Authenticator`."""
        scheme, _, credential = (arrival.authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise Unauthenticated(reason="send Authorization: Bearer with an access token or an API key")
        if credential.startswith("nx_"):
            return await _admit_api_key(runtime, arrival, credential)
        return await _admit_session(runtime, arrival, credential)


async def _admit_session(runtime: Runtime, arrival: Arrival, token: str) -> Admission:
    claims = verify(runtime, token)
    ctx = _anonymous(runtime, arrival, claims.workspace_id)
    limits = _limits(ctx, arrival, principal_id=claims.user_id)
    async with ctx.transaction("identity") as tx:
        row = await credentials.admit_session(tx, workspace_id=ctx.workspace, session_id=claims.session_id, limits=limits)
    if row is None or row.role is None or row.principal_id != claims.user_id or not _is_valid(row, ctx):
        raise Unauthenticated(reason="the session has ended")
    principal = Principal(kind="user", id=row.principal_id, permissions=permissions_of(row.role), session_id=claims.session_id)
    return _admission(ctx, arrival, row, principal, limits)


async def _admit_api_key(runtime: Runtime, arrival: Arrival, credential: str) -> Admission:
    read = read_api_key(credential)
    if read is None:
        raise Unauthenticated(reason="the API key is not valid")
    mode, reference = read
    if (mode == "live") != (runtime.setting(PlatformSettings).mode == "live"):
        raise Unauthenticated(reason="test keys work in sandbox mode and live keys in live mode")
    ctx = _anonymous(runtime, arrival, reference.workspace_id)
    limits = _limits(ctx, arrival, principal_id=reference.id)
    async with ctx.transaction("identity") as tx:
        row = await credentials.admit_api_key(tx, workspace_id=ctx.workspace, key_id=reference.id, limits=limits)
    if row is None or not is_same(row.secret_hash or b"", reference.digest) or not _is_valid(row, ctx):
        raise Unauthenticated(reason="the API key is not valid")
    principal = Principal(kind="api_key", id=row.principal_id, permissions=frozenset(row.permissions or ()))
    return _admission(ctx, arrival, row, principal, limits)


def _anonymous(runtime: Runtime, arrival: Arrival, workspace_id: UUID) -> Context:
    return Context(runtime=runtime, workspace_id=workspace_id, principal=ANONYMOUS, request_id=arrival.request_id, ip=arrival.ip)


def _limits(ctx: Context, arrival: Arrival, *, principal_id: UUID) -> list[Limit]:
    wanted = rate(ctx.setting(PlatformSettings).rate_limit)
    return [Limit(policy="default", rate=wanted, subject=f"{ctx.workspace}:{principal_id}", cost=arrival.cost)]


def _is_valid(row: AdmittedRow, ctx: Context) -> bool:
    return row.valid_until is None or row.valid_until > ctx.now()


def _admission(ctx: Context, arrival: Arrival, row: AdmittedRow, principal: Principal, limits: list[Limit]) -> Admission:
    headers = headers_after(limits, row.counters(limits))
    language = (arrival.language or "").split(",")[0].split(";")[0].strip()
    locale = language if 0 < len(language) <= 12 and language != "*" else row.locale
    admitted = Context(
        runtime=ctx.runtime,
        workspace_id=ctx.workspace_id,
        principal=principal,
        request_id=arrival.request_id,
        locale=locale,
        timezone=row.timezone,
        ip=arrival.ip,
    )
    return Admission(ctx=admitted, headers=headers)
