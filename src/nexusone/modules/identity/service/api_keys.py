"""Keys for machines."""

import secrets
from uuid import UUID

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity.contracts import ApiKey, IssuedApiKey, NewApiKey
from nexusone.modules.identity.domain.credentials import digest_of, write_api_key
from nexusone.modules.identity.domain.roles import within
from nexusone.modules.identity.events import ApiKeyCreated, ApiKeyRevoked
from nexusone.modules.identity.service.refusals import ApiKeyNotFound, PermissionNotHeld, PersonNeeded
from nexusone.modules.identity.store import credentials
from nexusone.modules.identity.store.credentials import ApiKeyRow
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings


async def create_api_key(ctx: Context, *, wanted: NewApiKey) -> IssuedApiKey:
    """Makes a key; its secret is in this answer and nowhere else.

    Raises:
        PersonNeeded: an API key asks for another.
        PermissionNotHeld: the key would have more permissions than its maker.
        Unprocessable: it would have ended already.
    """
    _need_person(ctx)
    if wanted.expires_at is not None and wanted.expires_at <= ctx.now():
        fault = FieldError(pointer="/expires_at", code="in_the_past", detail="a key ends in the future, or never")
        raise Unprocessable(errors=(fault,), count=1)
    permissions = frozenset(wanted.permissions)
    if not within(permissions, ctx.principal.permissions):
        raise PermissionNotHeld(permissions=", ".join(sorted(permissions - ctx.principal.permissions)))
    secret = secrets.token_urlsafe(32)
    row = ApiKeyRow(
        id=new_id(),
        name=wanted.name,
        permissions=sorted(permissions),
        created_at=ctx.now(),
        expires_at=wanted.expires_at,
        revoked_at=None,
    )
    created_by = ctx.principal.id if ctx.principal.kind == "user" else None
    async with ctx.transaction("identity") as tx:
        await credentials.insert_api_key(tx, row, workspace_id=ctx.workspace, secret_hash=digest_of(secret), created_by=created_by)
        await publish(tx, ApiKeyCreated(api_key_id=row.id))
        await conclude(tx, IssuedApiKey(key=_api_key(row), secret=None))
    mode = "live" if ctx.setting(PlatformSettings).mode == "live" else "test"
    text = write_api_key(mode=mode, workspace_id=ctx.workspace, key_id=row.id, secret=secret)
    return IssuedApiKey(key=_api_key(row), secret=text)


async def list_api_keys(ctx: Context, *, request: PageRequest) -> PageOf[ApiKey]:
    """Keys, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("identity") as tx:
        rows = await credentials.list_api_keys(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_api_key(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def revoke_api_key(ctx: Context, *, key_id: UUID) -> None:
    """Ends a key at once; ending it again is harmless.

    Raises:
        PersonNeeded: an API key asks for it.
        ApiKeyNotFound: there is none.
    """
    _need_person(ctx)
    async with ctx.transaction("identity") as tx:
        if not await credentials.revoke_api_key(tx, workspace_id=ctx.workspace, key_id=key_id, now=ctx.now()):
            raise ApiKeyNotFound
        await publish(tx, ApiKeyRevoked(api_key_id=key_id))


def _need_person(ctx: Context) -> None:
    # A key that leaked must not be able to make itself another one.
    if ctx.principal.kind == "api_key":
        raise PersonNeeded


def _api_key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        permissions=row.permissions,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
