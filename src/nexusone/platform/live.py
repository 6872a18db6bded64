"""Tells a process which events were committed, by LISTEN on one connection of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import structlog

QUEUE_MAX = 1000
RECONNECT_SECONDS = 1.0

Arrivals = asyncio.Queue[UUID | None]

_log = structlog.get_logger(__name__)


class LiveEvents:
    """Hands the ids of committed events to the subscribers of their workspace; run it as a task of the process.

    After a None, events were missed: the subscriber did not keep up, or the connection was lost. It goes on by id.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._subscribers: dict[UUID, set[Arrivals]] = {}

    @contextmanager
    def subscribe(self, workspace_id: UUID) -> Iterator[Arrivals]:
        """The ids as they come."""
        queue: Arrivals = asyncio.Queue(QUEUE_MAX)
        self._subscribers.setdefault(workspace_id, set()).add(queue)
        try:
            yield queue
        finally:
            queues = self._subscribers[workspace_id]
            queues.discard(queue)
            if not queues:
                del self._subscribers[workspace_id]

    async def run(self) -> None:
        """Listens until cancelled; comes back after a lost connection."""
        while True:
            try:
                await self._listen()
            except psycopg.OperationalError as error:
                _log.warning("live.connection_lost", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True, application_name="nexusone live") as connection:
            await connection.execute("listen nexusone_events")
            # Whoever subscribed before may have missed some.
            for queues in self._subscribers.values():
                for queue in queues:
                    _give_up(queue)
            async for notice in connection.notifies():
                workspace, _, event = notice.payload.partition(":")
                for queue in self._subscribers.get(UUID(workspace), ()):
                    if queue.full():
                        _give_up(queue)
                    queue.put_nowait(UUID(event))


def _give_up(queue: Arrivals) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
