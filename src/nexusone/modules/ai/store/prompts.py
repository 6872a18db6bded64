"""SQL of prompt templates and their versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT = sql("""
insert into ai.prompt_template (workspace_id, id, version, created_at, updated_at)
values (%(workspace_id)s, %(id)s, 1, %(now)s, %(now)s)
""")

INSERT_VERSION = sql("""
insert into ai.prompt_template_version
    (workspace_id, template_id, version, name, default_locale, variables, texts, created_at, created_by)
values (%(workspace_id)s, %(id)s, %(version)s, %(name)s, %(default_locale)s, %(variables)s, %(texts)s, %(now)s, %(created_by)s)
""")

UPDATE = sql("""
update ai.prompt_template set version = %(version)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

LOCK = sql("""
select version from ai.prompt_template
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
for update
""")

FIND = sql("""
select t.id, v.name, v.default_locale, v.variables, v.texts, t.version, t.created_at, t.updated_at, v.created_by
from ai.prompt_template as t
join ai.prompt_template_version as v
    on v.workspace_id = t.workspace_id and v.template_id = t.id and v.version = t.version
where t.workspace_id = %(workspace_id)s and t.id = %(id)s and t.deleted_at is null
""")

LIST = sql("""
select
    t.id, v.name, v.default_locale,
    array(select jsonb_object_keys(v.texts) as locale order by locale) as locales,
    t.version, t.created_at, t.updated_at
from ai.prompt_template as t
join ai.prompt_template_version as v
    on v.workspace_id = t.workspace_id and v.template_id = t.id and v.version = t.version
where t.workspace_id = %(workspace_id)s and t.deleted_at is null and (%(after)s::uuid is null or t.id < %(after)s)
order by t.id desc
limit %(limit)s
""")

FIND_VERSION = sql("""
select v.version, v.name, v.default_locale, v.variables, v.texts, v.created_at, v.created_by
from ai.prompt_template_version as v
join ai.prompt_template as t on t.workspace_id = v.workspace_id and t.id = v.template_id and t.deleted_at is null
where v.workspace_id = %(workspace_id)s and v.template_id = %(id)s and v.version = %(version)s
""")

LIST_VERSIONS = sql("""
select v.version, v.name, v.default_locale, v.variables, v.texts, v.created_at, v.created_by
from ai.prompt_template_version as v
join ai.prompt_template as t on t.workspace_id = v.workspace_id and t.id = v.template_id and t.deleted_at is null
where v.workspace_id = %(workspace_id)s and v.template_id = %(id)s
    and (%(after)s::integer is null or v.version < %(after)s)
order by v.version desc
limit %(limit)s
""")

DELETE = sql("""
update ai.prompt_template set deleted_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
""")


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A template with its present version; `variables` and `texts` are JSON by name and by locale."""

    id: UUID
    name: str
    default_locale: str
    variables: dict[str, dict[str, Any]]
    texts: dict[str, str]
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class PromptSummaryRow:
    """A template without its texts."""

    id: UUID
    name: str
    default_locale: str
    locales: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PromptVersionRow:
    """What one version said."""

    version: int
    name: str
    default_locale: str
    variables: dict[str, dict[str, Any]]
    texts: dict[str, str]
    created_at: datetime
    created_by: str


async def insert(tx: Transaction, row: PromptRow, *, workspace_id: UUID) -> None:
    """A new template with its first version."""
    await tx.execute(INSERT, {"workspace_id": workspace_id, "id": row.id, "now": row.created_at})
    await _insert_version(tx, row, workspace_id=workspace_id)


async def update(tx: Transaction, row: PromptRow, *, workspace_id: UUID) -> None:
    """Makes `row.version` the present one."""
    await _insert_version(tx, row, workspace_id=workspace_id)
    await tx.execute(UPDATE, {"workspace_id": workspace_id, "id": row.id, "version": row.version, "now": row.updated_at})


async def find(tx: Transaction, *, workspace_id: UUID, template_id: UUID) -> PromptRow | None:
    """A template that is not deleted."""
    return await tx.find_one(PromptRow, FIND, {"workspace_id": workspace_id, "id": template_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, template_id: UUID) -> PromptRow | None:
    """The same, locked until the transaction ends."""
    parameters = {"workspace_id": workspace_id, "id": template_id}
    if await tx.find_value(int, LOCK, parameters) is None:
        return None
    return await tx.find_one(PromptRow, FIND, parameters)


async def list_page(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[PromptSummaryRow]:
    """Templates, newest first."""
    return await tx.fetch_all(PromptSummaryRow, LIST, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def find_version(tx: Transaction, *, workspace_id: UUID, template_id: UUID, version: int) -> PromptVersionRow | None:
    """One version of a template that is not deleted."""
    return await tx.find_one(PromptVersionRow, FIND_VERSION, {"workspace_id": workspace_id, "id": template_id, "version": version})


async def list_versions(tx: Transaction, *, workspace_id: UUID, template_id: UUID, after: int | None, limit: int) -> list[PromptVersionRow]:
    """Versions of a template, newest first."""
    parameters = {"workspace_id": workspace_id, "id": template_id, "after": after, "limit": limit}
    return await tx.fetch_all(PromptVersionRow, LIST_VERSIONS, parameters)


async def delete(tx: Transaction, *, workspace_id: UUID, template_id: UUID, now: datetime) -> bool:
    """Hides a template; False where there is none."""
    return await tx.execute(DELETE, {"workspace_id": workspace_id, "id": template_id, "now": now}) == 1


async def _insert_version(tx: Transaction, row: PromptRow, *, workspace_id: UUID) -> None:
    await tx.execute(
        INSERT_VERSION,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "version": row.version,
            "name": row.name,
            "default_locale": row.default_locale,
            "variables": Jsonb(row.variables),
            "texts": Jsonb(row.texts),
            "now": row.updated_at,
            "created_by": row.created_by,
        },
    )
