"""What the database itself refuses, and what verification finds when somebody with more power did it anyway."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase

from nexusone.modules.billing import api
from nexusone.modules.billing.service import grants, verification
from nexusone.platform.runtime import Context


@pytest.fixture
def admin(database: TestDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser's connection; what it changes is rolled back."""
    with psycopg.connect(database.admin_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
async def booked(ctx: Context) -> Context:
    """A workspace in whose ledger something happened."""
    await grants.grant_alone(ctx, key="g", amount_micros=100, source="sign_up")
    await api.hold(ctx, key="k", amount_micros=60, purpose="text", expires_in=timedelta(hours=1))
    await api.settle(ctx, key="k", amount_micros=25)
    return ctx


@pytest.mark.parametrize(
    "statement", ["update billing.{} set workspace_id = workspace_id", "delete from billing.{}", "truncate billing.{}"]
)
@pytest.mark.parametrize("table", ["entry", "transfer"])
async def test_mon_02_the_module_itself_cannot_change_what_is_booked(
    booked: Context, admin: psycopg.Connection[tuple[object, ...]], statement: str, table: str
) -> None:
    admin.execute("set local role m_billing")
    admin.execute("select set_config('nexusone.workspace', %s, true)", (str(booked.workspace),))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        admin.execute(statement.format(table).encode())


async def test_mon_02_no_role_of_the_application_may_change_what_is_booked(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    found = admin.execute("""
        select r.rolname, t.name, p.name
        from pg_roles as r,
            (values ('billing.entry'), ('billing.transfer')) as t (name),
            (values ('update'), ('delete'), ('truncate')) as p (name)
        where (r.rolname like 'm\\_%' or r.rolname = 'nexusone_app') and has_table_privilege(r.oid, t.name, p.name)
    """).fetchall()
    assert found == []


async def test_another_workspace_sees_nothing(booked: Context, make_context: ContextMaker) -> None:
    other = make_context()
    assert (await api.get_balance(other)).granted_micros == 0
    with pytest.raises(api.HoldNotFound):
        await api.release(other, key="k")


@pytest.mark.parametrize("table", ["account", "grant_", "hold", "transfer", "entry"])
async def test_row_level_security_shows_a_workspace_its_own_rows_alone(
    booked: Context, admin: psycopg.Connection[tuple[object, ...]], table: str
) -> None:
    seen = []
    admin.execute("set local role m_billing")
    for workspace in (str(booked.workspace), str(UUID(int=1)), ""):
        admin.execute("select set_config('nexusone.workspace', %s, true)", (workspace,))
        seen.append(admin.execute(f"select count(distinct workspace_id) from billing.{table}".encode()).fetchone())
    assert seen == [(1,), (0,), (0,)]


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("update billing.entry set amount_micros = amount_micros + 1 where account = 'spent' and workspace_id = %s", "transfer"),
        ("delete from billing.entry where workspace_id = %s", "account"),
        ("delete from billing.transfer where kind = 'settle' and workspace_id = %s", "transfer"),
        ("update billing.account set spent_micros = 24, available_micros = 76 where workspace_id = %s", "account"),
        ("update billing.grant_ set remaining_micros = 74 where workspace_id = %s", "grant"),
        ("update billing.hold set settled_micros = 24 where workspace_id = %s", "holds"),
        ("update billing.hold set state = 'held' where workspace_id = %s", "holds"),
        ("delete from billing.account where workspace_id = %s", "account"),
    ],
)
async def test_verification_finds_what_was_tampered_with(booked: Context, database: TestDatabase, statement: str, part: str) -> None:
    assert await verification.verify(booked) == []
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(statement.encode(), (booked.workspace,))
    assert part in {difference.part for difference in await verification.verify(booked)}
    with psycopg.connect(database.admin_url) as connection:
        for table in ("entry", "transfer", "hold", "grant_", "account"):
            connection.execute(f"delete from billing.{table} where workspace_id = %s".encode(), (booked.workspace,))


async def test_verification_of_all_goes_through_every_workspace(booked: Context) -> None:
    system = booked.runtime.system()
    found = {workspace_id: differences async for workspace_id, differences in verification.verify_all(system)}
    assert found[booked.workspace] == []
    assert not any(found.values())
