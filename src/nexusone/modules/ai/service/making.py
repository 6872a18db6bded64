"""Making files: asked for once, looked at until it is made, copied into the workspace before it counts as made.

The vendor's webhook, the waiting job and the clock all do the same: look by the vendor's reference, then take what is there.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

import structlog

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.contracts.generations import GenerationWork
from nexusone.modules.ai.domain.lifecycle import (
    CANCELED,
    LOOK_JOB,
    NEVER_DONE,
    RESULT_LOST,
    RESULT_UNUSABLE,
    TOO_SLOW,
    Outcome,
    called_off,
    lost,
)
from nexusone.modules.ai.domain.tariff import Usage, usage_of
from nexusone.modules.ai.events import GenerationProgressed
from nexusone.modules.ai.events import Kind as EventKind
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, MadeFile, MediaFile, MediaModel, MediaState
from nexusone.modules.ai.service.assets import Origin, PreparedAsset, prepare
from nexusone.modules.ai.service.breaking import check_breaker, note_failure, note_success
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.models import media_model, surely_connected
from nexusone.modules.ai.service.refusals_assets import AssetRefused, AssetTooLarge
from nexusone.modules.ai.service.requests import media_request
from nexusone.modules.ai.service.safety import both, is_refused, judge
from nexusone.modules.ai.service.webhooks import webhook_address
from nexusone.modules.ai.service.writing import (
    DETAIL_CHARACTERS_MAX,
    GRACE_SECONDS,
    Course,
    after_failure,
    call_lifetime,
    call_seconds,
    course_of,
    failed_by_safety,
    fall_back,
    note_call,
)
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

MAKE_JOB = "ai.make_generation"
KINDS = {"image": "image", "voice": "audio", "video": "video"}

_log = structlog.get_logger(__name__)


async def make_queued(ctx: Context, *, generation_id: UUID) -> None:
    """Takes a queued generation and asks for it; one that was taken before is left alone, one of too many waits."""
    settings = ctx.setting(AiSettings)
    async with ctx.transaction("ai") as tx:
        row = await generations.start(
            tx,
            workspace_id=ctx.workspace,
            generation_id=generation_id,
            now=ctx.now(),
            due_at=ctx.now() + call_lifetime(ctx),
            running_max=settings.running_max,
        )
        if row is None:
            queued = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
            if queued is not None and queued.status == "queued":
                later = timedelta(seconds=settings.running_retry_seconds)
                await enqueue_named(tx, [(MAKE_JOB, GenerationWork(generation_id=generation_id))], after=later)
    if row is not None:
        await _ask(ctx, row)


async def look(ctx: Context, *, generation_id: UUID) -> None:
    """Looks what became of it, where it is still open."""
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None or row.kind == "text":
        return
    ctx = replace(ctx, is_test=row.is_test)
    model = await media_model(ctx, row)
    if row.status == "running" and row.vendor_reference is not None:
        await _look_by_reference(ctx, row, model, row.vendor_reference)
    elif row.status == "unknown" and row.settlement == "held":
        await _look_by_correlation(ctx, row, model)


async def _ask(ctx: Context, row: GenerationRow) -> None:
    if row.cancel_asked_at is not None:
        await end(ctx, generation_id=row.id, outcome=called_off())
        return
    safety = await judge(ctx, texts=[row.prompt])
    if is_refused(safety):
        await end(ctx, generation_id=row.id, outcome=failed_by_safety(safety, Usage()))
        return
    if safety is not None:
        row = replace(row, safety=dict(safety))
        async with ctx.transaction("ai") as tx:
            await generations.note_safety(tx, workspace_id=ctx.workspace, generation_id=row.id, safety=safety)
    await _pursue(ctx, course_of(ctx, row))


async def _pursue(ctx: Context, course: Course) -> None:
    """Calls until one is taken, or none is left."""
    row = course.row
    while True:
        ended = await _attempt(ctx, course)
        if isinstance(ended, Outcome):
            await end(ctx, generation_id=row.id, outcome=ended)
            return
        if ended is not None:
            await _take(ctx, course.row, ended)
            return
        if not await note_call(ctx, course):
            return


async def _attempt(ctx: Context, course: Course) -> Outcome | MediaState | None:
    """One call; None where another is to follow."""
    row = course.row
    try:
        check_breaker(ctx, row)
        request = await media_request(ctx, row)
        with surely_connected():
            model = await media_model(ctx, row)
        async with asyncio.timeout(call_seconds(ctx, row)):
            state = await model.begin(request, correlation=str(row.id), webhook=webhook_address(ctx, row))
    except TimeoutError:
        note_failure(ctx, row)
        return lost(course.usage, "no answer in time")
    except UnknownOutcome as error:
        note_failure(ctx, row)
        return lost(course.usage, error.detail)
    except DefiniteFailure as failure:
        return await after_failure(ctx, course, failure)
    note_success(ctx, row)
    return state


async def _look_by_reference(ctx: Context, row: GenerationRow, model: MediaModel[Any], reference: str) -> None:
    try:
        if row.cancel_asked_at is not None or _is_over(ctx, row) or _is_slow(ctx, row):
            await model.cancel(reference)
        state = await model.look_up(reference)
    except DefiniteFailure as failure:
        if failure.code == "vendor.not_found":
            outcome = Outcome(
                status="failed", usage=row.usage, error_code=RESULT_LOST, error_detail="the vendor does not have it any more", is_free=True
            )
            await end(ctx, generation_id=row.id, outcome=outcome)
            return
        await _look_later(ctx, row, failure.retry_after_seconds)
        return
    except UnknownOutcome:
        await _look_later(ctx, row, None)
        return
    if isinstance(state, Begun) and _is_over(ctx, row):
        await end(ctx, generation_id=row.id, outcome=lost(row.usage, "the vendor did not end it in time"))
        return
    if isinstance(state, Failed) and state.is_canceled and row.cancel_asked_at is None and _is_slow(ctx, row):
        await _turn_to_next(ctx, row, state)
        return
    await _take(ctx, row, state)


async def _turn_to_next(ctx: Context, row: GenerationRow, state: Failed) -> None:
    """It was stopped for taking too long: the next model is asked where the vendor surely made and counted nothing."""
    slow = replace(_failure(row, state), status="failed", error_code=TOO_SLOW, error_detail="it took longer than max_seconds")
    course = course_of(ctx, row)
    if state.quantities or not course.fallbacks or await fall_back(ctx, course, not_at=row.vendor) is not None:
        await end(ctx, generation_id=row.id, outcome=slow)
        return
    await _pursue(ctx, course)


async def _look_by_correlation(ctx: Context, row: GenerationRow, model: MediaModel[Any]) -> None:
    """The answer was lost: the vendor is asked for the request under our own id."""
    try:
        state = await model.find(str(row.id), since=row.created_at - timedelta(minutes=1))
    except (DefiniteFailure, UnknownOutcome) as error:
        _log.info("generation.not_found_again", generation_id=str(row.id), reason=str(error))
        await _look_later(ctx, row, None)
        return
    if state is None:
        outcome = Outcome(status="failed", usage=row.usage, error_code=NEVER_DONE, error_detail="the vendor never took the request")
        await end(ctx, generation_id=row.id, outcome=outcome)
        return
    await _take(ctx, row, state)


async def _take(ctx: Context, row: GenerationRow, state: MediaState) -> None:
    match state:
        case Begun():
            await _wait(ctx, row, state)
        case Failed():
            await end(ctx, generation_id=row.id, outcome=_failure(row, state))
        case Finished():
            await _keep(ctx, row, state)


async def _wait(ctx: Context, row: GenerationRow, state: Begun) -> None:
    wait = min(max(state.look_again_seconds, 0.05), ctx.setting(AiSettings).look_again_seconds_max)
    async with ctx.transaction("ai") as tx:
        noted = await generations.note_begun(
            tx,
            workspace_id=ctx.workspace,
            generation_id=row.id,
            vendor_reference=state.reference,
            progress=state.progress,
            due_at=ctx.now() + timedelta(seconds=wait + GRACE_SECONDS),
        )
        if noted is None:
            return
        if noted.looks == 1 or noted.progress != row.progress:
            await publish(tx, GenerationProgressed(generation_id=row.id, kind=_event_kind(row), progress=noted.progress))
        work = GenerationWork(generation_id=row.id)
        await enqueue_named(tx, [(LOOK_JOB, work)], after=timedelta(seconds=wait), key=f"{row.id}:{noted.looks}")


async def _look_later(ctx: Context, row: GenerationRow, retry_after_seconds: float | None) -> None:
    settings = ctx.setting(AiSettings)
    wait = retry_after_seconds if retry_after_seconds is not None else min(2.0 * 2 ** min(row.looks, 10), settings.look_again_seconds_max)
    async with ctx.transaction("ai") as tx:
        due_at = ctx.now() + timedelta(seconds=wait + GRACE_SECONDS)
        if await generations.look_later(tx, workspace_id=ctx.workspace, generation_id=row.id, due_at=due_at):
            work = GenerationWork(generation_id=row.id)
            await enqueue_named(tx, [(LOOK_JOB, work)], after=timedelta(seconds=wait), key=f"{row.id}:{row.looks + 1}")


async def _keep(ctx: Context, row: GenerationRow, state: Finished) -> None:
    """Copies the files into the workspace; vendors delete theirs within the hour."""
    usage = row.usage + usage_of(state.quantities)
    try:
        contents = [await _fetched(ctx, row, made) for made in state.files]
    except (UnknownOutcome, DefiniteFailure) as failure:
        is_final = isinstance(failure, DefiniteFailure) and not failure.is_retryable
        if not is_final and not _is_over(ctx, row):
            await _wait(ctx, row, Begun(reference=state.reference, look_again_seconds=2.0, progress=row.progress))
            return
        await end(ctx, generation_id=row.id, outcome=_unusable(row, state, usage, RESULT_LOST, str(failure)))
        return
    safety = both(row.safety, await _judged_files(ctx, row, state, contents))
    if is_refused(safety):
        await end(ctx, generation_id=row.id, outcome=failed_by_safety(safety, usage))
        return
    try:
        assets = [await _prepared(ctx, row, place, content) for place, content in enumerate(contents)]
    except (AssetRefused, AssetTooLarge) as refusal:
        await end(ctx, generation_id=row.id, outcome=_unusable(row, state, usage, RESULT_UNUSABLE, str(refusal)))
        return
    outcome = Outcome(
        status="succeeded",
        usage=usage,
        asset_ids=tuple(asset.id for asset in assets),
        model_version=state.model_version,
        vendor_reference=state.reference,
        cost_nano=state.cost_nano,
        is_unmeasured=not state.quantities,
        safety=safety,
    )
    await end(ctx, generation_id=row.id, outcome=outcome, assets=assets)


async def _fetched(ctx: Context, row: GenerationRow, made: MadeFile) -> bytes:
    model = await media_model(ctx, row)
    content = bytearray()
    async for chunk in model.download(made, bytes_max=ctx.setting(AiSettings).file_bytes_max):
        content += chunk
    return bytes(content)


async def _judged_files(ctx: Context, row: GenerationRow, state: Finished, contents: list[bytes]) -> Any:
    if row.kind != "image":
        return None
    files = [MediaFile(content, made.media_type) for made, content in zip(state.files, contents, strict=True)]
    return await judge(ctx, images=files)


async def _prepared(ctx: Context, row: GenerationRow, place: int, content: bytes) -> PreparedAsset:
    origin = Origin(generation_id=row.id, place=place, model=row.model, vendor=row.vendor, prompt_hash=_prompt_hash(row))
    return await prepare(ctx, content=content, kind=KINDS[row.kind], name=row.prompt[:80] or row.kind, origin=origin)  # type: ignore[arg-type]


def _failure(row: GenerationRow, state: Failed) -> Outcome:
    return Outcome(
        status="canceled" if state.is_canceled else "failed",
        usage=row.usage + usage_of(state.quantities),
        error_code=CANCELED if state.is_canceled else state.code,
        error_detail=state.detail[:DETAIL_CHARACTERS_MAX],
        vendor_reference=state.reference,
    )


def _unusable(row: GenerationRow, state: Finished, usage: Usage, code: str, detail: str) -> Outcome:
    """The vendor charges for it, the customer is not charged for what cannot be had."""
    return Outcome(
        status="failed",
        usage=usage,
        error_code=code,
        error_detail=detail[:DETAIL_CHARACTERS_MAX],
        vendor_reference=state.reference,
        cost_nano=state.cost_nano,
        is_free=True,
    )


def _is_slow(ctx: Context, row: GenerationRow) -> bool:
    """Whether its present model takes longer than was asked for."""
    if row.seconds_max is None or row.called_at is None:
        return False
    return ctx.now() >= row.called_at + timedelta(seconds=row.seconds_max)


def _is_over(ctx: Context, row: GenerationRow) -> bool:
    return ctx.now() > row.created_at + timedelta(seconds=ctx.setting(AiSettings).making_seconds_max)


def _prompt_hash(row: GenerationRow) -> bytes:
    return sha256(row.prompt.encode()).digest()


def _event_kind(row: GenerationRow) -> EventKind:
    return cast(EventKind, row.kind)
