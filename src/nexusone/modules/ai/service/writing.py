"""Asking models for text: each call noted before it is made, repeated only where surely nothing was done or the shape was wrong."""

import asyncio
import math
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.answers import ShapedAnswer, plain_answer, shaped_answer
from nexusone.modules.ai.domain.instructions import instructions_for, repair_prompt
from nexusone.modules.ai.domain.lifecycle import EMPTY_ANSWER, OUTPUT_NOT_MATCHING, REFUSED_BY_MODERATION, Outcome, lost
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.text import TextRequest, TextResult
from nexusone.modules.ai.service.breaking import check_breaker, is_the_models_fault, note_failure, note_success
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.hedging import Second, ask_hedged
from nexusone.modules.ai.service.models import get_model, is_own, surely_connected, tariff_of, text_model
from nexusone.modules.ai.service.own_keys import OwnVendors, own_vendors
from nexusone.modules.ai.service.refusals import ModelUnknown
from nexusone.modules.ai.service.reserving import with_sources
from nexusone.modules.ai.service.safety import both, is_refused, judge, refusal_detail
from nexusone.modules.ai.service.task_checks import task_faults
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

# Between the vendor's answer and its record: beyond it, a running generation counts as abandoned.
GRACE_SECONDS = 30.0
DETAIL_CHARACTERS_MAX = 1_000


@dataclass(slots=True)
class Course:
    """Where the attempts of one generation stand."""

    row: GenerationRow
    prompt: str
    repairs_left: int
    retries_left: int
    fallbacks: list[str]
    retries: int = 0
    usage: Usage = field(default_factory=Usage)


async def write(ctx: Context, row: GenerationRow) -> GenerationRow:
    """Asks the model for a generation that was just started, to its end."""
    outcome = await _outcome(ctx, row)
    return await end(ctx, generation_id=row.id, outcome=outcome)


async def write_queued(ctx: Context, *, generation_id: UUID) -> None:
    """Takes a queued generation and writes it; one that somebody has taken before is left alone."""
    async with ctx.transaction("ai") as tx:
        queued = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if queued is None or queued.status != "queued":
        return
    await text_model(ctx, queued)
    async with ctx.transaction("ai") as tx:
        row = await generations.start(
            tx, workspace_id=ctx.workspace, generation_id=generation_id, now=ctx.now(), due_at=ctx.now() + call_lifetime(ctx)
        )
    if row is not None:
        await write(ctx, row)


def call_lifetime(ctx: Context) -> timedelta:
    """After how long a call that was noted and has no record counts as abandoned."""
    return timedelta(seconds=ctx.setting(AiSettings).call_seconds_max + GRACE_SECONDS)


def call_seconds(ctx: Context, row: GenerationRow) -> float:
    """How long one call may take: as the settings say, or less where less was asked for."""
    return min(ctx.setting(AiSettings).call_seconds_max, row.seconds_max or math.inf)


def course_of(ctx: Context, row: GenerationRow) -> Course:
    """The attempts that a generation has before it."""
    settings = ctx.setting(AiSettings)
    return Course(
        row=row,
        prompt=with_sources(row.prompt, row.sources or ()),
        repairs_left=settings.repairs_max if row.output_schema else 0,
        retries_left=settings.retries_max,
        fallbacks=row.fallbacks[row.fallbacks.index(row.model) + 1 :] if row.model in row.fallbacks else list(row.fallbacks),
    )


def request_of(ctx: Context, course: Course) -> TextRequest:
    """What the model is asked now."""
    row = course.row
    return TextRequest(
        model=row.model,
        instructions=row.instructions or instructions_for(locale=row.locale or "en", has_schema=row.output_schema is not None),
        prompt=course.prompt,
        output_tokens_max=row.output_tokens_max,
        output_schema=row.output_schema,
        end_user=end_user_of(ctx, row),
    )


def end_user_of(ctx: Context, row: GenerationRow) -> str:
    """Who asked, for the vendor's abuse control: the same person always the same, and nobody to be known by it."""
    return sha256(f"{ctx.workspace}:{row.requested_by}".encode()).hexdigest()


def failed_by_safety(safety: Mapping[str, object] | None, usage: Usage) -> Outcome:
    """The end of what the policy keeps back; what was used until then is charged."""
    detail = refusal_detail(safety)
    return Outcome(status="failed", usage=usage, error_code=REFUSED_BY_MODERATION, error_detail=detail, safety=safety)


async def after_failure(ctx: Context, course: Course, failure: DefiniteFailure) -> Outcome | None:
    """None where another call is to follow: of the same model after a wait, or of the next of the chain; else the end."""
    settings, row = ctx.setting(AiSettings), course.row
    if is_the_models_fault(failure) and failure.code != "vendor.paused":
        note_failure(ctx, row)
    wait = failure.retry_after_seconds
    if wait is None:
        wait = settings.retry_wait_seconds * 2**course.retries
    if failure.is_retryable and course.retries_left > 0 and wait <= settings.retry_wait_seconds_max:
        course.retries_left -= 1
        course.retries += 1
        await asyncio.sleep(wait)
        return None
    if is_the_models_fault(failure) and course.fallbacks:
        return await fall_back(ctx, course)
    return Outcome(status="failed", usage=course.usage, error_code=failure.code, error_detail=failure.detail[:DETAIL_CHARACTERS_MAX])


async def note_call(ctx: Context, course: Course) -> bool:
    """Puts the next call on record before it is made; False where the generation has ended meanwhile."""
    row = course.row
    return await _put_on_record(ctx, course, vendor=row.vendor, model=row.model, tariff=row.tariff)


async def fall_back(ctx: Context, course: Course, *, not_at: str | None = None) -> Outcome | None:
    """Turns to the next model of the chain, at its own prices; what the former ones used is charged at them no more.

    `not_at`: a vendor that was asked already under this generation's id.
    """
    own = await own_vendors(ctx)
    card = _next_card(ctx, course, own, not_at)
    if card is None:
        detail = "no other model of the chain can be asked"
        return Outcome(status="failed", usage=course.usage, error_code="ai.model_unknown", error_detail=detail)
    course.retries_left, course.retries = ctx.setting(AiSettings).retries_max, 0
    tariff = tariff_of(ctx, card, traits=course.row.traits, own=own)
    if not await _put_on_record(ctx, course, vendor=card.vendor, model=card.name, tariff=tariff):
        return lost(course.usage, "the generation was given up meanwhile")
    return None


async def _put_on_record(ctx: Context, course: Course, *, vendor: str, model: str, tariff: Tariff, is_noted: bool = False) -> bool:
    async with ctx.transaction("ai") as tx:
        noted = await generations.begin_call(
            tx,
            workspace_id=ctx.workspace,
            generation_id=course.row.id,
            usage=course.usage,
            vendor=vendor,
            model=model,
            tariff=tariff,
            now=ctx.now(),
            due_at=ctx.now() + call_lifetime(ctx),
            is_noted=is_noted,
        )
    if noted is not None:
        course.row = noted
    return noted is not None


def _next_card(ctx: Context, course: Course, own: OwnVendors, not_at: str | None) -> ModelCard | None:
    while course.fallbacks:
        with suppress(ModelUnknown):
            card = get_model(ctx, kind=course.row.kind, name=course.fallbacks.pop(0), own=own)
            if card.vendor != not_at:
                return card
    return None


async def _outcome(ctx: Context, row: GenerationRow) -> Outcome:
    safety = await judge(ctx, texts=[row.prompt])
    if is_refused(safety):
        return failed_by_safety(safety, Usage())
    course = course_of(ctx, row)
    while True:
        ended = await _attempt(ctx, course)
        if ended is not None:
            return await _judged(ctx, ended, safety)
        if not await note_call(ctx, course):
            return lost(course.usage, "the generation was given up meanwhile")


async def _judged(ctx: Context, outcome: Outcome, asked: Mapping[str, object] | None) -> Outcome:
    """The outcome with what the moderator says of the text; kept back where the policy refuses it."""
    made = None if outcome.output is None else await judge(ctx, texts=[outcome.output])
    safety = both(asked, made)
    if is_refused(safety):
        return failed_by_safety(safety, outcome.usage)
    return outcome if safety is None else replace(outcome, safety=safety)


async def _attempt(ctx: Context, course: Course) -> Outcome | None:
    """One call; None where another is to follow."""
    row = course.row
    try:
        check_breaker(ctx, row)
        result = await _call(ctx, course)
    except UnknownOutcome as error:
        note_failure(ctx, row)
        return lost(course.usage, error.detail)
    except DefiniteFailure as failure:
        return await after_failure(ctx, course, failure)
    row = course.row
    note_success(ctx, row)
    course.usage += Usage(result.input_tokens, result.output_tokens)
    if row.output_schema is None:
        return plain_outcome(result, course.usage)
    answer = await asyncio.to_thread(shaped_answer, result.text, schema=row.output_schema)
    if answer.json_text is not None and (faults := await asyncio.to_thread(task_faults, row, answer.json_text)):
        answer = ShapedAnswer(None, faults)
    if answer.json_text is not None:
        return _outcome_of(result, course.usage, output=answer.json_text)
    if course.repairs_left == 0:
        return _outcome_of(result, course.usage, error_code=OUTPUT_NOT_MATCHING, error_detail="; ".join(answer.faults))
    course.repairs_left -= 1
    course.prompt = repair_prompt(
        prompt=with_sources(row.prompt, row.sources or ()), answer=plain_answer(result.text), faults=answer.faults
    )
    return None


async def _call(ctx: Context, course: Course) -> TextResult:
    row, request, after = course.row, request_of(ctx, course), ctx.setting(AiSettings).hedge_after_seconds

    def ask(asked: GenerationRow, wanted: TextRequest) -> Awaitable[TextResult]:
        return _ask(ctx, asked, wanted)

    # A second call through a workspace's own account would be at its expense.
    if after == 0 or row.is_own_key or not course.fallbacks:
        return await ask(row, request)
    answered = await ask_hedged(ctx, row, request, ask=ask, after_seconds=after, begin_second=lambda: _begin_second(ctx, course))
    if answered.winner is not None:
        await _switch(ctx, course, answered.winner)
    return answered.result


async def _begin_second(ctx: Context, course: Course) -> Second | None:
    """The next model of the chain, with its call on record; None where there is none that may be asked beside the first."""
    own, row = await own_vendors(ctx), course.row
    card = _next_card(ctx, course, own, None)
    if card is not None and is_own(card, own):
        course.fallbacks.insert(0, card.name)
        return None
    if card is None or not await note_call(ctx, course):
        return None
    return Second(replace(row, vendor=card.vendor, model=card.name), tariff_of(ctx, card, traits=row.traits, own=own))


async def _switch(ctx: Context, course: Course, winner: Second) -> None:
    row = winner.row
    if not await _put_on_record(ctx, course, vendor=row.vendor, model=row.model, tariff=winner.tariff, is_noted=True):
        course.row = row


async def _ask(ctx: Context, row: GenerationRow, request: TextRequest) -> TextResult:
    with surely_connected():
        model = await text_model(ctx, row)
    try:
        async with asyncio.timeout(call_seconds(ctx, row)):
            return await model.write(request)
    except TimeoutError as error:
        raise UnknownOutcome(detail="no answer in time") from error


def plain_outcome(result: TextResult, usage: Usage) -> Outcome:
    """The end of a text without a schema."""
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
