"""SQL of secrets of pipelines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    name, id, sealed_value, version, created_by, created_at, updated_by, updated_at, last_used_at
""")

PUT = fragment("""
insert into ai.pipeline_secret as kept (
    workspace_id, name, id, sealed_value, version, created_by, created_at, updated_by, updated_at
)
values (%(workspace_id)s, %(name)s, %(id)s, %(sealed_value)s, 1, %(put_by)s, %(now)s, %(put_by)s, %(now)s)
on conflict (workspace_id, name) do update
set id = excluded.id, sealed_value = excluded.sealed_value, version = kept.version + 1, updated_by = excluded.updated_by,
    updated_at = excluded.updated_at
returning {columns}
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns} from ai.pipeline_secret where workspace_id = %(workspace_id)s order by name
""").fill(columns=COLUMNS)

FIND = fragment("""
select {columns} from ai.pipeline_secret where workspace_id = %(workspace_id)s and name = any(%(names)s)
""").fill(columns=COLUMNS)

# Whoever publishes keeps what is named from being deleted meanwhile, and whoever deletes keeps it from being published.
KEEP = sql("""
select name from ai.pipeline_secret where workspace_id = %(workspace_id)s and name = any(%(names)s) order by name for share
""")

LOCK = sql("""
select name from ai.pipeline_secret where workspace_id = %(workspace_id)s and name = %(name)s for update
""")

LIST_USERS = sql("""
select v.name
from ai.pipeline as p
join ai.pipeline_version as v on v.workspace_id = p.workspace_id and v.pipeline_id = p.id and v.version = p.published_version
where p.workspace_id = %(workspace_id)s and p.deleted_at is null and %(name)s = any(v.secret_names)
order by v.name, p.id
limit %(limit)s
""")

DELETE = sql("""
delete from ai.pipeline_secret where workspace_id = %(workspace_id)s and name = %(name)s
""")

# To the minute is enough; steps that call at the same time do not wait for each other.
NOTE_USED = sql("""
update ai.pipeline_secret set last_used_at = %(now)s
where workspace_id = %(workspace_id)s and name = any(%(names)s)
  and (last_used_at is null or last_used_at < %(now)s::timestamptz - interval '1 minute')
""")


@dataclass(frozen=True, slots=True)
class PipelineSecretRow:
    """A value, sealed under `id`, which is new with every value."""

    name: str
    id: UUID
    sealed_value: bytes
    version: int
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    last_used_at: datetime | None


async def put(
    tx: Transaction, *, workspace_id: UUID, name: str, secret_id: UUID, sealed_value: bytes, put_by: str, now: datetime
) -> PipelineSecretRow:
    """The workspace's secret of that name, in place of the one before."""
    parameters = {"workspace_id": workspace_id, "name": name, "id": secret_id}
    return await tx.fetch_one(PipelineSecretRow, PUT, {**parameters, "sealed_value": sealed_value, "put_by": put_by, "now": now})


async def list_all(tx: Transaction, *, workspace_id: UUID) -> list[PipelineSecretRow]:
    """All of a workspace, by name."""
    return await tx.fetch_all(PipelineSecretRow, LIST, {"workspace_id": workspace_id})


async def find_named(tx: Transaction, *, workspace_id: UUID, names: Sequence[str]) -> list[PipelineSecretRow]:
    """Those of these names that there are."""
    return await tx.fetch_all(PipelineSecretRow, FIND, {"workspace_id": workspace_id, "names": list(names)})


async def keep(tx: Transaction, *, workspace_id: UUID, names: Sequence[str]) -> frozenset[str]:
    """Which of these names there are; they stay until the transaction ends."""
    rows = await tx.fetch_tuples(KEEP, {"workspace_id": workspace_id, "names": list(names)})
    return frozenset(str(name) for (name,) in rows)


async def lock(tx: Transaction, *, workspace_id: UUID, name: str) -> bool:
    """Keeps others from naming it in what they publish until the transaction ends; False where there is none."""
    return await tx.find_value(str, LOCK, {"workspace_id": workspace_id, "name": name}) is not None


async def list_users(tx: Transaction, *, workspace_id: UUID, name: str, limit: int) -> list[str]:
    """The names of the pipelines whose published version names it."""
    rows = await tx.fetch_tuples(LIST_USERS, {"workspace_id": workspace_id, "name": name, "limit": limit})
    return [str(user) for (user,) in rows]


async def delete(tx: Transaction, *, workspace_id: UUID, name: str) -> None:
    """Forgets it."""
    await tx.execute(DELETE, {"workspace_id": workspace_id, "name": name})


async def note_used(tx: Transaction, *, workspace_id: UUID, names: Sequence[str], now: datetime) -> None:
    """That they are about to be sent."""
    await tx.execute(NOTE_USED, {"workspace_id": workspace_id, "names": list(names), "now": now})
