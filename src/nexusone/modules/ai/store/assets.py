"""SQL of assets."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    id, kind, media_type, size_bytes, width, height, duration_ms, name, blob_key, thumbnail_key, sha256, origin, generation_id, place,
    source_asset_id, is_ai_generated, has_manifest, alt_text, version, created_by, created_at
""")

INSERT = sql("""
insert into ai.asset (
    workspace_id, id, kind, media_type, size_bytes, width, height, duration_ms, name, blob_key, thumbnail_key, sha256, origin,
    generation_id, place, source_asset_id, is_ai_generated, has_manifest, alt_text, created_by, created_at
)
values (
    %(workspace_id)s, %(id)s, %(kind)s, %(media_type)s, %(size_bytes)s, %(width)s, %(height)s, %(duration_ms)s, %(name)s,
    %(blob_key)s, %(thumbnail_key)s, %(sha256)s, %(origin)s, %(generation_id)s, %(place)s, %(source_asset_id)s,
    %(is_ai_generated)s, %(has_manifest)s, %(alt_text)s, %(created_by)s, %(now)s
)
on conflict (workspace_id, id) do nothing
""")

FIND = fragment("""
select {columns}
from ai.asset
where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=COLUMNS)

LOCK = fragment("""
select {columns}
from ai.asset
where workspace_id = %(workspace_id)s and id = %(id)s
for update
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns}
from ai.asset
where workspace_id = %(workspace_id)s
    and (%(kind)s::text is null or kind = %(kind)s) and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""").fill(columns=COLUMNS)

UPDATE = fragment("""
update ai.asset set name = %(name)s, alt_text = %(alt_text)s, version = version + 1
where workspace_id = %(workspace_id)s and id = %(id)s
returning {columns}
""").fill(columns=COLUMNS)

DELETE = sql("""
delete from ai.asset where workspace_id = %(workspace_id)s and id = %(id)s
""")

BYTES_STORED = sql("""
select coalesce(sum(size_bytes), 0)::bigint from ai.asset where workspace_id = %(workspace_id)s
""")

LOCK_COUNTING = sql("""
select true from (select pg_advisory_xact_lock(hashtextextended(%(workspace_id)s::uuid::text, 7230118020))) as locked
""")


@dataclass(frozen=True, slots=True)
class PreparedAsset:
    """An asset whose files are stored, and which is nobody's yet; `origin` says where it is from."""

    id: UUID
    kind: Literal["image", "audio", "video"]
    media_type: str
    size_bytes: int
    width: int | None
    height: int | None
    duration_ms: int | None
    name: str
    blob_key: str
    thumbnail_key: str | None
    sha256: bytes
    origin: Literal["generated", "uploaded", "derived"]
    generation_id: UUID | None
    place: int | None
    source_asset_id: UUID | None
    is_ai_generated: bool
    has_manifest: bool


@dataclass(frozen=True, slots=True)
class AssetRow(PreparedAsset):
    """An asset."""

    alt_text: str | None
    version: int
    created_by: str
    created_at: datetime


async def insert(
    tx: Transaction, prepared: PreparedAsset, *, workspace_id: UUID, alt_text: str | None, created_by: str, now: datetime
) -> bool:
    """A new asset; False where there is one of that id."""
    parameters = {**asdict(prepared), "workspace_id": workspace_id, "alt_text": alt_text, "created_by": created_by, "now": now}
    return await tx.execute(INSERT, parameters) == 1


async def find(tx: Transaction, *, workspace_id: UUID, asset_id: UUID) -> AssetRow | None:
    """An asset, or None."""
    return await tx.find_one(AssetRow, FIND, {"workspace_id": workspace_id, "id": asset_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, asset_id: UUID) -> AssetRow | None:
    """An asset, locked until the transaction ends."""
    return await tx.find_one(AssetRow, LOCK, {"workspace_id": workspace_id, "id": asset_id})


async def list_page(tx: Transaction, *, workspace_id: UUID, kind: str | None, after: UUID | None, limit: int) -> list[AssetRow]:
    """Assets, newest first."""
    return await tx.fetch_all(AssetRow, LIST, {"workspace_id": workspace_id, "kind": kind, "after": after, "limit": limit})


async def update(tx: Transaction, *, workspace_id: UUID, asset_id: UUID, name: str, alt_text: str | None) -> AssetRow:
    """Sets what people say of it."""
    return await tx.fetch_one(AssetRow, UPDATE, {"workspace_id": workspace_id, "id": asset_id, "name": name, "alt_text": alt_text})


async def delete(tx: Transaction, *, workspace_id: UUID, asset_id: UUID) -> bool:
    """Forgets an asset; False where there is none."""
    return await tx.execute(DELETE, {"workspace_id": workspace_id, "id": asset_id}) == 1


async def bytes_stored(tx: Transaction, *, workspace_id: UUID) -> int:
    """How many bytes the contents of all assets have."""
    return await tx.fetch_value(int, BYTES_STORED, {"workspace_id": workspace_id})


async def lock_counting(tx: Transaction, *, workspace_id: UUID) -> None:
    """Waits until nobody else in the workspace is adding assets against the limit."""
    await tx.fetch_value(bool, LOCK_COUNTING, {"workspace_id": workspace_id})
