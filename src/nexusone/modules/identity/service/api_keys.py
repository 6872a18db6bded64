"""Keys for machines."""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity.contracts.api_keys import ApiKey, ApiKeyChange, ApiKeyRotation, IssuedApiKey, NewApiKey
from nexusone.modules.identity.domain.api_keys import KeyMode, write_api_key
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.permissions import unknown_permissions, within
from nexusone.modules.identity.events import ApiKeyChanged, ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated
from nexusone.modules.identity.service.refusals import ApiKeyNotFound, KeyModeNotServed, PermissionNotHeld
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.modules.identity.store import api_keys
from nexusone.modules.identity.store.api_keys import ApiKeyRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

SECRET_BYTES = 32


async def create_api_key(ctx: Context, *, wanted: NewApiKey) -> IssuedApiKey:
    """Makes a key; its secret is in this answer and nowhere else.

    Raises:
        PermissionNotHeld: the key would have more permissions than its maker.
        KeyModeNotServed: a live key in a sandbox.
        Unprocessable: there is no such permission, or the key would have ended already.
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    _refuse_past(ctx, wanted.expires_at)
    permissions = frozenset(wanted.permissions)
    if unknown := unknown_permissions(permissions):
        faults = tuple(FieldError(pointer="/permissions", code="unknown", detail=f"there is no permission {name}") for name in unknown)
        raise Unprocessable(errors=faults, count=len(faults))
    if not within(permissions, ctx.principal.permissions):
        raise PermissionNotHeld(permissions=", ".join(sorted(permissions - ctx.principal.permissions)))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = ApiKeyRow(
        id=new_id(),
        name=wanted.name,
        mode=_mode(ctx, wanted),
        permissions=sorted(permissions),
        allowed_networks=wanted.allowed_networks,
        created_at=ctx.now(),
        expires_at=wanted.expires_at,
    )
    created_by = ctx.principal.id if ctx.principal.kind == "user" else None
    async with ctx.transaction("identity") as tx:
        await api_keys.insert_api_key(tx, row, workspace_id=ctx.workspace, secret_hash=digest_of(secret), created_by=created_by)
        await publish(tx, ApiKeyCreated(api_key_id=row.id))
        await conclude(tx, IssuedApiKey(key=_api_key(row), secret=None))
    return IssuedApiKey(key=_api_key(row), secret=_text(ctx, row, secret))


async def list_api_keys(ctx: Context, *, request: PageRequest) -> PageOf[ApiKey]:
    """Keys, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("identity") as tx:
        rows = await api_keys.list_api_keys(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1, now=ctx.now())
    items = tuple(_api_key(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_api_key(ctx: Context, *, key_id: UUID, change: ApiKeyChange) -> ApiKey:
    """Renames a key, or changes when it ends and from where it works.

    Raises:
        ApiKeyNotFound: there is none.
        Unprocessable: it would have ended already.
    """
    _refuse_past(ctx, change.expires_at)
    given = change.model_fields_set - {name for name in ("name", "allowed_networks") if getattr(change, name) is None}
    async with ctx.transaction("identity") as tx:
        row = replace(await _get(ctx, tx, key_id), **{name: getattr(change, name) for name in given})
        await api_keys.update_api_key(tx, row, workspace_id=ctx.workspace)
        await publish(tx, ApiKeyChanged(api_key_id=key_id))
    return _api_key(row)


async def rotate_api_key(ctx: Context, *, key_id: UUID, wanted: ApiKeyRotation) -> IssuedApiKey:
    """Gives a key another secret; the old one works for the overlap.

    Raises:
        ApiKeyNotFound: there is none, or it was ended.
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    async with ctx.transaction("identity") as tx:
        rotated = await api_keys.rotate_api_key(
            tx,
            workspace_id=ctx.workspace,
            key_id=key_id,
            secret_hash=digest_of(secret),
            now=ctx.now(),
            previous_until=ctx.now() + timedelta(hours=wanted.overlap_hours),
        )
        if not rotated:
            raise ApiKeyNotFound
        row = await _get(ctx, tx, key_id)
        await publish(tx, ApiKeyRotated(api_key_id=key_id))
        await conclude(tx, IssuedApiKey(key=_api_key(row), secret=None))
    return IssuedApiKey(key=_api_key(row), secret=_text(ctx, row, secret))


async def revoke_api_key(ctx: Context, *, key_id: UUID) -> None:
    """Ends a key at once; ending it again is harmless.

    Raises:
        ApiKeyNotFound: there is none.
    """
    async with ctx.transaction("identity") as tx:
        if not await api_keys.revoke_api_key(tx, workspace_id=ctx.workspace, key_id=key_id, now=ctx.now()):
            raise ApiKeyNotFound
        await publish(tx, ApiKeyRevoked(api_key_id=key_id))


def _refuse_past(ctx: Context, expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= ctx.now():
        fault = FieldError(pointer="/expires_at", code="in_the_past", detail="a key ends in the future, or never")
        raise Unprocessable(errors=(fault,), count=1)


def _mode(ctx: Context, wanted: NewApiKey) -> KeyMode:
    of_deployment: KeyMode = "live" if ctx.setting(PlatformSettings).mode == "live" else "test"
    if wanted.mode == "live" and of_deployment == "test":
        raise KeyModeNotServed
    return wanted.mode or of_deployment


async def _get(ctx: Context, tx: Transaction, key_id: UUID) -> ApiKeyRow:
    row = await api_keys.find_api_key(tx, workspace_id=ctx.workspace, key_id=key_id, now=ctx.now())
    if row is None:
        raise ApiKeyNotFound
    return row


def _text(ctx: Context, row: ApiKeyRow, secret: str) -> str:
    return write_api_key(mode=cast("KeyMode", row.mode), workspace_id=ctx.workspace, key_id=row.id, secret=secret)


def _api_key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        mode=cast("KeyMode", row.mode),
        permissions=row.permissions,
        allowed_networks=row.allowed_networks,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        rotated_at=row.rotated_at,
        old_secret_until=row.previous_until,
        last_used_at=row.used_at,
        last_used_from=row.used_from,
    )
