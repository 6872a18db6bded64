"""Jobs that leave a trace: what workers run in the fault tests, in this process or in one of their own."""

import asyncio
import os
import signal
from dataclasses import dataclass
from typing import ClassVar, Literal

import psycopg

from nexusone.kernel.contract import Contract
from nexusone.kernel.ids import new_id
from nexusone.platform.events import Event, publish
from nexusone.platform.jobs import JobKind, enqueue
from nexusone.platform.runtime import Context


class Work(Contract):
    """What a job is to do."""

    number: int
    seconds: float = 0.0
    way: Literal["work", "die"] = "work"


class Began(Event):
    """A job was begun."""

    name: ClassVar[str] = "trial.work.began.v1"

    kind: str
    number: int
    pid: int


class Ended(Event):
    """A job came to its end."""

    name: ClassVar[str] = "trial.work.ended.v1"

    kind: str
    number: int
    pid: int


class Ticked(Event):
    """A schedule came due."""

    name: ClassVar[str] = "trial.work.ticked.v1"

    kind: str
    pid: int


def work_kind(name: str, *, concurrency: int = 0, attempts_max: int = 8) -> JobKind[Work]:
    """A kind whose handler says when it begins and when it ends."""

    async def handle(ctx: Context, work: Work) -> None:
        async with ctx.transaction("identity") as tx:
            await publish(tx, Began(kind=name, number=work.number, pid=os.getpid()))
        if work.way == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(work.seconds)
        async with ctx.transaction("identity") as tx:
            await publish(tx, Ended(kind=name, number=work.number, pid=os.getpid()))

    return JobKind(name=name, payload=Work, handler=handle, concurrency=concurrency, attempts_max=attempts_max)


def fresh_name() -> str:
    """A name that no other test has."""
    return f"trial.work_{new_id().hex}"


async def add(ctx: Context, kind: JobKind[Work], *works: Work) -> None:
    """Enqueues jobs, each in a transaction of its own."""
    for work in works:
        async with ctx.transaction("identity") as tx:
            await enqueue(tx, kind, work)


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of the jobs of one kind, as the superuser sees it."""

    admin_url: str
    kind: str

    def numbers(self, event: type[Event]) -> list[int]:
        """The numbers of the jobs that left such an event, sorted."""
        rows = self._rows(
            "select (payload ->> 'number')::int from platform.event where name = %s and payload ->> 'kind' = %s order by 1", event.name
        )
        return [row[0] for row in rows]

    def pids(self, event: type[Event]) -> list[int]:
        """The processes that left such an event."""
        return [
            row[0]
            for row in self._rows(
                "select (payload ->> 'pid')::int from platform.event where name = %s and payload ->> 'kind' = %s order by id", event.name
            )
        ]

    def queued(self) -> dict[str, int]:
        """How many jobs are in the queue, by status."""
        with psycopg.connect(self.admin_url) as admin:
            rows = admin.execute(
                "select status::text, count(*) from queue.pgqueuer where entrypoint = %s group by 1", (self.kind,)
            ).fetchall()
        return {str(status): int(count) for status, count in rows}

    def _rows(self, query: str, name: str) -> list[tuple[int]]:
        with psycopg.connect(self.admin_url) as admin:
            return [(int(row[0]),) for row in admin.execute(query.encode(), (name, self.kind)).fetchall()]
