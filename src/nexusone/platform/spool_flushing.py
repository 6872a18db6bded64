"""Brings a spool's records into the database, batch by batch, for as long as a process runs; what fails stays and comes again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import psycopg
import structlog

from nexusone.kernel.errors import Refusal
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.spool import Spool

FLUSH_SECONDS = 0.1
BACKOFF_SECONDS_MAX = 5.0
SYNC_SECONDS = 1.0
ADOPT_SECONDS = 10.0
FAREWELL_SECONDS = 5.0

Write = Callable[[Sequence[bytes]], Awaitable[None]]

_log = structlog.get_logger(__name__)


async def flush(spool: Spool, write: Write) -> int:
    """Writes what waits, one segment after the other; how many records that were. What `write` raises is raised."""
    flushed = await _write_sealed(spool, write)
    # Only now: while nothing can be written, retries would cut the spool into crumbs.
    spool.seal()
    return flushed + await _write_sealed(spool, write)


@asynccontextmanager
async def flushing(spool: Spool, write: Write, *, every_seconds: float = FLUSH_SECONDS) -> AsyncIterator[None]:
    """Flushes, syncs and adopts for as long as the block; then once more, and what is left waits for the next process."""
    spool.adopt()
    stopping = asyncio.Event()
    running = [
        asyncio.create_task(_flush_on(spool, write, stopping, every_seconds)),
        asyncio.create_task(_every(SYNC_SECONDS, stopping, spool.sync)),
    ]
    for task in running:
        task.add_done_callback(_report_death)
    try:
        yield
    finally:
        stopping.set()
        _, late = await asyncio.wait(running, timeout=FAREWELL_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        spool.close()


async def _write_sealed(spool: Spool, write: Write) -> int:
    written = 0
    while (batch := await spool.take()) is not None:
        if batch.torn_bytes:
            _log.warning("spool.torn", segment=str(batch.path), unreadable_bytes=batch.torn_bytes)
        if batch.records:
            await write(batch.records)
        spool.confirm(batch)
        written += len(batch.records)
    return written


async def _flush_on(spool: Spool, write: Write, stopping: asyncio.Event, every_seconds: float) -> None:
    failures, adopted_at = 0, asyncio.get_running_loop().time()
    is_last = False
    while not is_last:
        await _pause(min(every_seconds * 2 ** min(failures, 10), BACKOFF_SECONDS_MAX), stopping)
        is_last = stopping.is_set()
        try:
            if (now := asyncio.get_running_loop().time()) - adopted_at > ADOPT_SECONDS:
                adopted_at = now
                spool.adopt()
            await flush(spool, write)
            failures = 0
        except (Refusal, UnknownOutcome, psycopg.Error, OSError) as error:
            failures += 1
            _log.warning("spool.flush_failed", error=str(error), failures=failures, waiting_bytes=spool.waiting_bytes, lost=spool.lost)


async def _every(seconds: float, stopping: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    while not stopping.is_set():
        await _pause(seconds, stopping)
        try:
            await work()
        except OSError as error:
            _log.warning("spool.sync_failed", error=str(error))


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _report_death(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("spool.flusher_died", exc_info=error)
