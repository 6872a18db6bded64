"""SQL of brand voices, their versions and the workspace's default."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

VOICES = fragment("""
select v.id, c.content, d.voice_id is not null as is_default, v.version, v.created_at, v.updated_at, c.created_by
from ai.brand_voice as v
join ai.brand_voice_version as c
    on c.workspace_id = v.workspace_id and c.voice_id = v.id and c.version = v.version
left join ai.brand_voice_default as d on d.workspace_id = v.workspace_id and d.voice_id = v.id
where v.workspace_id = %(workspace_id)s and v.deleted_at is null
""")

FIND = fragment("{voices} and v.id = %(id)s").fill(voices=VOICES)

FIND_DEFAULT = fragment("{voices} and d.voice_id is not null").fill(voices=VOICES)

LIST = fragment("""
{voices} and (%(after)s::uuid is null or v.id < %(after)s)
order by v.id desc
limit %(limit)s
""").fill(voices=VOICES)

INSERT = sql("""
insert into ai.brand_voice (workspace_id, id, version, created_at, updated_at)
values (%(workspace_id)s, %(id)s, 1, %(now)s, %(now)s)
""")

INSERT_VERSION = sql("""
insert into ai.brand_voice_version (workspace_id, voice_id, version, content, created_at, created_by)
values (%(workspace_id)s, %(id)s, %(version)s, %(content)s, %(now)s, %(created_by)s)
""")

UPDATE = sql("""
update ai.brand_voice set version = %(version)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

LOCK = sql("""
select version from ai.brand_voice
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
for update
""")

FIND_VERSION = sql("""
select c.version, c.content, c.created_at, c.created_by
from ai.brand_voice_version as c
join ai.brand_voice as v on v.workspace_id = c.workspace_id and v.id = c.voice_id and v.deleted_at is null
where c.workspace_id = %(workspace_id)s and c.voice_id = %(id)s and c.version = %(version)s
""")

LIST_VERSIONS = sql("""
select c.version, c.content, c.created_at, c.created_by
from ai.brand_voice_version as c
join ai.brand_voice as v on v.workspace_id = c.workspace_id and v.id = c.voice_id and v.deleted_at is null
where c.workspace_id = %(workspace_id)s and c.voice_id = %(id)s and (%(after)s::integer is null or c.version < %(after)s)
order by c.version desc
limit %(limit)s
""")

PUT_DEFAULT = sql("""
insert into ai.brand_voice_default (workspace_id, voice_id)
values (%(workspace_id)s, %(id)s)
on conflict (workspace_id) do update set voice_id = excluded.voice_id
""")

DROP_DEFAULT = sql("""
delete from ai.brand_voice_default where workspace_id = %(workspace_id)s and voice_id = %(id)s
""")

DELETE = sql("""
update ai.brand_voice set deleted_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
""")


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """A voice with its present version; `content` is the JSON of a VoiceContent."""

    id: UUID
    content: dict[str, Any]
    is_default: bool
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class VoiceVersionRow:
    """What one version said."""

    version: int
    content: dict[str, Any]
    created_at: datetime
    created_by: str


async def insert(tx: Transaction, row: VoiceRow, *, workspace_id: UUID) -> None:
    """A new voice with its first version, the workspace's default where it says so."""
    await tx.execute(INSERT, {"workspace_id": workspace_id, "id": row.id, "now": row.created_at})
    await _insert_version(tx, row, workspace_id=workspace_id)
    if row.is_default:
        await tx.execute(PUT_DEFAULT, {"workspace_id": workspace_id, "id": row.id})


async def update(tx: Transaction, row: VoiceRow, *, workspace_id: UUID) -> None:
    """Makes `row.version` the present one, and the voice the default or not."""
    parameters = {"workspace_id": workspace_id, "id": row.id}
    await _insert_version(tx, row, workspace_id=workspace_id)
    await tx.execute(UPDATE, {**parameters, "version": row.version, "now": row.updated_at})
    await tx.execute(PUT_DEFAULT if row.is_default else DROP_DEFAULT, parameters)


async def find(tx: Transaction, *, workspace_id: UUID, voice_id: UUID) -> VoiceRow | None:
    """A voice that is not deleted."""
    return await tx.find_one(VoiceRow, FIND, {"workspace_id": workspace_id, "id": voice_id})


async def find_default(tx: Transaction, *, workspace_id: UUID) -> VoiceRow | None:
    """The workspace's default, if it has one."""
    return await tx.find_one(VoiceRow, FIND_DEFAULT, {"workspace_id": workspace_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, voice_id: UUID) -> VoiceRow | None:
    """A voice, locked until the transaction ends."""
    parameters = {"workspace_id": workspace_id, "id": voice_id}
    if await tx.find_value(int, LOCK, parameters) is None:
        return None
    return await tx.find_one(VoiceRow, FIND, parameters)


async def list_page(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[VoiceRow]:
    """Voices, newest first."""
    return await tx.fetch_all(VoiceRow, LIST, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def find_version(tx: Transaction, *, workspace_id: UUID, voice_id: UUID, version: int) -> VoiceVersionRow | None:
    """One version of a voice that is not deleted."""
    return await tx.find_one(VoiceVersionRow, FIND_VERSION, {"workspace_id": workspace_id, "id": voice_id, "version": version})


async def list_versions(tx: Transaction, *, workspace_id: UUID, voice_id: UUID, after: int | None, limit: int) -> list[VoiceVersionRow]:
    """Versions of a voice, newest first."""
    return await tx.fetch_all(
        VoiceVersionRow, LIST_VERSIONS, {"workspace_id": workspace_id, "id": voice_id, "after": after, "limit": limit}
    )


async def delete(tx: Transaction, *, workspace_id: UUID, voice_id: UUID, now: datetime) -> bool:
    """Hides a voice, which then is no default; False where there is none."""
    await tx.execute(DROP_DEFAULT, {"workspace_id": workspace_id, "id": voice_id})
    return await tx.execute(DELETE, {"workspace_id": workspace_id, "id": voice_id, "now": now}) == 1


async def _insert_version(tx: Transaction, row: VoiceRow, *, workspace_id: UUID) -> None:
    await tx.execute(
        INSERT_VERSION,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "version": row.version,
            "content": Jsonb(row.content),
            "now": row.updated_at,
            "created_by": row.created_by,
        },
    )
