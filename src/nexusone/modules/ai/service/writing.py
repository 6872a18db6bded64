"""Asking the model: each call noted before it is made, repeated only where surely nothing was done or the shape was wrong."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.answers import plain_answer, shaped_answer
from nexusone.modules.ai.domain.instructions import instructions_for, repair_prompt
from nexusone.modules.ai.domain.lifecycle import EMPTY_ANSWER, OUTPUT_NOT_MATCHING, Outcome, lost
from nexusone.modules.ai.domain.tariff import Usage
from nexusone.modules.ai.ports.text import TextRequest, TextResult
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.models import text_model
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

# Between the vendor's answer and its record: beyond it, a running generation counts as abandoned.
GRACE_SECONDS = 30.0
DETAIL_CHARACTERS_MAX = 1_000


@dataclass(slots=True)
class _Course:
    """Where the attempts of one generation stand."""

    prompt: str
    repairs_left: int
    retries_left: int
    retries: int = 0
    usage: Usage = field(default_factory=Usage)


async def write(ctx: Context, row: GenerationRow) -> GenerationRow:
    """Asks the model for a generation that was just started, to its end."""
    outcome = await _outcome(ctx, row)
    return await end(ctx, generation_id=row.id, outcome=outcome)


async def write_queued(ctx: Context, *, generation_id: UUID) -> None:
    """Takes a queued generation and writes it; one that somebody has taken before is left alone."""
    text_model(ctx)
    async with ctx.transaction("ai") as tx:
        row = await generations.start(
            tx, workspace_id=ctx.workspace, generation_id=generation_id, now=ctx.now(), due_at=ctx.now() + call_lifetime(ctx)
        )
    if row is not None:
        await write(ctx, row)


def call_lifetime(ctx: Context) -> timedelta:
    """After how long a call that was noted and has no record counts as abandoned."""
    return timedelta(seconds=ctx.setting(AiSettings).call_seconds_max + GRACE_SECONDS)


async def _outcome(ctx: Context, row: GenerationRow) -> Outcome:
    settings = ctx.setting(AiSettings)
    course = _Course(prompt=row.prompt, repairs_left=settings.repairs_max if row.output_schema else 0, retries_left=settings.retries_max)
    request = _request(ctx, row)
    while True:
        ended = await _attempt(ctx, row, course, replace(request, prompt=course.prompt))
        if ended is not None:
            return ended
        if not await _note_call(ctx, row, course):
            return lost(course.usage, "the generation was given up meanwhile")


async def _attempt(ctx: Context, row: GenerationRow, course: _Course, request: TextRequest) -> Outcome | None:
    """One call; None where another is to follow."""
    try:
        result = await _call(ctx, request)
    except UnknownOutcome as error:
        return lost(course.usage, error.detail)
    except DefiniteFailure as failure:
        return await _after_failure(ctx, course, failure)
    course.usage += Usage(result.input_tokens, result.output_tokens)
    if row.output_schema is None:
        return _plain_outcome(result, course.usage)
    answer = await asyncio.to_thread(shaped_answer, result.text, schema=row.output_schema)
    if answer.json_text is not None:
        return _outcome_of(result, course.usage, output=answer.json_text)
    if course.repairs_left == 0:
        return _outcome_of(result, course.usage, error_code=OUTPUT_NOT_MATCHING, error_detail="; ".join(answer.faults))
    course.repairs_left -= 1
    course.prompt = repair_prompt(prompt=row.prompt, answer=plain_answer(result.text), faults=answer.faults)
    return None


async def _call(ctx: Context, request: TextRequest) -> TextResult:
    try:
        async with asyncio.timeout(ctx.setting(AiSettings).call_seconds_max):
            return await text_model(ctx).write(request)
    except TimeoutError as error:
        raise UnknownOutcome(detail="no answer in time") from error


async def _after_failure(ctx: Context, course: _Course, failure: DefiniteFailure) -> Outcome | None:
    settings = ctx.setting(AiSettings)
    wait = failure.retry_after_seconds
    if wait is None:
        wait = settings.retry_wait_seconds * 2**course.retries
    if failure.is_retryable and course.retries_left > 0 and wait <= settings.retry_wait_seconds_max:
        course.retries_left -= 1
        course.retries += 1
        await asyncio.sleep(wait)
        return None
    return Outcome(status="failed", usage=course.usage, error_code=failure.code, error_detail=failure.detail[:DETAIL_CHARACTERS_MAX])


def _plain_outcome(result: TextResult, usage: Usage) -> Outcome:
    text = plain_answer(result.text)
    if not text.strip():
        return _outcome_of(
            result, usage, error_code=EMPTY_ANSWER, error_detail=f"the model ended with {result.finish_reason} and wrote nothing"
        )
    return _outcome_of(result, usage, output=text)


def _outcome_of(
    result: TextResult, usage: Usage, *, output: str | None = None, error_code: str | None = None, error_detail: str = ""
) -> Outcome:
    return Outcome(
        status="succeeded" if error_code is None else "failed",
        usage=usage,
        output=output,
        finish_reason=result.finish_reason,
        model_version=result.model,
        vendor_reference=result.vendor_reference,
        error_code=error_code,
        error_detail=plain_answer(error_detail)[:DETAIL_CHARACTERS_MAX] or None,
    )


def _request(ctx: Context, row: GenerationRow) -> TextRequest:
    return TextRequest(
        model=row.model,
        instructions=instructions_for(locale=row.locale, has_schema=row.output_schema is not None),
        prompt=row.prompt,
        output_tokens_max=row.output_tokens_max,
        output_schema=row.output_schema,
        end_user=sha256(f"{ctx.workspace}:{row.requested_by}".encode()).hexdigest(),
    )


async def _note_call(ctx: Context, row: GenerationRow, course: _Course) -> bool:
    async with ctx.transaction("ai") as tx:
        return await generations.begin_call(
            tx, workspace_id=ctx.workspace, generation_id=row.id, usage=course.usage, due_at=ctx.now() + call_lifetime(ctx)
        )
