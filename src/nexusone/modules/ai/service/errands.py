"""Work that goes on when its asker has stopped waiting."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

R = TypeVar("R")

# The event loop keeps only weak references to its tasks.
_running: set[asyncio.Task[Any]] = set()

_log = structlog.get_logger(__name__)


async def finish_within(work: Coroutine[Any, Any, R], *, seconds: float) -> R | None:
    """The result of `work`, or None where it takes longer; it then goes on, and so it does where the asker is cancelled."""
    task = _begin(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.add_done_callback(_log_failure)
    return task.result() if task.done() else None


def begin_errand(work: Coroutine[Any, Any, R], *, after_seconds: float = 0.0) -> None:
    """Begins work that nobody waits for, at once or after a moment."""
    _begin(_after(after_seconds, work) if after_seconds else work).add_done_callback(_log_failure)


async def end_errands(*, seconds: float) -> None:
    """Waits until what runs in this event loop has ended, and what that began; that long at most."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0 and (unended := {task for task in _running if task.get_loop() is loop}):
        await asyncio.wait(unended, timeout=left)


async def _after(seconds: float, work: Coroutine[Any, Any, R]) -> R:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        work.close()
        raise
    return await work


def _begin(work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("generation.errand_failed", exc_info=error)
