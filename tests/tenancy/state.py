"""All that is kept of a company, in one line: whoever changes anything of it changes the line."""

from uuid import UUID

import psycopg
from psycopg import sql as psql
from tests.architecture.catalog_rules import RELATIONS, TENANT_TABLE

TABLES = f"""
select n.nspname, c.relname, {TENANT_TABLE} from {RELATIONS}
where c.relkind in ('r', 'p') and ({TENANT_TABLE} or exists (
    select 1 from pg_attribute as a where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
))
order by 1, 2
"""
OF_WORKSPACE = (
    "select count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) as line from {} as t where workspace_id = %(workspace_id)s"
)
OF_PEOPLE = """
select count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) as line from {} as t
where user_id in (select user_id from identity.member where workspace_id = %(workspace_id)s)
"""


def state_of(admin_url: str, workspace_id: UUID) -> dict[str, str]:
    """How many rows each table has of the company and of its people, and what is in them."""
    with psycopg.connect(admin_url) as admin:
        tables = admin.execute(TABLES).fetchall()
        asked = psql.SQL(" union all ").join(_counted(*table) for table in tables)
        found = admin.execute(asked, {"workspace_id": workspace_id}).fetchall()
    return dict(found)


def _counted(schema: str, table: str, has_workspace: bool) -> psql.Composed:
    name = psql.Identifier(schema, table)
    question = psql.SQL(OF_WORKSPACE if has_workspace else OF_PEOPLE).format(name)
    return psql.SQL("select {}, line from ({}) as counted").format(psql.Literal(f"{schema}.{table}"), question)
