"""Text as it is written. The writing does not depend on the reader: where the reader leaves, what was delivered is paid for."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.contracts.generations import Generation, NewText
from nexusone.modules.ai.domain.answers import plain_answer, shaped_answer
from nexusone.modules.ai.domain.lifecycle import CLIENT_LEFT, NO_ANSWER, OUTPUT_NOT_MATCHING, Outcome, lost
from nexusone.modules.ai.domain.tariff import Usage
from nexusone.modules.ai.ports.text import TextResult
from nexusone.modules.ai.service.breaking import check_breaker, note_failure, note_success
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.errands import begin_errand
from nexusone.modules.ai.service.models import surely_connected, text_model
from nexusone.modules.ai.service.reserving import reserve
from nexusone.modules.ai.service.safety import both, is_refused, judge
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.service.writing import (
    DETAIL_CHARACTERS_MAX,
    call_lifetime,
    call_seconds,
    course_of,
    failed_by_safety,
    plain_outcome,
    request_of,
)
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

# Fewer bytes a token than texts of any language have on average, so that an estimate is not below what was written.
BYTES_PER_TOKEN = 3
ACCEPTED = 202


@dataclass(slots=True)
class _Pipe:
    """What goes from the writing to its reader."""

    pieces: "asyncio.Queue[str | Generation]" = field(default_factory=asyncio.Queue)
    is_left: bool = False


async def stream_text(ctx: Context, *, wanted: NewText) -> AsyncGenerator[str | Generation, None]:
    """First the running generation, then its text in pieces, last the ended generation.

    Raises:
        OutputSchemaInvalid, ModelUnknown, NoTextModel, InsufficientCredits, PurposeStopped: nothing was begun.
    """
    row = await reserve(ctx, wanted)
    noted = ctx if ctx.idempotency is None else replace(ctx, idempotency=replace(ctx.idempotency, status=ACCEPTED))
    async with noted.transaction("ai") as tx:
        started = await generations.start(
            tx, workspace_id=ctx.workspace, generation_id=row.id, now=ctx.now(), due_at=ctx.now() + call_lifetime(ctx)
        )
        await conclude(tx, generation_of(started or row))
    if started is None:
        return _alone(generation_of(row))
    pipe = _Pipe()
    begin_errand(_write(ctx, started, pipe))
    return _read(generation_of(started), pipe)


async def _alone(generation: Generation) -> AsyncGenerator[str | Generation, None]:
    yield generation


async def _read(begun: Generation, pipe: _Pipe) -> AsyncGenerator[str | Generation, None]:
    try:
        yield begun
        while True:
            piece = await pipe.pieces.get()
            yield piece
            if isinstance(piece, Generation):
                return
    finally:
        pipe.is_left = True


async def _write(ctx: Context, row: GenerationRow, pipe: _Pipe) -> None:
    outcome = await _outcome(ctx, row, pipe)
    ended = await end(ctx, generation_id=row.id, outcome=outcome)
    pipe.pieces.put_nowait(generation_of(ended))


async def _outcome(ctx: Context, row: GenerationRow, pipe: _Pipe) -> Outcome:
    safety = await judge(ctx, texts=[row.prompt])
    if is_refused(safety):
        return failed_by_safety(safety, Usage())
    delivered: list[str] = []
    try:
        check_breaker(ctx, row)
        async with asyncio.timeout(call_seconds(ctx, row)):
            result = await _pumped(ctx, row, pipe, delivered)
    except TimeoutError:
        return _broken(row, delivered, "no answer in time")
    except UnknownOutcome as error:
        note_failure(ctx, row)
        return _broken(row, delivered, error.detail)
    except DefiniteFailure as failure:
        used = _estimate(row, delivered) if delivered else Usage()
        return Outcome(status="failed", usage=used, error_code=failure.code, error_detail=failure.detail[:DETAIL_CHARACTERS_MAX])
    note_success(ctx, row)
    if result is None:
        return _left(row, delivered)
    return await _whole(ctx, row, result, safety)


async def _pumped(ctx: Context, row: GenerationRow, pipe: _Pipe, delivered: list[str]) -> TextResult | None:
    """The result, with every piece handed on as it came; None where the reader left before the end."""
    request = request_of(ctx, course_of(ctx, row))
    with surely_connected():
        model = await text_model(ctx, row)
    async with aclosing(model.stream(request)) as deltas:  # type: ignore[type-var]  # what streams can be closed
        async for delta in deltas:
            if delta.result is not None:
                return delta.result
            if pipe.is_left:
                return None
            if delta.text:
                delivered.append(delta.text)
                pipe.pieces.put_nowait(delta.text)
    raise UnknownOutcome(detail="the text ended before its end was told")


async def _whole(ctx: Context, row: GenerationRow, result: TextResult, asked: Mapping[str, object] | None) -> Outcome:
    usage = Usage(result.input_tokens, result.output_tokens)
    outcome = plain_outcome(result, usage)
    if row.output_schema is not None and outcome.output is not None:
        answer = await asyncio.to_thread(shaped_answer, result.text, schema=row.output_schema)
        if answer.json_text is None:
            detail = "; ".join(answer.faults)[:DETAIL_CHARACTERS_MAX]
            return replace(outcome, status="failed", output=None, error_code=OUTPUT_NOT_MATCHING, error_detail=detail)
        outcome = replace(outcome, output=answer.json_text)
    safety = both(asked, None if outcome.output is None else await judge(ctx, texts=[outcome.output]))
    return outcome if safety is None else replace(outcome, safety=safety)


def _left(row: GenerationRow, delivered: list[str]) -> Outcome:
    """The reader left: what was delivered is kept and charged."""
    text = plain_answer("".join(delivered))
    is_shaped = row.output_schema is not None
    return Outcome(
        status="succeeded" if text and not is_shaped else "canceled",
        usage=_estimate(row, delivered),
        output=text if text and not is_shaped else None,
        finish_reason=CLIENT_LEFT,
        error_code=CLIENT_LEFT if is_shaped or not text else None,
        error_detail="the client left before the end" if is_shaped or not text else None,
    )


def _broken(row: GenerationRow, delivered: list[str], detail: str) -> Outcome:
    """The line went dead: without a word delivered nobody knows what was done; else what was delivered is charged."""
    if not delivered:
        return lost(Usage(), detail)
    text = plain_answer("".join(delivered))
    output = None if row.output_schema is not None else text
    return Outcome(status="failed", usage=_estimate(row, delivered), output=output, error_code=NO_ANSWER, error_detail=detail)


def _estimate(row: GenerationRow, delivered: list[str]) -> Usage:
    """What reading the request and writing that much takes, at most what was promised."""
    asked = (row.instructions or "") + row.prompt
    written = -(-len("".join(delivered).encode()) // BYTES_PER_TOKEN)
    return Usage(-(-len(asked.encode()) // BYTES_PER_TOKEN), min(written, row.output_tokens_max))
