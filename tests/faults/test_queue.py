"""The queue keeps its promises: nothing lost, nothing stuck, whatever happens to workers and database."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.conftest import LOGIN, TestDatabase
from tests.faults.conftest import Start, until
from tests.faults.work import Began, Ended, Ticked, Trace, Work, add, fresh_name, work_kind

from nexusone.apps.catalog import schema_parts
from nexusone.kernel.errors import Conflict, NotFound, Refusal, Unavailable
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.database import Database
from nexusone.platform.events import publish
from nexusone.platform.job_log import forget_old_steps
from nexusone.platform.jobs import CRASHES_MAX, JobKind, Schedule, Worker, enqueue, list_dead_letters, redrive
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.schema import migrate

BEAT = timedelta(seconds=2)
AGAIN_AT_ONCE = DefiniteFailure(code="busy", detail="busy", is_retryable=True, retry_after_seconds=0.0)


@asynccontextmanager
async def working(*workers: Worker) -> AsyncIterator[None]:
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running)


@pytest.fixture
def worker_of(runtime: Runtime, database: TestDatabase) -> Callable[..., Worker]:
    """Makes workers of this process."""

    def make(*kinds: JobKind[Work], concurrency: int = 20) -> Worker:
        return Worker(runtime=runtime, queue_url=database.url, kinds=kinds, concurrency=concurrency, heartbeat_timeout=BEAT)

    return make


def kind_of(name: str, handler: Callable[[Context, Work], Awaitable[None]], *, attempts_max: int = 8) -> JobKind[Work]:
    return JobKind(name=name, payload=Work, handler=handler, attempts_max=attempts_max)


async def work_off(worker: Worker, trace: Trace) -> None:
    """Works until every job of the kind is done or given up on, those that wait for their next attempt included."""
    async with working(worker):
        await until(lambda: set(trace.queued()) <= {"failed"}, seconds=30)


class Failing:
    """A handler that fails with the given errors, one after the other, and then does its work."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.began_at: list[float] = []

    async def __call__(self, ctx: Context, work: Work) -> None:
        self.began_at.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)


async def test_a_job_is_there_with_the_commit_and_not_before(ctx: Context, trace: Trace) -> None:
    async with ctx.transaction("identity") as tx:
        await enqueue(tx, work_kind(trace.kind), Work(number=1))
        assert trace.queued() == {}
    assert trace.queued() == {"queued": 1}


async def test_a_rollback_takes_the_job_along(ctx: Context, trace: Trace) -> None:
    with pytest.raises(ZeroDivisionError):
        async with ctx.transaction("identity") as tx:
            await enqueue(tx, work_kind(trace.kind), Work(number=1))
            raise ZeroDivisionError
    assert trace.queued() == {}


async def test_a_job_runs_for_whom_it_was_enqueued(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    seen: list[Context] = []

    async def handle(inside: Context, work: Work) -> None:
        seen.append(inside)

    kind = kind_of(trace.kind, handle)
    await add(replace(ctx, locale="pt-BR", timezone="Asia/Tokyo"), kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    [inside] = seen
    assert (inside.workspace_id, inside.principal, inside.request_id) == (ctx.workspace_id, ctx.principal, ctx.request_id)
    assert (inside.locale, inside.timezone) == ("pt-BR", "Asia/Tokyo")


async def test_failures_are_retried_later_and_later(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    failing = Failing(ZeroDivisionError("first"), ValueError("second"))
    kind = kind_of(trace.kind, failing)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    first, second = (after - before for before, after in zip(failing.began_at, failing.began_at[1:], strict=False))
    assert 0.5 <= first < 1.5 + 1
    assert 1.0 <= second < 3.0 + 1
    assert trace.queued() == {}


async def test_a_vendor_that_says_when_is_asked_no_sooner(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    failing = Failing(DefiniteFailure(code="slow", detail="down", is_retryable=True, retry_after_seconds=1.2))
    kind = kind_of(trace.kind, failing)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    assert 1.2 <= failing.began_at[1] - failing.began_at[0] < 3


async def test_what_fails_again_and_again_is_a_dead_letter_with_its_reason(
    ctx: Context, trace: Trace, database: TestDatabase, worker_of: Callable[..., Worker]
) -> None:
    failing = Failing(AGAIN_AT_ONCE, AGAIN_AT_ONCE, ZeroDivisionError("the reason"))
    kind = kind_of(trace.kind, failing, attempts_max=3)
    await add(ctx, kind, Work(number=7))
    await work_off(worker_of(kind), trace)
    assert len(failing.began_at) == 3
    [letter] = [letter for letter in await list_dead_letters(database.url, limit=1000) if letter.name == trace.kind]
    assert (letter.reason, letter.attempts, letter.workspace_id) == ("the reason", 3, ctx.workspace)
    assert '"number":7' in letter.payload
    assert await redrive(database.url, ids=[letter.id]) == []
    await work_off(worker_of(kind), trace)
    assert len(failing.began_at) == 4
    assert trace.queued() == {}


async def test_a_redriven_job_has_all_its_attempts_again(
    ctx: Context, trace: Trace, database: TestDatabase, worker_of: Callable[..., Worker]
) -> None:
    failing = Failing(*[AGAIN_AT_ONCE] * 5)
    kind = kind_of(trace.kind, failing, attempts_max=3)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    assert (len(failing.began_at), trace.queued()) == (3, {"failed": 1})
    [letter] = [letter for letter in await list_dead_letters(database.url, limit=1000) if letter.name == trace.kind]
    await redrive(database.url, ids=[letter.id])
    await work_off(worker_of(kind), trace)
    assert (len(failing.began_at), trace.queued()) == (6, {})


@pytest.mark.parametrize("error", [NotFound(what="thing"), DefiniteFailure(code="no", detail="never", is_retryable=False)])
async def test_a_final_refusal_is_not_retried(ctx: Context, trace: Trace, worker_of: Callable[..., Worker], error: Exception) -> None:
    failing = Failing(error)
    kind = kind_of(trace.kind, failing)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    assert (len(failing.began_at), trace.queued()) == (1, {"failed": 1})


@pytest.mark.parametrize("refusal", [Conflict(reason="busy"), Unavailable()])
async def test_a_passing_refusal_is_retried(ctx: Context, trace: Trace, worker_of: Callable[..., Worker], refusal: Refusal) -> None:
    failing = Failing(refusal)
    kind = kind_of(trace.kind, failing)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    assert (len(failing.began_at), trace.queued()) == (2, {})


async def test_a_handler_that_was_cancelled_from_within_is_not_lost(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    failing = Failing(asyncio.CancelledError())
    kind = kind_of(trace.kind, failing)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    assert (len(failing.began_at), trace.queued()) == (2, {})


async def test_a_handler_that_hangs_is_ended(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    async def hang(inside: Context, work: Work) -> None:
        await asyncio.sleep(60)

    kind = replace(kind_of(trace.kind, hang, attempts_max=1), timeout_seconds=0.2)
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    assert trace.queued() == {"failed": 1}


async def test_a_payload_that_cannot_be_read_is_a_dead_letter(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    kind = work_kind(trace.kind, attempts_max=1)
    await add(ctx, kind, Work(number=1))
    with psycopg.connect(trace.admin_url, autocommit=True) as admin:
        admin.execute("update queue.pgqueuer set payload = '{' where entrypoint = %s", (trace.kind,))
    await work_off(worker_of(kind), trace)
    assert trace.queued() == {"failed": 1}


async def test_a_kinds_limit_holds_over_two_workers(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    running = most = 0

    async def handle(inside: Context, work: Work) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1

    kind = replace(kind_of(trace.kind, handle), concurrency=3)
    await add(ctx, kind, *(Work(number=number) for number in range(15)))
    async with working(worker_of(kind), worker_of(kind)):
        await until(lambda: trace.queued() == {}, seconds=30)
    assert most == 3


@pytest.mark.parametrize("concurrency", [1, 2, 3])
async def test_a_worker_may_be_as_small_as_wanted(ctx: Context, trace: Trace, worker_of: Callable[..., Worker], concurrency: int) -> None:
    kind = work_kind(trace.kind)
    await add(ctx, kind, *(Work(number=number) for number in range(4)))
    async with working(worker_of(kind, concurrency=concurrency)):
        await until(lambda: trace.queued() == {}, seconds=20)
    assert trace.numbers(Ended) == [0, 1, 2, 3]


async def test_a_key_holds_one_unfinished_job(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    kind = work_kind(trace.kind)
    for number in range(3):
        async with ctx.transaction("identity") as tx:
            await enqueue(tx, kind, Work(number=number), key="once")
    other = replace(ctx, workspace_id=new_id())
    async with other.transaction("identity") as tx:
        await enqueue(tx, kind, Work(number=9), key="once")
    await work_off(worker_of(kind), trace)
    assert trace.numbers(Ended) == [0, 9]
    async with ctx.transaction("identity") as tx:
        await enqueue(tx, kind, Work(number=3), key="once")
    await work_off(worker_of(kind), trace)
    assert trace.numbers(Ended) == [0, 3, 9]


async def test_a_dead_letter_whose_key_is_taken_again_stays(
    ctx: Context, trace: Trace, database: TestDatabase, worker_of: Callable[..., Worker]
) -> None:
    kind = kind_of(trace.kind, Failing(NotFound(what="thing")))
    for number in range(2):
        async with ctx.transaction("identity") as tx:
            await enqueue(tx, kind, Work(number=number), key="once")
        if number == 0:
            await work_off(worker_of(kind), trace)
    [letter] = [letter for letter in await list_dead_letters(database.url, limit=1000) if letter.name == trace.kind]
    assert await redrive(database.url, ids=[letter.id]) == [letter.id]
    assert trace.queued() == {"failed": 1, "queued": 1}


async def test_a_later_job_waits_for_its_time(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    failing = Failing()
    kind = kind_of(trace.kind, failing)
    began = time.monotonic()
    async with ctx.transaction("identity") as tx:
        await enqueue(tx, kind, Work(number=1), after=timedelta(seconds=1.5))
    async with working(worker_of(kind)):
        await until(lambda: bool(failing.began_at), seconds=10)
    assert 1.4 < failing.began_at[0] - began < 5


async def test_an_idle_worker_stops_at_once(worker_of: Callable[..., Worker]) -> None:
    worker = worker_of(work_kind(fresh_name()))
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.3)
    began = time.monotonic()
    worker.stop()
    await running
    assert time.monotonic() - began < 3


async def test_a_stopped_worker_ends_what_it_runs_and_takes_nothing_more(
    ctx: Context, trace: Trace, worker_of: Callable[..., Worker]
) -> None:
    kind = replace(work_kind(trace.kind), concurrency=1)
    await add(ctx, kind, Work(number=1, seconds=1.0), Work(number=2))
    async with working(worker_of(kind)):
        await until(lambda: trace.numbers(Began) == [1], seconds=10)
    assert trace.numbers(Ended) == [1]
    assert trace.queued() == {"queued": 1}


async def test_a_worker_that_is_cancelled_gives_back_what_it_runs(ctx: Context, trace: Trace, worker_of: Callable[..., Worker]) -> None:
    kind = work_kind(trace.kind, attempts_max=1)
    await add(ctx, kind, Work(number=1, seconds=30), Work(number=2, seconds=30))
    running = asyncio.create_task(worker_of(kind).run())
    await until(lambda: trace.numbers(Began) == [1, 2], seconds=10)
    running.cancel()
    began = time.monotonic()
    await asyncio.gather(running, return_exceptions=True)
    assert time.monotonic() - began < 3
    assert trace.queued() == {"queued": 2}
    with psycopg.connect(trace.admin_url, autocommit=True) as admin:
        admin.execute("update queue.pgqueuer set payload = '{\"number\": 1}' where entrypoint = %s", (trace.kind,))
    await work_off(worker_of(kind), trace)
    assert (trace.numbers(Ended), trace.queued()) == ([1, 1], {})


async def test_sigterm_lets_the_running_job_end(ctx: Context, trace: Trace, start_worker: Start) -> None:
    process = await start_worker()
    await add(ctx, work_kind(trace.kind), Work(number=1, seconds=2))
    await until(lambda: trace.numbers(Began) == [1], seconds=15)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(15):
        assert await process.wait() == 0
    assert trace.numbers(Ended) == [1]
    assert trace.queued() == {}


async def test_after_kill_9_another_worker_takes_over(
    ctx: Context, trace: Trace, start_worker: Start, worker_of: Callable[..., Worker]
) -> None:
    kind = work_kind(trace.kind)
    victim = await start_worker()
    await add(ctx, kind, *(Work(number=number, seconds=1.5) for number in range(5)))
    await until(lambda: trace.numbers(Began) == [0, 1, 2, 3, 4], seconds=15)
    victim.kill()
    await victim.wait()
    assert trace.numbers(Ended) == []
    async with working(worker_of(kind)):
        await until(lambda: trace.queued() == {}, seconds=30)
    assert trace.numbers(Ended) == [0, 1, 2, 3, 4]


async def test_a_frozen_worker_that_comes_back_loses_nothing_and_blocks_nothing(
    ctx: Context, trace: Trace, start_worker: Start, worker_of: Callable[..., Worker]
) -> None:
    kind = work_kind(trace.kind)
    frozen = await start_worker()
    await add(ctx, kind, *(Work(number=number, seconds=1.0) for number in range(4)))
    await until(lambda: trace.numbers(Began) == [0, 1, 2, 3], seconds=15)
    frozen.send_signal(signal.SIGSTOP)
    async with working(worker_of(kind)):
        await until(lambda: len(trace.numbers(Began)) == 8, seconds=30)
        frozen.send_signal(signal.SIGCONT)
        await until(lambda: trace.queued() == {}, seconds=30)
        await add(ctx, kind, Work(number=4))
        await until(lambda: 4 in trace.numbers(Ended), seconds=15)
    assert sorted(set(trace.numbers(Ended))) == [0, 1, 2, 3, 4]
    frozen.send_signal(signal.SIGTERM)
    async with asyncio.timeout(15):
        assert await frozen.wait() == 0


async def test_a_job_that_kills_its_worker_is_set_aside_and_the_others_are_done(
    ctx: Context, trace: Trace, database: TestDatabase, start_worker: Start
) -> None:
    kind = work_kind(trace.kind)
    await add(ctx, kind, *(Work(number=number, seconds=0.3) for number in range(1, 7)), Work(number=0, way="die"))
    stopping = asyncio.Event()

    async def keep_alive() -> None:
        while not stopping.is_set():
            process = await start_worker()
            await asyncio.wait([asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())], return_when="FIRST_COMPLETED")

    supervisor = asyncio.create_task(keep_alive())
    try:
        await until(lambda: trace.queued() == {"failed": 1}, seconds=90)
    finally:
        stopping.set()
        await supervisor
    assert sorted(set(trace.numbers(Ended))) == [1, 2, 3, 4, 5, 6]
    assert trace.numbers(Began).count(0) == CRASHES_MAX
    [letter] = [letter for letter in await list_dead_letters(database.url, limit=1000) if letter.name == trace.kind]
    assert "died 3 times" in letter.reason


async def test_of_two_workers_one_runs_each_tick(trace: Trace, start_worker: Start) -> None:
    await asyncio.gather(*(start_worker(cron="* * * * * */2") for _ in range(2)))
    began, before = time.monotonic(), len(trace.pids(Ticked))
    await asyncio.sleep(8)
    elapsed, ticks = time.monotonic() - began, len(trace.pids(Ticked)) - before
    assert 2 <= ticks <= elapsed // 2 + 1


async def test_missed_ticks_are_caught_up_once(ctx: Context, trace: Trace, runtime: Runtime, database: TestDatabase) -> None:
    async def tick(inside: Context) -> None:
        async with inside.for_workspace(ctx.workspace).transaction("identity") as tx:
            await publish(tx, Ticked(kind=trace.kind, pid=0))

    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "insert into queue.pgqueuer_schedules (expression, entrypoint, next_run) values ('0 0 1 1 *', %s, now() - interval '5 days')",
            (trace.kind,),
        )
    schedule = Schedule(name=trace.kind, cron="0 0 1 1 *", handler=tick)
    workers = [
        Worker(runtime=runtime, queue_url=database.url, kinds=[work_kind(fresh_name())], schedules=[schedule], heartbeat_timeout=BEAT)
        for _ in range(2)
    ]
    async with working(*workers):
        await until(lambda: len(trace.pids(Ticked)) == 1, seconds=10)
        await asyncio.sleep(1)
    assert len(trace.pids(Ticked)) == 1


async def test_a_tick_that_fails_does_not_stop_the_clock(trace: Trace, runtime: Runtime, database: TestDatabase) -> None:
    ticks = 0

    async def tick(inside: Context) -> None:
        nonlocal ticks
        ticks += 1
        raise ZeroDivisionError

    schedule = Schedule(name=trace.kind, cron="* * * * * *", handler=tick)
    worker = Worker(runtime=runtime, queue_url=database.url, kinds=[work_kind(fresh_name())], schedules=[schedule], heartbeat_timeout=BEAT)
    async with working(worker):
        await until(lambda: ticks >= 2, seconds=15)


async def test_a_worker_comes_back_by_itself_after_its_connections_were_cut(
    ctx: Context, trace: Trace, database: TestDatabase, worker_of: Callable[..., Worker]
) -> None:
    kind = work_kind(trace.kind)
    async with working(worker_of(kind)):
        for number in range(3):
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and application_name = 'nexusone queue'"
                )
            await add(ctx, kind, Work(number=number))
            await until(lambda wanted=number: wanted in trace.numbers(Ended), seconds=20)  # type: ignore[misc]
        # What ended while the line was cut is done again, and after two cuts apart from the others.
        await until(lambda: trace.queued() == {}, seconds=45)


async def test_a_database_killed_under_load_loses_nothing(ctx: Context, tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    server.start()
    try:
        migrate(server.admin_url(), login=LOGIN, parts=schema_parts())
        url = server.url(LOGIN.name, None, "postgres")
        pool = Database(url, connections_max=8)
        await pool.open()
        trace = Trace(server.admin_url(), fresh_name())
        inside = replace(ctx, runtime=replace(ctx.runtime, database=pool))
        kind = work_kind(trace.kind)
        worker = Worker(runtime=inside.runtime, queue_url=url, kinds=[kind], heartbeat_timeout=BEAT)
        added: list[int] = []

        async def load() -> None:
            for number in range(150):
                try:
                    await add(inside, kind, Work(number=number, seconds=0.02))
                    added.append(number)
                except (Unavailable, UnknownOutcome):
                    await asyncio.sleep(0.1)

        async with working(worker):
            loading = asyncio.create_task(load())
            await until(lambda: len(trace.numbers(Ended)) > 20, seconds=20)
            postmaster = int((await asyncio.to_thread((tmp_path / "pg" / "cluster" / "postmaster.pid").read_text)).splitlines()[0])
            psutil.Process(postmaster).kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)
            await loading
            await until(lambda: trace.queued() == {}, seconds=60)
            assert set(added) <= set(trace.numbers(Ended))
            assert len(added) > 50
        await pool.close()
    finally:
        await asyncio.to_thread(server.stop)


async def test_the_log_of_old_jobs_is_forgotten_and_that_of_jobs_in_the_queue_kept(
    ctx: Context, trace: Trace, runtime: Runtime, worker_of: Callable[..., Worker]
) -> None:
    kind = kind_of(trace.kind, Failing(NotFound(what="thing")))
    await add(ctx, kind, Work(number=1))
    await work_off(worker_of(kind), trace)
    await add(ctx, kind, Work(number=2))
    await work_off(worker_of(kind), trace)
    await add(ctx, kind, Work(number=3))
    with psycopg.connect(trace.admin_url, autocommit=True) as admin:
        admin.execute("update queue.pgqueuer_log set created = now() - interval '15 days' where entrypoint = %s", (trace.kind,))
        await forget_old_steps(runtime.system())
        rows = admin.execute("select distinct job_id from queue.pgqueuer_log where entrypoint = %s", (trace.kind,)).fetchall()
        left = admin.execute("select id from queue.pgqueuer where entrypoint = %s", (trace.kind,)).fetchall()
    assert sorted(rows) == sorted(left)
    assert trace.queued() == {"failed": 1, "queued": 1}
