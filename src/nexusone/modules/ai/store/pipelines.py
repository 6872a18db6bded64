"""SQL of pipelines and their versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT = sql("""
insert into ai.pipeline (workspace_id, id, version, created_at, updated_at)
values (%(workspace_id)s, %(id)s, 1, %(now)s, %(now)s)
""")

INSERT_VERSION = sql("""
insert into ai.pipeline_version (workspace_id, pipeline_id, version, name, definition, secret_names, created_at, created_by)
values (%(workspace_id)s, %(id)s, %(version)s, %(name)s, %(definition)s, %(secret_names)s, %(now)s, %(created_by)s)
""")

UPDATE = sql("""
update ai.pipeline set version = %(version)s, updated_at = %(now)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

PUBLISH = sql("""
update ai.pipeline set published_version = %(version)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
""")

LOCK = sql("""
select version from ai.pipeline
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
for update
""")

FIND = sql("""
select p.id, v.name, v.definition, v.secret_names, p.version, p.published_version, p.created_at, p.updated_at, v.created_by
from ai.pipeline as p
join ai.pipeline_version as v on v.workspace_id = p.workspace_id and v.pipeline_id = p.id and v.version = p.version
where p.workspace_id = %(workspace_id)s and p.id = %(id)s and p.deleted_at is null
""")

LIST = sql("""
select p.id, v.name, p.version, p.published_version, p.created_at, p.updated_at
from ai.pipeline as p
join ai.pipeline_version as v on v.workspace_id = p.workspace_id and v.pipeline_id = p.id and v.version = p.version
where p.workspace_id = %(workspace_id)s and p.deleted_at is null and (%(after)s::uuid is null or p.id < %(after)s)
order by p.id desc
limit %(limit)s
""")

# Runs go on after their pipeline was deleted, so deleted ones are found as well where a run asks.
FIND_VERSION = sql("""
select v.version, v.name, v.definition, coalesce(p.published_version = v.version, false) as is_published, v.created_at, v.created_by
from ai.pipeline_version as v
join ai.pipeline as p on p.workspace_id = v.workspace_id and p.id = v.pipeline_id and (p.deleted_at is null or %(is_for_run)s)
where v.workspace_id = %(workspace_id)s and v.pipeline_id = %(id)s and v.version = %(version)s
""")

LIST_VERSIONS = sql("""
select v.version, v.name, v.definition, coalesce(p.published_version = v.version, false) as is_published, v.created_at, v.created_by
from ai.pipeline_version as v
join ai.pipeline as p on p.workspace_id = v.workspace_id and p.id = v.pipeline_id and p.deleted_at is null
where v.workspace_id = %(workspace_id)s and v.pipeline_id = %(id)s and (%(after)s::integer is null or v.version < %(after)s)
order by v.version desc
limit %(limit)s
""")

DELETE = sql("""
update ai.pipeline set deleted_at = %(now)s where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
""")


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline with its present version."""

    id: UUID
    name: str
    definition: dict[str, Any]
    secret_names: list[str]
    version: int
    published_version: int | None
    created_at: datetime
    updated_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class PipelineSummaryRow:
    """A pipeline without its definition."""

    id: UUID
    name: str
    version: int
    published_version: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PipelineVersionRow:
    """What one version said."""

    version: int
    name: str
    definition: dict[str, Any]
    is_published: bool
    created_at: datetime
    created_by: str


async def insert(tx: Transaction, row: PipelineRow, *, workspace_id: UUID) -> None:
    """A new pipeline with its first version."""
    await tx.execute(INSERT, {"workspace_id": workspace_id, "id": row.id, "now": row.created_at})
    await _insert_version(tx, row, workspace_id=workspace_id)


async def update(tx: Transaction, row: PipelineRow, *, workspace_id: UUID) -> None:
    """Makes `row.version` the present one."""
    await _insert_version(tx, row, workspace_id=workspace_id)
    await tx.execute(UPDATE, {"workspace_id": workspace_id, "id": row.id, "version": row.version, "now": row.updated_at})


async def publish(tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID, version: int, now: datetime) -> bool:
    """Makes a version the one that runs; False where there is no such pipeline."""
    parameters = {"workspace_id": workspace_id, "id": pipeline_id, "version": version, "now": now}
    return await tx.execute(PUBLISH, parameters) == 1


async def find(tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID) -> PipelineRow | None:
    """A pipeline that is not deleted."""
    return await tx.find_one(PipelineRow, FIND, {"workspace_id": workspace_id, "id": pipeline_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID) -> PipelineRow | None:
    """The same, locked until the transaction ends."""
    parameters = {"workspace_id": workspace_id, "id": pipeline_id}
    if await tx.find_value(int, LOCK, parameters) is None:
        return None
    return await tx.find_one(PipelineRow, FIND, parameters)


async def list_page(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[PipelineSummaryRow]:
    """Pipelines, newest first."""
    return await tx.fetch_all(PipelineSummaryRow, LIST, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def find_version(
    tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID, version: int, is_for_run: bool = False
) -> PipelineVersionRow | None:
    """One version; of a deleted pipeline only for its runs."""
    parameters = {"workspace_id": workspace_id, "id": pipeline_id, "version": version, "is_for_run": is_for_run}
    return await tx.find_one(PipelineVersionRow, FIND_VERSION, parameters)


async def list_versions(
    tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID, after: int | None, limit: int
) -> list[PipelineVersionRow]:
    """Versions, newest first."""
    parameters = {"workspace_id": workspace_id, "id": pipeline_id, "after": after, "limit": limit}
    return await tx.fetch_all(PipelineVersionRow, LIST_VERSIONS, parameters)


async def delete(tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID, now: datetime) -> bool:
    """Hides a pipeline; False where there is none."""
    return await tx.execute(DELETE, {"workspace_id": workspace_id, "id": pipeline_id, "now": now}) == 1


async def _insert_version(tx: Transaction, row: PipelineRow, *, workspace_id: UUID) -> None:
    parameters = {"workspace_id": workspace_id, "id": row.id, "version": row.version, "name": row.name, "created_by": row.created_by}
    said = {"definition": Jsonb(row.definition), "secret_names": row.secret_names}
    await tx.execute(INSERT_VERSION, {**parameters, **said, "now": row.updated_at})
