"""A workspace whose jobs wait by the hundred keeps no other waiting, and no kind's or worker's limit is passed for it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.conftest import TestDatabase
from tests.faults.conftest import until
from tests.faults.work import Trace, Work, fresh_name

from nexusone.platform.job_fairness import SIGHT, share_of
from nexusone.platform.jobs import JobKind, Worker, enqueue_named
from nexusone.platform.runtime import Context, Runtime

NOISY_JOBS = 500
QUIET_JOBS = 5
PLACES = 8

Make = Callable[..., Context]


class Floor:
    """What a kind of jobs does here: each takes its time, and the floor sees who is on it together."""

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        self.present: Counter[UUID] = Counter()
        self.most: Counter[UUID] = Counter()
        self.most_together = 0
        self.ended: list[tuple[UUID, float]] = []

    async def handle(self, ctx: Context, work: Work) -> None:
        """Comes, stays, goes."""
        self.present[ctx.workspace] += 1
        self.most[ctx.workspace] = max(self.most[ctx.workspace], self.present[ctx.workspace])
        self.most_together = max(self.most_together, self.present.total())
        await asyncio.sleep(self.seconds)
        self.present[ctx.workspace] -= 1
        self.ended.append((ctx.workspace, time.monotonic()))

    def count(self, ctx: Context) -> int:
        """How many of a workspace are done."""
        return sum(workspace == ctx.workspace for workspace, _ in self.ended)

    async def until(self, ctx: Context, count: int, *, seconds: float) -> float:
        """Waits until so many of a workspace are done; returns the seconds that took."""
        began = time.monotonic()
        await until(lambda: self.count(ctx) >= count, seconds=seconds)
        return time.monotonic() - began


def kind_of(floor: Floor, *, concurrency: int = 0) -> JobKind[Work]:
    return JobKind(name=fresh_name(), payload=Work, handler=floor.handle, concurrency=concurrency)


async def leave(ctx: Context, kind: JobKind[Work], count: int, *, priority: int = 0) -> None:
    async with ctx.transaction("identity") as tx:
        await enqueue_named(tx, [(kind.name, Work(number=number)) for number in range(count)], priority=priority)


@pytest.fixture
def worker_of(runtime: Runtime, database: TestDatabase) -> Callable[..., Worker]:
    """Makes workers of this process."""

    def make(*kinds: JobKind[Work], concurrency: int = PLACES) -> Worker:
        return Worker(runtime=runtime, queue_url=database.url, kinds=kinds, concurrency=concurrency)

    return make


@asynccontextmanager
async def working(*workers: Worker) -> AsyncIterator[None]:
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running)


async def test_ten_12_a_quiet_workspace_does_not_wait_behind_the_jobs_of_a_noisy_one(
    make_context: Make, worker_of: Callable[..., Worker]
) -> None:
    noisy, quiet, floor = make_context(), make_context(), Floor(seconds=0.05)
    kind = kind_of(floor)
    await leave(noisy, kind, NOISY_JOBS)
    async with working(worker_of(kind)):
        await floor.until(noisy, PLACES, seconds=10)
        waited = []
        for number in range(QUIET_JOBS):
            await leave(quiet, kind, 1)
            waited.append(await floor.until(quiet, number + 1, seconds=10))
        done_meanwhile = floor.count(noisy)
        # Whoever is alone again gets on.
        await floor.until(noisy, done_meanwhile + PLACES, seconds=10)
    assert done_meanwhile < NOISY_JOBS / 2, waited


async def test_ten_12_one_workspace_never_holds_all_places_of_a_worker(make_context: Make, worker_of: Callable[..., Worker]) -> None:
    noisy, quiet, floor = make_context(), make_context(), Floor(seconds=5.0)
    kind = kind_of(floor)
    await leave(noisy, kind, 2 * PLACES)
    async with working(worker_of(kind)):
        await until(lambda: floor.present[noisy.workspace] == share_of(PLACES), seconds=10)
        await leave(quiet, kind, 1)
        await until(lambda: floor.present[quiet.workspace] == 1, seconds=10)
        # It begins while those of the other, which take longer, are still there.
        assert floor.count(noisy) == 0
    assert floor.most[noisy.workspace] == share_of(PLACES)


async def test_the_limits_of_kind_and_worker_hold_for_all_workspaces_together(make_context: Make, worker_of: Callable[..., Worker]) -> None:
    contexts, narrow, wide = [make_context() for _ in range(5)], Floor(seconds=0.02), Floor(seconds=0.02)
    kinds = (kind_of(narrow, concurrency=3), kind_of(wide))
    for ctx in contexts:
        await leave(ctx, kinds[0], 6)
        await leave(ctx, kinds[1], 20)
    async with working(worker_of(*kinds), worker_of(*kinds)):
        for ctx in contexts:
            await wide.until(ctx, 20, seconds=20)
            await narrow.until(ctx, 6, seconds=20)
    assert narrow.most_together <= 3
    assert wide.most_together <= 2 * PLACES
    assert (len(narrow.ended), len(wide.ended)) == (30, 100)


async def test_a_priority_orders_the_jobs_of_its_own_workspace_alone(
    make_context: Make, worker_of: Callable[..., Worker], database: TestDatabase
) -> None:
    pushing, quiet, plain, urgent = make_context(), make_context(), Floor(seconds=0.02), Floor(seconds=0.02)
    kinds = (kind_of(plain), kind_of(urgent))
    await leave(pushing, kinds[0], 50)
    await leave(pushing, kinds[1], 50, priority=100)
    await leave(quiet, kinds[0], 1)
    async with working(worker_of(*kinds, concurrency=2)):
        await plain.until(quiet, 1, seconds=10)
        assert urgent.count(pushing) < 10
        await urgent.until(pushing, 50, seconds=20)
        assert plain.count(pushing) <= 2
        await plain.until(pushing, 50, seconds=20)
    assert Trace(database.admin_url, kinds[0].name).queued() == {}


async def test_more_workspaces_than_are_within_sight_all_come_to_their_turn(make_context: Make, worker_of: Callable[..., Worker]) -> None:
    floor = Floor(seconds=0)
    kind = kind_of(floor)
    contexts = [make_context() for _ in range(SIGHT + 50)]
    await leave(contexts[0], kind, 50)
    for ctx in contexts[1:]:
        await leave(ctx, kind, 1)
    async with working(worker_of(kind)):
        await until(lambda: len(floor.ended) == SIGHT + 99, seconds=20)


async def test_what_is_not_due_or_another_workers_business_takes_no_place_in_sight(
    make_context: Make, worker_of: Callable[..., Worker]
) -> None:
    noisy, quiet, floor = make_context(), make_context(), Floor(seconds=0.02)
    kind = kind_of(floor)
    for _ in range(SIGHT + 50):
        ctx = make_context(workspace_id=UUID(int=uuid4().int >> 8))
        async with ctx.transaction("identity") as tx:
            await enqueue_named(tx, [(f"a_{kind.name}", Work(number=0))])
            await enqueue_named(tx, [(kind.name, Work(number=0))], after=timedelta(hours=1))
    await leave(noisy, kind, NOISY_JOBS)
    async with working(worker_of(kind)):
        await floor.until(noisy, PLACES, seconds=10)
        for number in range(QUIET_JOBS):
            await leave(quiet, kind, 1)
            await floor.until(quiet, number + 1, seconds=10)
        assert floor.count(noisy) < NOISY_JOBS / 2


@pytest.mark.parametrize(("places", "share"), [(2, 1), (3, 2), (8, 6), (20, 15), (500, 375)])
def test_a_quarter_of_the_places_is_kept_from_any_one(places: int, share: int) -> None:
    assert share_of(places) == share
