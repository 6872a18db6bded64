"""Row-level security by itself, below all code: each module's role sees and writes the rows of the one workspace that is set."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql as psql
from tests.architecture.catalog_rules import RELATIONS, SYSTEM_SCANS, TENANT_TABLE, Connection
from tests.conftest import TestDatabase
from tests.tenancy.companies import Company

Companies = tuple[Company, Company]
# Where views of contacts would show another company's people.
READERS_OF_VIEWS = ("m_ai", "m_billing", "m_identity", "m_marketing")


@pytest.fixture
def tables(copy: TestDatabase) -> list[str]:
    """Every table that has a workspace."""
    with psycopg.connect(copy.admin_url) as connection:
        found = connection.execute(f"select n.nspname || '.' || c.relname from {RELATIONS} where {TENANT_TABLE} order by 1").fetchall()
    return [table for (table,) in found]


@pytest.fixture
def insertable(copy: TestDatabase, tables: list[str]) -> frozenset[str]:
    """Those of them that their module's role writes into; into the others only the machinery's triggers do."""
    with psycopg.connect(copy.admin_url) as admin:
        asked = "select has_any_column_privilege(%s, %s, 'insert')"
        return frozenset(table for table in tables if admin.execute(asked, (_role(table), table)).fetchone() == (True,))


@pytest.fixture
def login(copy: TestDatabase) -> Iterator[Connection]:
    """The application's own login."""
    with psycopg.connect(copy.url, autocommit=True) as connection:
        yield connection


@contextmanager
def acting(connection: Connection, role: str, workspace: UUID | str | None) -> Iterator[None]:
    """One transaction as a role in a workspace ("": the setting is empty, None: it was never set), undone at its end."""
    with connection.transaction(force_rollback=True):
        connection.execute(psql.SQL("set local role {}").format(psql.Identifier(role)))
        if workspace is not None:
            connection.execute(psql.SQL("set local nexusone.workspace = {}").format(psql.Literal(str(workspace))))
        yield


def _count(connection: Connection, table: str, workspace: UUID | None = None) -> int:
    query = f"select count(*) from {table}" + ("" if workspace is None else " where workspace_id = %s")
    row = connection.execute(query.encode(), None if workspace is None else (workspace,)).fetchone()
    return int(row[0]) if row else -1


def _role(table: str) -> str:
    return f"m_{table.split('.')[0]}"


def test_both_companies_have_rows_in_every_table(copy: TestDatabase, tables: list[str], companies: Companies) -> None:
    with psycopg.connect(copy.admin_url) as connection:
        counts = {
            (table, company.workspace_id): _count(connection, table, company.workspace_id) for table in tables for company in companies
        }
    assert [place for place, count in counts.items() if count == 0] == []


def test_ten_02_a_workspace_sees_its_own_rows_and_no_others(login: Connection, tables: list[str], companies: Companies) -> None:
    for ours, theirs in (companies, companies[::-1]):
        for table in tables:
            with acting(login, _role(table), ours.workspace_id):
                own = _count(login, table, ours.workspace_id)
                assert own > 0, table
                assert _count(login, table) == own, table
                assert _count(login, table, theirs.workspace_id) == 0, table


@pytest.mark.parametrize("workspace", ["", None, uuid4()], ids=["empty", "never set", "of nobody"])
def test_ten_05_without_a_workspace_nothing_is_seen(
    login: Connection, tables: list[str], companies: Companies, workspace: UUID | str | None
) -> None:
    for table in tables:
        with acting(login, _role(table), workspace):
            assert _count(login, table) == 0, table
            assert _count(login, table, companies[0].workspace_id) == 0, table


def test_ten_05_the_setting_that_a_transaction_left_behind_shows_nothing(
    login: Connection, tables: list[str], companies: Companies
) -> None:
    # After SET LOCAL ends, the setting is empty, not absent: the policy must bear both.
    for table in tables:
        with acting(login, _role(table), companies[0].workspace_id):
            assert _count(login, table) > 0, table
        with acting(login, _role(table), None):
            assert _count(login, table) == 0, table


@pytest.mark.parametrize("is_empty", [False, True], ids=["of the neighbour", "empty"])
def test_ten_02_nobody_writes_into_another_workspace(
    login: Connection, tables: list[str], insertable: frozenset[str], companies: Companies, *, is_empty: bool
) -> None:
    ours, theirs = companies
    for table in tables:
        # What only triggers write into, no role may, in whatever workspace.
        wanted = "row-level security" if table in insertable else "permission denied"
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match=wanted),
            acting(login, _role(table), "" if is_empty else ours.workspace_id),
        ):
            login.execute(f"insert into {table} (workspace_id) values (%s)".encode(), (theirs.workspace_id,))


def test_what_no_role_may_write_the_wall_would_refuse_as_well(
    copy: TestDatabase, tables: list[str], insertable: frozenset[str], companies: Companies
) -> None:
    # Its owner may, and for the owner the wall stands too.
    ours, theirs = companies
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        closed = [table for table in tables if table not in insertable]
        for table in closed:
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
                acting(admin, f"o_{table.split('.')[0]}", ours.workspace_id),
            ):
                admin.execute(f"insert into {table} (workspace_id) values (%s)".encode(), (theirs.workspace_id,))
    assert "platform.audit_pending" in closed


def test_the_same_row_for_ones_own_workspace_passes_the_wall(
    login: Connection, tables: list[str], insertable: frozenset[str], companies: Companies
) -> None:
    # Otherwise the test above would not show that it was the workspace that was refused.
    ours = companies[0].workspace_id
    for table in tables:
        if table not in insertable:
            continue
        try:
            with acting(login, _role(table), ours):
                login.execute(f"insert into {table} (workspace_id) values (%s)".encode(), (ours,))
        except psycopg.errors.IntegrityError as error:
            assert isinstance(error, psycopg.errors.NotNullViolation | psycopg.errors.UniqueViolation), table


def test_ten_02_nobody_changes_deletes_or_takes_over_anothers_rows(login: Connection, tables: list[str], companies: Companies) -> None:
    ours, theirs = companies
    for table in tables:
        for statement in ("update {} set workspace_id = workspace_id where workspace_id = %s", "delete from {} where workspace_id = %s"):
            with acting(login, _role(table), ours.workspace_id):
                try:
                    assert login.execute(statement.format(table).encode(), (theirs.workspace_id,)).rowcount == 0, table
                except psycopg.errors.InsufficientPrivilege as error:
                    assert "permission denied" in str(error), table


def test_ten_02_nobody_pushes_own_rows_into_another_workspace(login: Connection, tables: list[str], companies: Companies) -> None:
    ours, theirs = companies
    for table in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(login, _role(table), ours.workspace_id):
            login.execute(f"update {table} set workspace_id = %s".encode(), (theirs.workspace_id,))


@pytest.mark.parametrize("role", READERS_OF_VIEWS)
def test_ten_07_published_views_show_the_readers_workspace_only(login: Connection, companies: Companies, role: str) -> None:
    for ours, theirs in (companies, companies[::-1]):
        with acting(login, role, ours.workspace_id):
            assert _count(login, "audience.contact_v1") == _count(login, "audience.contact_v1", ours.workspace_id) > 0
            assert _count(login, "audience.contact_v1", theirs.workspace_id) == 0
        for workspace in ("", None):
            with acting(login, role, workspace):
                assert _count(login, "audience.contact_v1") == 0


def test_the_system_context_reads_what_is_listed_and_writes_nothing(login: Connection, tables: list[str], companies: Companies) -> None:
    for table in tables:
        if table not in SYSTEM_SCANS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(login, "m_system", companies[0].workspace_id):
                _count(login, table)
            continue
        with acting(login, "m_system", None):
            assert all(_count(login, table, company.workspace_id) > 0 for company in companies), table
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(login, "m_system", companies[0].workspace_id):
            login.execute(f"delete from {table}".encode())


def test_the_login_by_itself_sees_nothing(login: Connection, tables: list[str]) -> None:
    for table in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _count(login, table)
