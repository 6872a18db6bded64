"""SQL of templates and their versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_TEMPLATE = sql("""
insert into marketing.template (workspace_id, id, name, channel, default_locale, version, created_at, updated_at)
values (%(workspace_id)s, %(id)s, %(name)s, %(channel)s, %(default_locale)s, 1, %(now)s, %(now)s)
""")

INSERT_VERSION = sql("""
insert into marketing.template_version (workspace_id, template_id, version, default_locale, variants, created_at)
values (%(workspace_id)s, %(template_id)s, %(version)s, %(default_locale)s, %(variants)s, %(now)s)
""")

FIND_TEMPLATE = sql("""
select t.id, t.name, t.channel, t.default_locale, v.variants, t.version, t.created_at, t.updated_at
from marketing.template as t
join marketing.template_version as v
    on v.workspace_id = t.workspace_id and v.template_id = t.id and v.version = t.version
where t.workspace_id = %(workspace_id)s and t.id = %(id)s and t.deleted_at is null
""")

LOCK_TEMPLATE = sql("""
select version from marketing.template
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
for update
""")

FIND_VERSION = sql("""
select default_locale, variants
from marketing.template_version
where workspace_id = %(workspace_id)s and template_id = %(template_id)s and version = %(version)s
""")

LIST_TEMPLATES = sql("""
select
    t.id, t.name, t.channel, t.default_locale,
    array(select jsonb_object_keys(v.variants) as locale order by locale) as locales,
    t.version, t.created_at, t.updated_at
from marketing.template as t
join marketing.template_version as v
    on v.workspace_id = t.workspace_id and v.template_id = t.id and v.version = t.version
where t.workspace_id = %(workspace_id)s and t.deleted_at is null and (%(after)s::uuid is null or t.id < %(after)s)
order by t.id desc
limit %(limit)s
""")

LIST_TEMPLATES_BY_ID = sql("""
select
    t.id, t.name, t.channel, t.default_locale,
    array(select jsonb_object_keys(v.variants) as locale order by locale) as locales,
    t.version, t.created_at, t.updated_at
from marketing.template as t
join marketing.template_version as v
    on v.workspace_id = t.workspace_id and v.template_id = t.id and v.version = t.version
where t.workspace_id = %(workspace_id)s and t.id = any(%(ids)s::uuid[])
""")

UPDATE_TEMPLATE = sql("""
update marketing.template
set name = %(name)s, default_locale = %(default_locale)s, version = %(version)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

DELETE_TEMPLATE = sql("""
update marketing.template set deleted_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
""")


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A template with its present version; `variants` is the JSON of locale to variant."""

    id: UUID
    name: str
    channel: str
    default_locale: str
    variants: dict[str, dict[str, str]]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateSummaryRow:
    """A template without its texts."""

    id: UUID
    name: str
    channel: str
    default_locale: str
    locales: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The texts of one version."""

    default_locale: str
    variants: dict[str, dict[str, str]]


async def insert_template(tx: Transaction, row: TemplateRow, *, workspace_id: UUID) -> None:
    """A new template with its first version."""
    await tx.execute(INSERT_TEMPLATE, {**_named(row), "workspace_id": workspace_id, "channel": row.channel, "now": row.created_at})
    await insert_version(tx, row, workspace_id=workspace_id)


async def insert_version(tx: Transaction, row: TemplateRow, *, workspace_id: UUID) -> None:
    """A version's texts, for good."""
    parameters: dict[str, Any] = {"workspace_id": workspace_id, "template_id": row.id, "version": row.version}
    await tx.execute(
        INSERT_VERSION, {**parameters, "default_locale": row.default_locale, "variants": Jsonb(row.variants), "now": row.updated_at}
    )


async def update_template(tx: Transaction, row: TemplateRow, *, workspace_id: UUID) -> None:
    """Makes `row.version` the present one."""
    await insert_version(tx, row, workspace_id=workspace_id)
    await tx.execute(UPDATE_TEMPLATE, {**_named(row), "workspace_id": workspace_id, "version": row.version, "now": row.updated_at})


async def find_template(tx: Transaction, *, workspace_id: UUID, template_id: UUID) -> TemplateRow | None:
    """A template that is not deleted."""
    return await tx.find_one(TemplateRow, FIND_TEMPLATE, {"workspace_id": workspace_id, "id": template_id})


async def find_template_for_update(tx: Transaction, *, workspace_id: UUID, template_id: UUID) -> TemplateRow | None:
    """The same, locked until the transaction ends."""
    parameters = {"workspace_id": workspace_id, "id": template_id}
    if await tx.find_value(int, LOCK_TEMPLATE, parameters) is None:
        return None
    return await tx.find_one(TemplateRow, FIND_TEMPLATE, parameters)


async def get_version(tx: Transaction, *, workspace_id: UUID, template_id: UUID, version: int) -> VersionRow:
    """The texts of a version; deleted templates keep theirs."""
    return await tx.fetch_one(VersionRow, FIND_VERSION, {"workspace_id": workspace_id, "template_id": template_id, "version": version})


async def list_templates(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[TemplateSummaryRow]:
    """Templates, newest first."""
    return await tx.fetch_all(TemplateSummaryRow, LIST_TEMPLATES, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def list_templates_by_id(tx: Transaction, *, workspace_id: UUID, ids: list[UUID]) -> list[TemplateSummaryRow]:
    """The templates of these ids, deleted ones too."""
    return await tx.fetch_all(TemplateSummaryRow, LIST_TEMPLATES_BY_ID, {"workspace_id": workspace_id, "ids": ids})


async def delete_template(tx: Transaction, *, workspace_id: UUID, template_id: UUID, now: datetime) -> bool:
    """Hides a template; False where there is none. What was sent with it stays."""
    return await tx.execute(DELETE_TEMPLATE, {"workspace_id": workspace_id, "id": template_id, "now": now}) == 1


def _named(row: TemplateRow) -> dict[str, object]:
    return {"id": row.id, "name": row.name, "default_locale": row.default_locale}
