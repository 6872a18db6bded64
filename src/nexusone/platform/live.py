"""Tells a process which events were committed, by looking for them on one connection of its own.

A notification with each event would put all commits of the server in one line. Looking is exact all the same: an event
that was not visible is of a transaction that had not ended, and all since the oldest of those are looked at again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog

from nexusone.platform.rows import row_maker
from nexusone.platform.sql import sql

QUEUE_MAX = 1000
RECONNECT_SECONDS = 1.0
LOOK_SECONDS = 0.1
IDLE_SECONDS = 1.0

# Horizon and events of one and the same snapshot.
LIST_COMMITTED = sql("""
select pg_snapshot_xmin(pg_current_snapshot())::text as horizon, event.workspace_id, event.id, event.transaction_id::text
from (values (1)) as always (row)
left join platform.event as event
    on event.workspace_id = any(%(workspace_ids)s::uuid[]) and event.transaction_id >= %(horizon)s::text::xid8
order by event.transaction_id, event.id
""")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Committed:
    horizon: str
    workspace_id: UUID | None
    id: UUID | None
    transaction_id: str | None


class Arrivals(asyncio.Queue[UUID | None]):
    """What one subscriber is told: all that is committed after it has `begun`."""

    def __init__(self) -> None:
        super().__init__(QUEUE_MAX)
        self.begun = asyncio.Event()


@dataclass(frozen=True, slots=True)
class _Known:
    """Transactions before the horizon had ended; of the later ones, `seen` were handed out."""

    horizon: str
    seen: frozenset[UUID] = frozenset()


class LiveEvents:
    """Hands the ids of committed events to the subscribers of their workspace; run it as a task of the process.

    They come within a fifth of a second, those of one transaction in their order. After a None, events were missed: the
    subscriber did not keep up, or the connection was lost. It goes on by id.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._subscribers: dict[UUID, set[Arrivals]] = {}
        self._has_subscribers = asyncio.Event()

    @contextmanager
    def subscribe(self, workspace_id: UUID) -> Iterator[Arrivals]:
        """The ids as they come, from when it has begun."""
        queue = Arrivals()
        self._subscribers.setdefault(workspace_id, set()).add(queue)
        self._has_subscribers.set()
        try:
            yield queue
        finally:
            queues = self._subscribers[workspace_id]
            queues.discard(queue)
            if not queues:
                del self._subscribers[workspace_id]
            if not self._subscribers:
                self._has_subscribers.clear()

    async def run(self) -> None:
        """Looks until cancelled; comes back after a lost connection."""
        while True:
            try:
                await self._look_on()
            except psycopg.OperationalError as error:
                _log.warning("live.connection_lost", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _look_on(self) -> None:
        async with await _connect(self._url) as connection:
            known = _Known(horizon=(await _look(connection, [], horizon="0"))[0].horizon)
            for queue in self._queues():
                if queue.begun.is_set():
                    _give_up(queue)
            while True:
                await self._pause()
                known = await self._tell(connection, known)

    async def _tell(self, connection: psycopg.AsyncConnection[Any], known: _Known) -> _Known:
        # What a beginner finds in its first look was committed before it; whoever comes during the look begins with the next.
        beginners = [queue for queue in self._queues() if not queue.begun.is_set()]
        rows = await _look(connection, list(self._subscribers), horizon=known.horizon)
        told = self._hand_out(rows, known)
        for queue in beginners:
            queue.begun.set()
        return told

    def _queues(self) -> list[Arrivals]:
        return [queue for queues in self._subscribers.values() for queue in queues]

    async def _pause(self) -> None:
        if self._subscribers:
            await asyncio.sleep(LOOK_SECONDS)
            return
        # The horizon goes on while nobody follows, so that the first who does is not told of old times.
        try:
            await asyncio.wait_for(self._has_subscribers.wait(), IDLE_SECONDS)
        except TimeoutError:
            return

    def _hand_out(self, rows: Sequence[_Committed], known: _Known) -> _Known:
        horizon = rows[0].horizon
        seen = set()
        for row in rows:
            if row.workspace_id is None or row.id is None or row.transaction_id is None:
                continue
            if int(row.transaction_id) >= int(horizon):
                seen.add(row.id)
            if row.id not in known.seen:
                for queue in self._subscribers.get(row.workspace_id, ()):
                    if not queue.begun.is_set():
                        continue
                    if queue.full():
                        _give_up(queue)
                    queue.put_nowait(row.id)
        return _Known(horizon, frozenset(seen))


async def _connect(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c role=m_system", application_name="nexusone live")


async def _look(connection: psycopg.AsyncConnection[Any], workspace_ids: list[UUID], *, horizon: str) -> list[_Committed]:
    async with connection.cursor(row_factory=row_maker(_Committed)) as cursor:
        await cursor.execute(LIST_COMMITTED.text, {"workspace_ids": workspace_ids, "horizon": horizon})
        return await cursor.fetchall()


def _give_up(queue: Arrivals) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
