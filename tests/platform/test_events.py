"""Facts leave with the commit: the event's row and one job for each subscriber, or nothing at all."""

from dataclasses import replace
from typing import ClassVar

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase

from nexusone.kernel.contract import Id
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.platform.events import Event, Subscriber, find_event, list_events_after, publish
from nexusone.platform.jobs import Worker
from nexusone.platform.runtime import Context, Runtime


class ThingHappened(Event):
    """A fact."""

    name: ClassVar[str] = "trial.thing.happened.v1"

    thing_id: Id


class Log:
    """What subscribers saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Context, ThingHappened]] = []

    def subscriber(self, name: str) -> Subscriber[ThingHappened]:
        async def handle(ctx: Context, event: ThingHappened) -> None:
            self.seen.append((name, ctx, event))

        return Subscriber(event=ThingHappened, name=name, handler=handle)


@pytest.fixture
def names() -> tuple[str, str]:
    """Two subscribers that no other test has."""
    return f"trial.first_{new_id().hex}", f"trial.second_{new_id().hex}"


@pytest.fixture
def publishing(ctx: Context, names: tuple[str, str]) -> Context:
    """A context in whose runtime the two subscribe."""
    return replace(ctx, locale="de", runtime=replace(ctx.runtime, subscriptions={ThingHappened.name: names}))


def worker_of(runtime: Runtime, database: TestDatabase, log: Log, names: tuple[str, str]) -> Worker:
    return Worker(runtime=runtime, queue_url=database.url, kinds=[log.subscriber(name).job() for name in names])


def queued(database: TestDatabase, names: tuple[str, str]) -> int:
    with psycopg.connect(database.admin_url) as admin:
        found = admin.execute("select count(*) from queue.pgqueuer where entrypoint = any(%s)", (list(names),)).fetchone()
    return int(found[0]) if found else -1


async def test_an_event_is_a_row_and_a_job_for_each_subscriber(publishing: Context, database: TestDatabase, names: tuple[str, str]) -> None:
    event = ThingHappened(thing_id=new_id())
    async with publishing.transaction("identity") as tx:
        await publish(tx, event)
        assert queued(database, names) == 0
    assert queued(database, names) == 2
    row = await find_event(publishing, event_id=event.event_id)
    assert row is not None
    assert (row.name, row.payload["thing_id"], row.actor) == (event.name, str(event.thing_id), publishing.principal.label)
    log = Log()
    await worker_of(publishing.runtime, database, log, names).drain()
    assert sorted(name for name, _, _ in log.seen) == sorted(names)
    for _, ctx, seen in log.seen:
        assert seen == event
        assert (ctx.workspace_id, ctx.principal.label, ctx.locale) == (publishing.workspace_id, publishing.principal.label, "de")
    assert queued(database, names) == 0


async def test_a_rollback_leaves_neither_event_nor_job(publishing: Context, database: TestDatabase, names: tuple[str, str]) -> None:
    event = ThingHappened(thing_id=new_id())
    with pytest.raises(ZeroDivisionError):
        async with publishing.transaction("identity") as tx:
            await publish(tx, event)
            raise ZeroDivisionError
    assert queued(database, names) == 0
    assert await find_event(publishing, event_id=event.event_id) is None


async def test_a_job_that_runs_twice_delivers_the_same_event_id(
    publishing: Context, database: TestDatabase, names: tuple[str, str]
) -> None:
    event = ThingHappened(thing_id=new_id())
    async with publishing.transaction("identity") as tx:
        await publish(tx, event)
    log = Log()
    is_first = True

    async def fail_once(ctx: Context, seen: ThingHappened) -> None:
        nonlocal is_first
        await log.subscriber("failing").handler(ctx, seen)
        if is_first:
            is_first = False
            raise DefiniteFailure(code="busy", detail="later", is_retryable=True, retry_after_seconds=0.0)

    failing = Subscriber(event=ThingHappened, name=names[0], handler=fail_once)
    worker = Worker(runtime=publishing.runtime, queue_url=database.url, kinds=[failing.job()])
    while queued(database, (names[0], names[0])):
        await worker.drain()
    assert [seen.event_id for _, _, seen in log.seen] == [event.event_id] * 2


async def test_another_workspace_never_finds_an_event(publishing: Context, make_context: ContextMaker) -> None:
    event = ThingHappened(thing_id=new_id())
    async with publishing.transaction("identity") as tx:
        await publish(tx, event)
    stranger = make_context()
    assert await find_event(stranger, event_id=event.event_id) is None
    assert await list_events_after(stranger, after=new_id(), limit=10) == []


async def test_events_are_listed_after_an_id_oldest_first(publishing: Context) -> None:
    events = [ThingHappened(thing_id=new_id()) for _ in range(5)]
    for event in events:
        async with publishing.transaction("identity") as tx:
            await publish(tx, event)
    found = await list_events_after(publishing, after=events[1].event_id, limit=2)
    assert [row.id for row in found] == [event.event_id for event in events[2:4]]


async def test_only_the_platform_reads_the_event_log(publishing: Context, database: TestDatabase) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("set role m_identity")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select 1 from platform.event")
