"""SQL of API keys."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

_COLUMNS = fragment("""
id, name, mode, permissions, allowed_networks::text[] as allowed_networks, created_at, expires_at, revoked_at, rotated_at,
case when previous_until > %(now)s then previous_until end as previous_until, used_at, used_from
""")

INSERT_API_KEY = sql("""
insert into identity.api_key
    (workspace_id, id, name, mode, secret_hash, permissions, allowed_networks, created_by, created_at, expires_at)
values
    (%(workspace_id)s, %(id)s, %(name)s, %(mode)s, %(secret_hash)s, %(permissions)s, %(allowed_networks)s::text[]::cidr[],
    %(created_by)s, %(now)s, %(expires_at)s)
""")

FIND_API_KEY = fragment("""
select {columns} from identity.api_key where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=_COLUMNS)

LIST_API_KEYS = fragment("""
select {columns}
from identity.api_key
where workspace_id = %(workspace_id)s and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""").fill(columns=_COLUMNS)

UPDATE_API_KEY = sql("""
update identity.api_key
set name = %(name)s, expires_at = %(expires_at)s, allowed_networks = %(allowed_networks)s::text[]::cidr[]
where workspace_id = %(workspace_id)s and id = %(id)s
""")

ROTATE_API_KEY = sql("""
update identity.api_key
set previous_hash = secret_hash, previous_until = %(previous_until)s, secret_hash = %(secret_hash)s, rotated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and revoked_at is null
""")

REVOKE_API_KEY = sql("""
update identity.api_key
set revoked_at = coalesce(revoked_at, %(now)s), previous_hash = null, previous_until = null
where workspace_id = %(workspace_id)s and id = %(id)s
""")

NOTE_USE = sql("""
update identity.api_key set used_at = %(now)s, used_from = %(used_from)s
where workspace_id = %(workspace_id)s and id = %(id)s and (used_at is null or used_at < %(since)s)
""")


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """A key without its secret; `previous_until` while the secret before the last rotation still works."""

    id: UUID
    name: str
    mode: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    allowed_networks: list[str] = field(default_factory=list)
    revoked_at: datetime | None = None
    rotated_at: datetime | None = None
    previous_until: datetime | None = None
    used_at: datetime | None = None
    used_from: str | None = None


async def insert_api_key(tx: Transaction, key: ApiKeyRow, *, workspace_id: UUID, secret_hash: bytes, created_by: UUID | None) -> None:
    """A new key."""
    await tx.execute(
        INSERT_API_KEY,
        {
            "workspace_id": workspace_id,
            "id": key.id,
            "name": key.name,
            "mode": key.mode,
            "secret_hash": secret_hash,
            "permissions": key.permissions,
            "allowed_networks": key.allowed_networks,
            "created_by": created_by,
            "now": key.created_at,
            "expires_at": key.expires_at,
        },
    )


async def find_api_key(tx: Transaction, *, workspace_id: UUID, key_id: UUID, now: datetime) -> ApiKeyRow | None:
    """A key by id."""
    return await tx.find_one(ApiKeyRow, FIND_API_KEY, {"workspace_id": workspace_id, "id": key_id, "now": now})


async def list_api_keys(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int, now: datetime) -> list[ApiKeyRow]:
    """Keys, newest first."""
    return await tx.fetch_all(ApiKeyRow, LIST_API_KEYS, {"workspace_id": workspace_id, "after": after, "limit": limit, "now": now})


async def update_api_key(tx: Transaction, key: ApiKeyRow, *, workspace_id: UUID) -> None:
    """Writes name, expiry and networks."""
    parameters = {"workspace_id": workspace_id, "id": key.id, "name": key.name, "expires_at": key.expires_at}
    await tx.execute(UPDATE_API_KEY, {**parameters, "allowed_networks": key.allowed_networks})


async def rotate_api_key(
    tx: Transaction, *, workspace_id: UUID, key_id: UUID, secret_hash: bytes, now: datetime, previous_until: datetime
) -> bool:
    """Another secret; the present one works until `previous_until`. False where there is no living key."""
    parameters = {"workspace_id": workspace_id, "id": key_id, "now": now, "previous_until": previous_until}
    return await tx.execute(ROTATE_API_KEY, {**parameters, "secret_hash": secret_hash}) == 1


async def revoke_api_key(tx: Transaction, *, workspace_id: UUID, key_id: UUID, now: datetime) -> bool:
    """Ends a key for good; False where there is none."""
    return await tx.execute(REVOKE_API_KEY, {"workspace_id": workspace_id, "id": key_id, "now": now}) == 1


async def note_use(ctx: Context, *, key_id: UUID, used_from: str | None, since: datetime) -> None:
    """Writes when and from where the key was used, unless that was written after `since`."""
    async with ctx.transaction("identity") as tx:
        parameters = {"workspace_id": ctx.workspace, "id": key_id, "now": ctx.now(), "used_from": used_from, "since": since}
        await tx.execute(NOTE_USE, parameters)
