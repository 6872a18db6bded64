"""Transactions: a role and a workspace inside, nothing outside; refused nesting, retries, lost connections."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase
from tests.faults.proxy import proxy_before

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.database import ATTEMPTS_MAX, Contended, Database, DatabaseUnavailable, Transaction, TransactionOpen
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.sql import fragment, sql

WHO = sql("select current_user::text as role, current_setting('nexusone.workspace', true) as workspace, pg_backend_pid() as pid")
LOCK = sql("select pg_advisory_xact_lock(%(key)s)")
SLEEP = sql("select pg_sleep(%(seconds)s)")
REPEATABLE = sql("set transaction isolation level repeatable read")
INSERT_WORKSPACE = sql("""
insert into identity.workspace (workspace_id, name, default_locale, timezone, created_at)
values (%(workspace_id)s, %(name)s, 'en', 'UTC', now())
""")
NAME_OF = sql("select name from identity.workspace where workspace_id = %(workspace_id)s")
RENAME = sql("update identity.workspace set name = name || '.' where workspace_id = %(workspace_id)s")
ALL_WORKSPACES = sql("select workspace_id as id from identity.workspace")
NUMBERS = sql("select n as number from generate_series(1, %(count)s) as n")
COPY_IN = sql("copy numbers (number, word) from stdin")
COPY_IN_BINARY = sql("copy numbers (number, word) from stdin (format binary)")
COPY_OUT = sql("copy (select number, word from numbers order by number) to stdout")
MAKE_NUMBERS = sql("create temporary table numbers (number bigint, word text) on commit drop")
WAITING_TRIGGER = sql("""
create function pg_temp.wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(814); return null; end $$
""")
LATE_TRIGGER = sql("""
create constraint trigger late after insert on numbers deferrable initially deferred for each row execute function pg_temp.wait()
""")
COUNT_NUMBERS = sql("select count(*) from numbers")
OTHER_TABLE = sql("select count(*) from audience.contact")


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a transaction acts as."""

    role: str
    workspace: str | None
    pid: int


@dataclass(frozen=True, slots=True)
class Number:
    """A row."""

    number: int


@dataclass(frozen=True, slots=True)
class Identified:
    """A row with an id."""

    id: UUID


@asynccontextmanager
async def opened(url: str, *, connections: int = 2) -> AsyncIterator[Database]:
    database = Database(url, connections_max=connections)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def beside(ctx: Context, database: Database) -> Context:
    """The same context on another pool."""
    return replace(ctx, runtime=replace(ctx.runtime, database=database))


async def add_workspace(ctx: Context) -> None:
    async with ctx.transaction("identity") as tx:
        await tx.execute(INSERT_WORKSPACE, {"workspace_id": ctx.workspace, "name": "start"})


async def name_of(ctx: Context) -> str | None:
    async with ctx.transaction("identity") as tx:
        return await tx.find_value(str, NAME_OF, {"workspace_id": ctx.workspace})


@pytest.fixture
def blocker(database: TestDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another session, of the superuser."""
    with psycopg.connect(database.admin_url) as connection:
        yield connection
        connection.rollback()


async def test_a_transaction_acts_as_its_modules_role_in_its_workspace(ctx: Context) -> None:
    async with ctx.transaction("identity") as tx:
        who = await tx.fetch_one(Who, WHO)
    assert (who.role, who.workspace) == ("m_identity", str(ctx.workspace))


async def test_the_next_transaction_of_a_connection_has_nothing_of_the_last_one(ctx: Context, database: TestDatabase) -> None:
    async with opened(database.url, connections=2) as pool:
        inside, nowhere = beside(ctx, pool), replace(beside(ctx, pool), workspace_id=None)
        seen: list[Who] = []
        for _ in range(12):
            async with inside.transaction("identity", statement_timeout_seconds=3) as tx:
                await tx.execute(sql("select set_config('nexusone.trace', 'x', true)"))
                seen.append(await tx.fetch_one(Who, WHO))
            async with nowhere.transaction("billing") as tx:
                who = await tx.fetch_one(Who, WHO)
                seen.append(who)
                assert (who.role, who.workspace) == ("m_billing", "")
                assert await tx.fetch_value(str, sql("show statement_timeout")) == "15s"
                assert not await tx.find_value(str, sql("select current_setting('nexusone.trace', true)"))
        assert len({who.pid for who in seen}) < len(seen)


async def test_outside_a_transaction_a_connection_is_the_login_that_owns_nothing(database: TestDatabase) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        row = connection.execute("select current_user::text, current_setting('nexusone.workspace', true)").fetchone()
        assert row == ("nexusone_app", None)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select 1 from identity.workspace")


async def test_without_a_workspace_nothing_is_seen_and_nothing_can_be_written(ctx: Context) -> None:
    await add_workspace(ctx)
    nowhere = replace(ctx, workspace_id=None)
    async with nowhere.transaction("identity") as tx:
        assert await tx.fetch_all(Identified, ALL_WORKSPACES) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with nowhere.transaction("identity") as tx:
            await tx.execute(INSERT_WORKSPACE, {"workspace_id": new_id(), "name": "stray"})


async def test_a_workspace_sees_itself_alone_and_cannot_write_into_another(ctx: Context, make_context: ContextMaker) -> None:
    await add_workspace(ctx)
    stranger = make_context()
    await add_workspace(stranger)
    async with stranger.transaction("identity") as tx:
        assert [row.id for row in await tx.fetch_all(Identified, ALL_WORKSPACES)] == [stranger.workspace]
        assert await tx.execute(RENAME, {"workspace_id": ctx.workspace}) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with stranger.transaction("identity") as tx:
            await tx.execute(INSERT_WORKSPACE, {"workspace_id": new_id(), "name": "intruder"})


async def test_a_module_cannot_read_the_tables_of_another(ctx: Context) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with ctx.transaction("identity") as tx:
            await tx.execute(OTHER_TABLE)


@pytest.mark.parametrize("name", ["identity; drop", "Identity", "", "m_identity", "x" * 40])
async def test_only_a_modules_name_opens_a_transaction(ctx: Context, name: str) -> None:
    with pytest.raises(ValueError, match="is not a module"):
        async with ctx.transaction(name):
            pass


async def test_an_exception_rolls_back(ctx: Context) -> None:
    with pytest.raises(ZeroDivisionError):
        async with ctx.transaction("identity") as tx:
            await tx.execute(INSERT_WORKSPACE, {"workspace_id": ctx.workspace, "name": "gone"})
            raise ZeroDivisionError
    assert await name_of(ctx) is None


async def test_a_cancelled_task_rolls_back_and_gives_its_connection_back(ctx: Context, database: TestDatabase) -> None:
    async with opened(database.url, connections=2) as pool:
        inside = beside(ctx, pool)

        async def wait_inside() -> None:
            async with inside.transaction("identity") as tx:
                await tx.execute(INSERT_WORKSPACE, {"workspace_id": ctx.workspace, "name": "gone"})
                await tx.execute(SLEEP, {"seconds": 10})

        tasks = [asyncio.create_task(wait_inside())]
        await asyncio.sleep(0.2)
        tasks[0].cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        assert await name_of(inside) is None
        assert time.monotonic() - began < 3


async def test_a_second_transaction_in_the_same_task_is_refused(ctx: Context) -> None:
    async with ctx.transaction("identity"):
        with pytest.raises(TransactionOpen, match=r"billing.*identity"):
            async with ctx.transaction("billing"):
                pass
    async with ctx.transaction("billing"):
        pass


async def test_a_gather_inside_a_transaction_cannot_open_more(ctx: Context) -> None:
    async def ask() -> None:
        async with ctx.transaction("billing"):
            pass

    async with ctx.transaction("identity"):
        outcomes = await asyncio.gather(ask(), ask(), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TransactionOpen, TransactionOpen]


async def test_a_task_started_inside_a_transaction_may_open_its_own_once_that_ended(ctx: Context) -> None:
    ended = asyncio.Event()

    async def later() -> str:
        await ended.wait()
        async with ctx.transaction("billing") as tx:
            return (await tx.fetch_one(Who, WHO)).role

    async with ctx.transaction("identity"):
        task = asyncio.create_task(later())
    ended.set()
    assert await task == "m_billing"


async def test_a_deadlock_of_two_sessions_is_retried_until_both_are_done(ctx: Context) -> None:
    both = asyncio.Barrier(2)
    attempts = 0

    async def take(first: int, second: int) -> None:
        met = False

        async def work(tx: Transaction) -> None:
            nonlocal attempts, met
            attempts += 1
            await tx.execute(LOCK, {"key": first})
            if not met:
                met = True
                await both.wait()
            await tx.execute(LOCK, {"key": second})

        await ctx.atomically("identity", work)

    await asyncio.gather(take(811, 812), take(812, 811))
    assert attempts == 3


async def test_a_serialization_failure_of_two_sessions_is_retried(ctx: Context) -> None:
    await add_workspace(ctx)
    both = asyncio.Barrier(2)

    async def rename() -> None:
        met = False

        async def work(tx: Transaction) -> None:
            nonlocal met
            await tx.execute(REPEATABLE)
            await tx.find_value(str, NAME_OF, {"workspace_id": ctx.workspace})
            if not met:
                met = True
                await both.wait()
            await tx.execute(RENAME, {"workspace_id": ctx.workspace})

        await ctx.atomically("identity", work)

    await asyncio.gather(rename(), rename())
    assert await name_of(ctx) == "start.."


async def test_after_three_attempts_a_conflict_is_contended(ctx: Context) -> None:
    attempts = 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute(sql("do $$ begin raise exception 'again' using errcode = '40001'; end $$"))

    with pytest.raises(Contended) as refused:
        await ctx.atomically("identity", work)
    assert attempts == ATTEMPTS_MAX == 3
    assert refused.value.status == 409


async def test_a_deadlock_without_retries_is_contended_too(ctx: Context) -> None:
    with pytest.raises(Contended):
        async with ctx.transaction("identity") as tx:
            await tx.execute(sql("do $$ begin raise exception 'again' using errcode = '40P01'; end $$"))


async def test_a_lock_timeout_is_unavailable(ctx: Context, blocker: psycopg.Connection[tuple[object, ...]]) -> None:
    blocker.execute("select pg_advisory_xact_lock(813)")
    with pytest.raises(DatabaseUnavailable) as refused:
        async with ctx.transaction("identity") as tx:
            await tx.execute(sql("set local lock_timeout = '100ms'"))
            await tx.execute(LOCK, {"key": 813})
    assert "Retry-After" in refused.value.headers


async def test_a_statement_timeout_is_unavailable(ctx: Context) -> None:
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        async with ctx.transaction("identity", statement_timeout_seconds=1) as tx:
            await tx.execute(SLEEP, {"seconds": 10})
    assert time.monotonic() - began < 3


async def test_a_lock_timeout_at_commit_is_a_refusal_not_an_unknown_outcome(
    ctx: Context, blocker: psycopg.Connection[tuple[object, ...]]
) -> None:
    blocker.execute("select pg_advisory_xact_lock(814)")
    with pytest.raises(DatabaseUnavailable):
        async with ctx.transaction("identity") as tx:
            await tx.execute(MAKE_NUMBERS)
            await tx.execute(WAITING_TRIGGER)
            await tx.execute(LATE_TRIGGER)
            await tx.execute(sql("insert into numbers values (1, 'one')"))
            await tx.execute(sql("set local lock_timeout = '100ms'"))
    assert await name_of(ctx) is None


async def test_a_connection_killed_mid_transaction_is_unavailable_and_replaced(ctx: Context, database: TestDatabase) -> None:
    async with opened(database.url, connections=2) as pool:
        inside = beside(ctx, pool)
        with pytest.raises(Unavailable):
            async with inside.transaction("identity") as tx:
                await tx.execute(INSERT_WORKSPACE, {"workspace_id": ctx.workspace, "name": "gone"})
                who = await tx.fetch_one(Who, WHO)
                with psycopg.connect(database.admin_url, autocommit=True) as admin:
                    admin.execute("select pg_terminate_backend(%s)", (who.pid,))
                await tx.execute(LOCK, {"key": 1})
        assert await name_of(inside) is None


async def test_connections_that_died_idle_cost_at_most_one_refusal_each(ctx: Context, database: TestDatabase) -> None:
    async with opened(database.url, connections=2) as pool:
        inside = beside(ctx, pool)
        async with inside.transaction("identity") as tx:
            who = await tx.fetch_one(Who, WHO)
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s)", (who.pid,))
        refused = 0
        for _ in range(5):
            try:
                await name_of(inside)
            except DatabaseUnavailable:
                refused += 1
        assert refused <= 1


async def test_a_lost_answer_to_commit_is_an_unknown_outcome_and_the_effect_stands(ctx: Context, database: TestDatabase) -> None:
    async with proxy_before(database.url) as proxy, opened(proxy.url) as pool:
        inside = beside(ctx, pool)
        with pytest.raises(UnknownOutcome):
            async with inside.transaction("identity") as tx:
                await tx.execute(INSERT_WORKSPACE, {"workspace_id": ctx.workspace, "name": "kept"})
                proxy.loses_answer_to = b"commit\0"
        assert proxy.struck == 1
    assert await name_of(ctx) == "kept"


async def test_a_connection_cut_before_commit_is_an_unknown_outcome_too(ctx: Context, database: TestDatabase) -> None:
    async with proxy_before(database.url) as proxy, opened(proxy.url) as pool:
        with pytest.raises(UnknownOutcome):
            async with beside(ctx, pool).transaction("identity") as tx:
                await tx.execute(INSERT_WORKSPACE, {"workspace_id": ctx.workspace, "name": "gone"})
                proxy.cuts_before = b"commit\0"
    assert await name_of(ctx) is None


async def test_an_unknown_outcome_is_never_retried(ctx: Context, database: TestDatabase) -> None:
    attempts = 0
    async with proxy_before(database.url) as proxy, opened(proxy.url) as pool:

        async def work(tx: Transaction) -> None:
            nonlocal attempts
            attempts += 1
            proxy.loses_answer_to = b"commit\0"

        with pytest.raises(UnknownOutcome):
            await beside(ctx, pool).atomically("identity", work)
    assert attempts == 1


async def test_an_exhausted_pool_refuses_within_two_seconds(ctx: Context, database: TestDatabase) -> None:
    async with opened(database.url, connections=2) as pool:
        inside = beside(ctx, pool)
        release = asyncio.Event()

        async def hold() -> None:
            async with inside.transaction("identity"):
                await release.wait()

        holders = [asyncio.create_task(hold()) for _ in range(2)]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await name_of(inside)
        assert 1.5 < time.monotonic() - began < 3
        release.set()
        await asyncio.gather(*holders)
        assert await name_of(inside) is None


async def test_too_many_who_wait_for_a_connection_are_refused_at_once(ctx: Context, database: TestDatabase) -> None:
    async with opened(database.url, connections=1 + 1) as pool:
        inside = beside(ctx, pool)
        release = asyncio.Event()

        async def hold() -> None:
            async with inside.transaction("identity"):
                await release.wait()

        holders = [asyncio.create_task(hold()) for _ in range(2)]
        await asyncio.sleep(0.1)
        outcomes = await asyncio.gather(*(name_of(inside) for _ in range(130)), return_exceptions=True)
        release.set()
        await asyncio.gather(*holders)
        assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}


async def test_a_frozen_server_leaves_the_process_not_ready_within_five_seconds(database: TestDatabase) -> None:
    async with proxy_before(database.url) as proxy, opened(proxy.url) as pool:
        assert await pool.is_ready()
        proxy.freeze()
        began = time.monotonic()
        assert not await pool.is_ready()
        assert time.monotonic() - began < 5
        proxy.thaw()


async def test_no_server_is_unavailable_not_a_crash(runtime: Runtime) -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none", connections_max=2)
    ctx = replace(runtime, database=database).system()
    with pytest.raises(DatabaseUnavailable):
        async with ctx.transaction("identity"):
            pass
    assert not await database.is_ready()


async def test_rows_are_streamed_in_order(ctx: Context) -> None:
    async with ctx.transaction("identity") as tx:
        numbers = [row.number async for row in tx.stream(Number, NUMBERS, {"count": 2500})]
    assert numbers == list(range(1, 2501))


async def test_a_stream_can_be_left_early(ctx: Context) -> None:
    async with ctx.transaction("identity") as tx:
        rows = tx.stream(Number, NUMBERS, {"count": 5000})
        async for row in rows:
            if row.number == 10:
                break
        await rows.aclose()  # type: ignore[attr-defined]
        assert (await tx.fetch_one(Who, WHO)).role == "m_identity"


@pytest.mark.parametrize("types", [None, ("int8", "text")])
async def test_rows_are_copied_in_and_out(ctx: Context, types: tuple[str, ...] | None) -> None:
    rows = [(number, f"word\t{number}\n") for number in range(1000)]
    async with ctx.transaction("identity") as tx:
        await tx.execute(MAKE_NUMBERS)
        assert await tx.copy_in(COPY_IN_BINARY if types else COPY_IN, rows, types=types) == 1000
        assert await tx.fetch_value(int, COUNT_NUMBERS) == 1000
        copied = b"".join([chunk async for chunk in tx.copy_out(COPY_OUT)])
    assert copied.splitlines()[7] == b"7\tword\\t7\\n"


async def test_a_copy_that_fails_half_way_leaves_nothing(ctx: Context) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        yield (1, "one")
        raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, psycopg.errors.QueryCanceled, DatabaseUnavailable)):
        async with ctx.transaction("identity") as tx:
            await tx.execute(MAKE_NUMBERS)
            await tx.copy_in(COPY_IN, rows())
    assert await name_of(ctx) is None


async def test_many_rows_are_written_in_one_pipeline(ctx: Context) -> None:
    async with ctx.transaction("identity") as tx:
        await tx.execute(MAKE_NUMBERS)
        await tx.execute_many(sql("insert into numbers values (%(number)s, %(word)s)"), [{"number": n, "word": "w"} for n in range(30)])
        assert await tx.fetch_value(int, COUNT_NUMBERS) == 30
        assert await tx.find_value(str, sql("select word from numbers where number = 99")) is None
        with pytest.raises(LookupError):
            await tx.fetch_value(str, sql("select word from numbers where number = 99"))
        with pytest.raises(LookupError):
            await tx.fetch_one(Number, sql("select number from numbers where number = 99"))


async def test_text_from_outside_never_becomes_a_statement(ctx: Context) -> None:
    async with ctx.transaction("identity") as tx:
        hostile = "'; drop table identity.workspace; --"
        assert await tx.fetch_value(str, sql("select %(text)s::text"), {"text": hostile}) == hostile
    with pytest.raises(KeyError):
        fragment("select {a}").fill(b=fragment("1"))
