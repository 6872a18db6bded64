"""TEN-08: under row-level security the hot queries still reach their rows by index, with more than the workspace in the condition."""

import re

import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.customers import Customer

from nexusone.kernel.ids import new_id
from nexusone.modules.audience.store import contacts
from nexusone.modules.identity.store import credentials, sessions
from nexusone.platform import events
from nexusone.platform.sql import Sql

PARAMETER = re.compile(r"%\((\w+)\)s")
CONDITION = re.compile(r"Index Cond: (.*)")

HOT: tuple[tuple[str, Sql, str], ...] = (
    ("m_audience", contacts.LIST_CONTACTS, "id <"),
    ("m_audience", contacts.FIND_CONTACT, "id ="),
    ("m_audience", contacts.FIND_CONTACT_BY_EXTERNAL_ID, "external_id ="),
    ("m_identity", credentials.ADMIT_SESSION, "id ="),
    ("m_identity", credentials.ADMIT_API_KEY, "id ="),
    ("m_identity", sessions.GET_SESSION_FOR_REFRESH, "id ="),
    ("m_platform", events.FIND_EVENT, "id ="),
    ("m_platform", events.LIST_EVENTS_AFTER, "id >"),
)

# A leaking operator (a pattern here) may not run before the wall's own check, so no index can serve it.
LEAKING = "select id from audience.contact where workspace_id = $1 and email like $2"


def plan_of(connection: "psycopg.Connection[tuple[str]]", role: str, numbered: str) -> str:
    """The plan under the wall, as if every page held a million rows: a choice between indexes is none on tables of nothing."""
    with connection.transaction(force_rollback=True):
        connection.execute("delete from pg_statistic")
        connection.execute("update pg_class set reltuples = 1000000, relpages = 1 where relkind = 'r' and relname !~ '^pg_'")
        connection.execute(f"set local role {role}".encode())
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local enable_bitmapscan = off")
        return "\n".join(line for (line,) in connection.execute(f"explain (generic_plan) {numbered}".encode()).fetchall())


def numbered(statement: Sql) -> str:
    """The statement with numbered parameters, one number for each name."""
    names: list[str] = []

    def number(found: "re.Match[str]") -> str:
        if found.group(1) not in names:
            names.append(found.group(1))
        return f"${names.index(found.group(1)) + 1}"

    return PARAMETER.sub(number, statement.text).replace("%%", "%")


async def has_used_it(customer: Customer) -> None:
    """Rows in all tables that are asked: a table without a page is planned as one without rows."""
    await customer.api_key("contacts:read")
    made = await customer.client.post("/v1/contacts", json={"external_id": "crm-1"}, headers={"Idempotency-Key": str(new_id())})
    assert made.status_code == 201, made.text


@pytest.mark.parametrize(("role", "statement", "wanted"), HOT, ids=[f"{role} {number}" for number, (role, _, _) in enumerate(HOT)])
async def test_ten_08_a_hot_query_finds_its_rows_by_index(
    database: TestDatabase, customer: Customer, role: str, statement: Sql, wanted: str
) -> None:
    await has_used_it(customer)
    with psycopg.connect(database.admin_url) as connection:
        plan = plan_of(connection, role, numbered(statement))
    conditions = CONDITION.findall(plan)
    assert any("workspace_id =" in condition and re.search(rf"\b{re.escape(wanted)}", condition) for condition in conditions), plan


async def test_a_leaking_operator_is_kept_out_of_the_index(database: TestDatabase, customer: Customer) -> None:
    await has_used_it(customer)
    with psycopg.connect(database.admin_url) as connection:
        plan = plan_of(connection, "m_audience", LEAKING)
    assert not any("email" in condition for condition in CONDITION.findall(plan)), plan
