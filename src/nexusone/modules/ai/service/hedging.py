"""Asking a second model for a text that the first one takes long over: the first answer is taken, and it alone is charged."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.tariff import Tariff
from nexusone.modules.ai.ports.text import TextRequest, TextResult
from nexusone.modules.ai.service.breaking import check_breaker
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

Ask = Callable[[GenerationRow, TextRequest], Awaitable[TextResult]]


@dataclass(frozen=True, slots=True)
class Second:
    """The model that is asked beside the first: the row as it would be with it, and its prices."""

    row: GenerationRow
    tariff: Tariff


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer, and the second model where it was the faster one."""

    result: TextResult
    winner: Second | None = None


async def ask_hedged(
    ctx: Context,
    row: GenerationRow,
    request: TextRequest,
    *,
    ask: Ask,
    after_seconds: float,
    begin_second: Callable[[], Awaitable[Second | None]],
) -> Answered:
    """Asks the row's model, and after `after_seconds` without an answer the one that `begin_second` puts on record as well.

    Who is slower is cut off. Where one fails the other is waited for.

    Raises:
        UnknownOutcome: nobody answered, and of one of them nobody knows.
        DefiniteFailure: nobody answered; the first one's failure.
    """
    first = asyncio.ensure_future(ask(row, request))
    second: asyncio.Future[TextResult] | None = None
    beside: Second | None = None
    try:
        await asyncio.wait({first}, timeout=after_seconds)
        if not first.done() and (beside := await begin_second()) is not None and _may_be_asked(ctx, beside):
            second = asyncio.ensure_future(ask(beside.row, replace(request, model=beside.row.model)))
            await _first_success(first, second)
        if second is None or (first.done() and first.exception() is None):
            return Answered(await first)
        if second.done() and second.exception() is None:
            return Answered(second.result(), beside)
        raise _both_failed(first, second)
    finally:
        pending = [task for task in (first, second) if task is not None]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def _may_be_asked(ctx: Context, beside: Second) -> bool:
    try:
        check_breaker(ctx, beside.row)
    except DefiniteFailure:
        return False
    return True


async def _first_success(*tasks: asyncio.Future[TextResult]) -> None:
    waiting = set(tasks)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if any(task.exception() is None for task in done):
            return


def _both_failed(first: asyncio.Future[TextResult], second: asyncio.Future[TextResult]) -> BaseException:
    failures = [failure for task in (first, second) if (failure := task.exception()) is not None]
    unknown = [failure for failure in failures if isinstance(failure, UnknownOutcome)]
    return unknown[0] if unknown else failures[0]
