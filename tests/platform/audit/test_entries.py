"""What stands in the trail: every change's entry, in the same transaction, masked, stamped by the database."""

import asyncio
from dataclasses import replace
from typing import ClassVar

import psycopg
import pytest
from tests.conftest import TestDatabase

from nexusone.kernel.contract import Id
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.audit import INSTALLATION, record, record_apart
from nexusone.platform.audit.sealing import lock_head
from nexusone.platform.database import DatabaseUnavailable
from nexusone.platform.events import Event, publish
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

CHANGE = sql("""
insert into platform.data_key (workspace_id, purpose, id, master_key_id, wrapped, created_at)
values (%(workspace_id)s, 'trial', gen_random_uuid(), 'k', '', now())
""")


class KettleBoiled(Event):
    """A fact."""

    name: ClassVar[str] = "trial.kettle.boiled.v1"

    kettle_id: Id
    email: str


def entries(database: TestDatabase, ctx: Context) -> list[dict[str, object]]:
    with psycopg.connect(database.admin_url, row_factory=psycopg.rows.dict_row) as admin:
        return admin.execute(
            "select * from platform.audit_entry where workspace_id = %s order by occurred_at", (ctx.workspace_id or INSTALLATION,)
        ).fetchall()


async def test_aud_01_an_event_writes_its_entry_by_itself(ctx: Context, database: TestDatabase) -> None:
    kettle = new_id()
    operator = new_id()
    acting = replace(ctx, ip="192.0.2.7", request_id="req-1", principal=replace(ctx.principal, impersonator=operator))
    async with acting.transaction("identity") as tx:
        await publish(tx, KettleBoiled(kettle_id=kettle, email="ada@example.com"))
    (entry,) = entries(database, ctx)
    assert (entry["action"], entry["object_kind"], entry["object_id"]) == ("trial.kettle.boiled", "kettle", str(kettle))
    assert (entry["actor_kind"], entry["actor_id"], entry["impersonator_id"]) == ("user", ctx.principal.id, operator)
    assert (entry["ip"], entry["request_id"], entry["result"]) == ("192.0.2.7", "req-1", "done")
    assert entry["changes"] == {"kettle_id": {"after": str(kettle)}, "email": {"after": "[personal]"}}


async def test_aud_01_a_change_is_told_by_field_with_masking(ctx: Context, database: TestDatabase) -> None:
    async with ctx.transaction("billing") as tx:
        await record(
            tx,
            action="trial.kettle.changed",
            object_kind="kettle",
            object_id="k1",
            before={"name": "old", "password": "a", "size": 1},
            after={"name": "new", "password": "b", "size": 1},
        )
    (entry,) = entries(database, ctx)
    assert entry["changes"] == {
        "name": {"before": "old", "after": "new"},
        "password": {"before": "[secret]", "after": "[secret]"},
    }


async def test_aud_01_a_change_that_fails_leaves_no_entry(ctx: Context, database: TestDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        async with ctx.transaction("billing") as tx:
            await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id="k1")
            raise ZeroDivisionError
    assert entries(database, ctx) == []


@pytest.mark.parametrize("is_recorded", [False, True])
async def test_aud_01_a_death_between_change_and_commit_leaves_neither(ctx: Context, database: TestDatabase, is_recorded: bool) -> None:
    with pytest.raises((DatabaseUnavailable, UnknownOutcome)):
        async with ctx.transaction("platform") as tx:
            await tx.execute(CHANGE, {"workspace_id": ctx.workspace})
            if is_recorded:
                await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id="k1")
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                admin.execute("select pg_terminate_backend(%s, 5000)", (tx.connection.info.backend_pid,))
            if not is_recorded:
                await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id="k1")
    assert entries(database, ctx) == []
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("select count(*) from platform.data_key where workspace_id = %s", (ctx.workspace,)).fetchone() == (0,)


async def test_aud_05_writers_do_not_wait_for_the_chain_nor_for_one_another(ctx: Context) -> None:
    holding, done = asyncio.Event(), asyncio.Event()

    async def hold_the_chain() -> None:
        async with ctx.transaction("platform") as tx:
            await lock_head(tx, ctx.workspace)
            await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id="slow")
            holding.set()
            await done.wait()

    holder = asyncio.create_task(hold_the_chain())
    await holding.wait()
    async with asyncio.timeout(2), ctx.transaction("billing") as tx:
        await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id="quick")
    done.set()
    await holder


async def test_without_a_workspace_an_entry_goes_to_the_installations_trail(ctx: Context, database: TestDatabase) -> None:
    nobody = replace(ctx, workspace_id=None, request_id=str(new_id()), principal=Principal("anonymous", None, frozenset()))
    async with nobody.transaction("identity") as tx:
        await record(tx, action="trial.sign_in", object_kind="account", object_id="unknown", result="refused")
    await record_apart(nobody, action="trial.sign_in", object_kind="account", object_id="unknown")
    found = [entry for entry in entries(database, nobody) if entry["request_id"] == nobody.request_id]
    assert [entry["result"] for entry in found] == ["refused", "refused"]
