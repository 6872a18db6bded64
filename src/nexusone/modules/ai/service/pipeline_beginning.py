"""Beginning a step that was taken: what its templates become, whether it is done at all, and who does it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Refusal, Unavailable
from nexusone.kernel.liquid.faults import RenderFault
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.contracts.pipeline_steps import (
    ApprovalStep,
    HttpStep,
    ModerateStep,
    PublishStep,
    Step,
    VideoStep,
)
from nexusone.modules.ai.domain.pipeline_values import content_hash, holds, item_keys, listed, try_number, values_of, work_id
from nexusone.modules.ai.domain.pipeline_wishes import Wish, wish_of
from nexusone.modules.ai.service.assets import get_row
from nexusone.modules.ai.service.generations import submit
from nexusone.modules.ai.service.pipeline_approving import ask_for_approval
from nexusone.modules.ai.service.pipeline_collecting import BUDGET_EXCEEDED, STEP_INVALID, fail, succeed
from nexusone.modules.ai.service.pipeline_doing import call_http, moderate, publish_content
from nexusone.modules.ai.service.pipeline_views import ended_of
from nexusone.modules.ai.service.refusals import NoTextModel
from nexusone.modules.ai.service.reserving import Place
from nexusone.modules.ai.store import pipeline_runs, pipeline_steps
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import StepRow
from nexusone.platform.database import Contended
from nexusone.platform.runtime import Context

# Longer than anything that a step does before it is on record.
LEASE = timedelta(seconds=90)

_log = structlog.get_logger(__name__)


async def begin(ctx: Context, run: RunRow, definition: Step, step: StepRow, rows: Sequence[StepRow]) -> None:
    """Does what a step does at once, and lets the rest be waited for. What it cannot record is found again after the lease."""
    try:
        await _begin(ctx, run, definition, step, rows)
    except (RenderFault, ValueError) as error:
        await failed(ctx, run, definition, step, STEP_INVALID, str(error))
    except NoTextModel as refusal:
        await failed(ctx, run, definition, step, refusal.code, "no vendor that makes this is connected")
    except (Unavailable, UnknownOutcome, Contended) as error:
        _log.warning("pipeline.step_delayed", run_id=str(run.id), step=step.step, item=step.item, error=str(error))
    except Refusal as refusal:
        reasons = "; ".join(f"{error.pointer}: {error.detail}" for error in refusal.errors[:5])
        await failed(ctx, run, definition, step, refusal.code, reasons or str(refusal))


async def failed(ctx: Context, run: RunRow, definition: Step, step: StepRow, code: str, detail: str) -> None:
    """Records that a try came to nothing."""
    async with ctx.transaction("ai") as tx:
        await fail(tx, run, definition, step, code, detail, now=ctx.now())


async def _begin(ctx: Context, run: RunRow, definition: Step, step: StepRow, rows: Sequence[StepRow]) -> None:
    values = values_of(run.inputs, map(ended_of, rows), feedback=run.feedback, each=step.item_value)
    if step.is_parent:
        await _fan_out(ctx, run, definition, step, values)
        return
    if definition.when is not None and not holds(definition.when, values):
        async with ctx.transaction("ai") as tx:
            await succeed(tx, run, step, None, now=ctx.now(), is_skipped=True)
        return
    match definition:
        case ModerateStep():
            await moderate(ctx, run, definition, step, values)
        case HttpStep():
            await call_http(ctx, run, definition, step, values)
        case PublishStep():
            await publish_content(ctx, run, definition, step, values)
        case ApprovalStep():
            await ask_for_approval(ctx, run, definition, step, values)
        case _:
            await _generate(ctx, run, definition, step, wish_of(definition, values))


async def _fan_out(ctx: Context, run: RunRow, definition: Step, step: StepRow, values: dict[str, object]) -> None:
    items = listed(definition.for_each or "", values)
    if items is None:
        raise ValueError(f"for_each: {definition.for_each} is not a list")
    if len(items) > definition.items_max:
        raise ValueError(f"for_each: the list has {len(items)} items, and items_max is {definition.items_max}")
    children = [
        StepRow(
            step=step.step,
            item=number,
            place=step.place,
            kind=step.kind,
            is_fan=True,
            is_tolerated=step.is_tolerated,
            depends_on=[],
            item_key=key,
            item_value=item,
            bound_micros=step.bound_micros,
        )
        for number, (item, key) in enumerate(zip(items, item_keys(items), strict=True))
    ]
    async with ctx.transaction("ai") as tx:
        is_ours = await pipeline_steps.note_begun(
            tx, step, workspace_id=ctx.workspace, run_id=run.id, inputs_hash=content_hash(items), due_at=None
        )
        if is_ours and children:
            await pipeline_steps.insert(tx, children, workspace_id=ctx.workspace, run_id=run.id)


async def _generate(ctx: Context, run: RunRow, definition: Step, step: StepRow, wish: Wish) -> None:
    """Asks once for each try: its id is known before, so after a crash the same generation is found and none is paid twice."""
    if isinstance(definition, VideoStep) and definition.audio is not None:
        await _check_sound(ctx, definition, wish)
    now = ctx.now()
    generation_id = work_id(run.id, step.step, step.item, try_number(run.holds, step.tries), at=step.started_at or now)
    async with ctx.transaction("ai") as tx:
        # The run's lock: steps that begin at the same time see each other's promises.
        locked = await pipeline_runs.find_locked(tx, workspace_id=ctx.workspace, run_id=run.id)
        if locked is None or locked.status != "running":
            return
        committed = await pipeline_steps.committed(tx, step, workspace_id=ctx.workspace, run_id=run.id, generation_id=generation_id)
        if committed + step.bound_micros > locked.budget_micros:
            await fail(tx, run, definition, step, BUDGET_EXCEEDED, "the run's budget does not cover this step any more", now=now)
            return
        is_ours = await pipeline_steps.note_begun(
            tx,
            step,
            workspace_id=ctx.workspace,
            run_id=run.id,
            inputs_hash=content_hash(wish.model_dump(mode="json")),
            generation_id=generation_id,
            reserved_micros=step.bound_micros,
            due_at=now + LEASE,
        )
    if not is_ours:
        return
    await submit(ctx, wanted=wish, job=str(run.id), place=Place(generation_id, run.funding))
    due_at = (step.started_at or now) + timedelta(seconds=definition.timeout_seconds)
    async with ctx.transaction("ai") as tx:
        await pipeline_steps.wait_for(tx, step, workspace_id=ctx.workspace, run_id=run.id, due_at=due_at)


async def _check_sound(ctx: Context, definition: VideoStep, wish: Wish) -> None:
    asset_id = getattr(wish, "audio_asset_id", None)
    if not isinstance(asset_id, UUID):
        return
    sound = await get_row(ctx, asset_id=asset_id)
    if (sound.duration_ms or 0) > definition.seconds_max * 1000:
        raise ValueError(f"the sound is longer than {definition.seconds_max} seconds; raise seconds_max")
