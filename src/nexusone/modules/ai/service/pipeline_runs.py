"""Runs of pipelines: started within a budget, looked at, canceled, gone on with."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.pipeline_runs import NewPipelineRun, PipelineRun, PipelineRunDetail, PipelineRunWork, RunRetry, RunStatus
from nexusone.modules.ai.contracts.pipeline_steps import PipelineDefinition
from nexusone.modules.ai.domain.lifecycle import PIPELINE_PURPOSE
from nexusone.modules.ai.domain.pipeline_rules import dependencies, successors
from nexusone.modules.ai.domain.pipeline_values import WHOLE
from nexusone.modules.ai.events import PipelineCanceled, PipelineStarted
from nexusone.modules.ai.service.pipeline_budget import checked_inputs, items_most, step_bounds
from nexusone.modules.ai.service.pipeline_closing import close
from nexusone.modules.ai.service.pipeline_views import detail_of, run_of
from nexusone.modules.ai.service.pipelines import definition_of, get_row, get_version_row
from nexusone.modules.ai.service.refusals_pipelines import (
    ApprovedLocked,
    PipelineNotPublished,
    PipelineRunEnded,
    PipelineRunNotFound,
    PipelineRunNotRetryable,
    PipelineStepUnknown,
)
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import pipeline_runs, pipeline_steps, reviews
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import StepRow
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

ADVANCE_JOB = "ai.advance_pipeline_run"
# From the first record to the begin of the work there are two short transactions.
QUEUED_WITHIN = timedelta(seconds=60)


async def start_run(ctx: Context, *, pipeline_id: UUID, wanted: NewPipelineRun) -> PipelineRunDetail:
    """Starts a run within the most that it can cost.

    Raises:
        PipelineNotFound, PipelineNotPublished, PipelineInputsInvalid: there is nothing to run.
        InsufficientCredits: the most that it can cost is not available.
        ModelUnknown, ModelCannot, NoTextModel, OutputSchemaInvalid, BrandVoiceNotFound, CollectionNotFound, PurposeStopped: as `submit`.
    """
    pipeline = await get_row(ctx, pipeline_id)
    version = wanted.version or pipeline.published_version
    if version is None:
        raise PipelineNotPublished
    found = await get_version_row(ctx, pipeline_id, version)
    definition = definition_of(found.definition)
    inputs = checked_inputs(definition, wanted.inputs)
    bounds = await step_bounds(ctx, definition, inputs)
    most = sum(bounds.values())
    row = RunRow(
        id=new_id(),
        pipeline_id=pipeline_id,
        version=version,
        inputs=inputs,
        budget=wanted.budget,
        budget_micros=most,
        held_micros=most if wanted.budget == "whole" else 0,
        started_by_kind=ctx.principal.kind,
        started_by_id=ctx.principal.id,
        is_test=ctx.is_test,
        created_at=ctx.now(),
        deadline_at=ctx.now() + timedelta(hours=definition.deadline_hours),
        due_at=ctx.now() + QUEUED_WITHIN,
    )
    async with ctx.transaction("ai") as tx:
        await pipeline_runs.insert(tx, row, workspace_id=ctx.workspace)
        await pipeline_steps.insert(tx, _rows(definition, inputs, bounds), workspace_id=ctx.workspace, run_id=row.id)
    try:
        await _secure(ctx, row)
    except billing.InsufficientCredits:
        async with ctx.transaction("ai") as tx:
            await pipeline_runs.delete_queued(tx, workspace_id=ctx.workspace, run_id=row.id)
        raise
    return await _begin(ctx, row)


async def get_run(ctx: Context, *, run_id: UUID) -> PipelineRunDetail:
    """A run with its steps. Raises: PipelineRunNotFound."""
    async with ctx.transaction("ai") as tx:
        row = await pipeline_runs.find(tx, workspace_id=ctx.workspace, run_id=run_id)
        if row is None:
            raise PipelineRunNotFound
        return await _detail(tx, row)


async def list_runs(
    ctx: Context, *, request: PageRequest, pipeline_id: UUID | None = None, status: RunStatus | None = None
) -> PageOf[PipelineRun]:
    """Runs without their steps, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await pipeline_runs.list_page(
            tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id, status=status, after=after, limit=request.limit + 1
        )
        charged = await pipeline_runs.charged(tx, workspace_id=ctx.workspace, run_ids=[row.id for row in rows])
    items = tuple(run_of(row, charged_micros=charged.get(row.id, 0)) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def cancel_run(ctx: Context, *, run_id: UUID) -> PipelineRunDetail:
    """Calls a run off: nothing more begins, what vendors can stop is stopped; what was used until then is paid.

    Raises:
        PipelineRunNotFound: there is none.
        PipelineRunEnded: it has ended.
    """
    async with ctx.transaction("ai") as tx:
        locked = await pipeline_runs.find_locked(tx, workspace_id=ctx.workspace, run_id=run_id)
        if locked is None:
            raise PipelineRunNotFound
        row = await pipeline_runs.end(
            tx, workspace_id=ctx.workspace, run_id=run_id, status="canceled", code=None, detail=None, now=ctx.now()
        )
        if row is None:
            raise PipelineRunEnded(status=locked.status)
        await pipeline_steps.cancel_open(tx, workspace_id=ctx.workspace, run_id=run_id, now=ctx.now())
        await reviews.close(tx, workspace_id=ctx.workspace, run_id=run_id, state="withdrawn", now=ctx.now())
        charged = await pipeline_runs.charged(tx, workspace_id=ctx.workspace, run_ids=[run_id])
        told = credits_to_text(charged.get(run_id, 0))
        await publish(tx, PipelineCanceled(run_id=run_id, pipeline_id=row.pipeline_id, credits=told))
        canceled = await _detail(tx, row)
        await conclude(tx, canceled)
    await close(ctx, row)
    return canceled


async def retry_run(ctx: Context, *, run_id: UUID, wanted: RunRetry) -> PipelineRunDetail:
    """Goes on with a run that failed or was canceled: what went wrong and what waits for it is done, all else stays.

    Raises:
        PipelineRunNotFound, PipelineStepUnknown: there is nothing to go on from.
        PipelineRunNotRetryable: it goes on, it succeeded, or its credits are not settled yet.
        ApprovedLocked: what was approved would be made anew.
        InsufficientCredits: the most that the rest can cost is not available.
    """
    async with ctx.transaction("ai") as tx:
        row = await pipeline_runs.find(tx, workspace_id=ctx.workspace, run_id=run_id)
    if row is None:
        raise PipelineRunNotFound
    await close(ctx, row)
    found = await get_version_row(ctx, row.pipeline_id, row.version, is_for_run=True)
    definition = definition_of(found.definition)
    async with ctx.transaction("ai") as tx:
        reopened = await _reopen(ctx, tx, row, definition, wanted.from_step)
    try:
        await _secure(ctx, reopened)
    except billing.InsufficientCredits:
        async with ctx.transaction("ai") as tx:
            await pipeline_steps.cancel_open(tx, workspace_id=ctx.workspace, run_id=run_id, now=ctx.now())
            await pipeline_runs.end(
                tx,
                workspace_id=ctx.workspace,
                run_id=run_id,
                status=row.status,
                code=row.error_code,
                detail=row.error_detail,
                now=ctx.now(),
            )
        raise
    return await _begin(ctx, reopened)


async def _reopen(ctx: Context, tx: Transaction, row: RunRow, definition: PipelineDefinition, from_step: str | None) -> RunRow:
    steps = await pipeline_steps.list_rows(tx, workspace_id=ctx.workspace, run_id=row.id)
    failed = tuple(step.step for step in steps if step.item == WHOLE and step.state in ("failed", "canceled"))
    if from_step is not None and from_step not in {step.id for step in definition.steps}:
        raise PipelineStepUnknown(step=from_step)
    roots = (from_step,) if from_step is not None else failed
    after = successors(definition, roots)
    whole = tuple(dict.fromkeys((*(() if from_step is None else (from_step,)), *after)))
    locked = {
        review.step for review in await reviews.list_of_run(tx, workspace_id=ctx.workspace, run_id=row.id) if review.state == "approved"
    }
    approved = {step.step for step in steps if step.kind == "approval" and step.item == WHOLE and step.state == "succeeded"}
    if locked & approved & set(whole):
        raise ApprovedLocked(step=sorted(locked & approved & set(whole))[0])
    again = {*whole, *failed}
    most = sum(_most(definition, row.inputs, step) for step in steps if step.item == WHOLE and step.step in again)
    charged = await pipeline_runs.charged(tx, workspace_id=ctx.workspace, run_ids=[row.id])
    hours = timedelta(hours=definition.deadline_hours)
    reopened = await pipeline_runs.reopen(
        tx,
        workspace_id=ctx.workspace,
        run_id=row.id,
        budget_micros=charged.get(row.id, 0) + most,
        held_micros=most if row.budget == "whole" else 0,
        deadline_at=ctx.now() + hours,
        due_at=ctx.now() + QUEUED_WITHIN,
        starter=ctx.principal,
    )
    if reopened is None:
        raise PipelineRunNotRetryable(status=row.status)
    await pipeline_steps.reset(
        tx, workspace_id=ctx.workspace, run_id=row.id, whole=whole, failed=[name for name in failed if name not in whole]
    )
    return reopened


def _most(definition: PipelineDefinition, inputs: Mapping[str, object], row: StepRow) -> int:
    step = next(step for step in definition.steps if step.id == row.step)
    return row.bound_micros * items_most(step, inputs) * step.attempts


async def _secure(ctx: Context, row: RunRow) -> None:
    """The whole budget held at once, or looked whether it is there. Raises: InsufficientCredits."""
    if row.budget == "whole" and row.held_micros:
        lifetime = row.deadline_at - ctx.now() + ctx.setting(AiSettings).hold_lifetime
        await billing.hold(
            ctx, key=row.hold_key, amount_micros=row.held_micros, purpose=PIPELINE_PURPOSE, expires_in=lifetime, job=str(row.id)
        )


async def _begin(ctx: Context, row: RunRow) -> PipelineRunDetail:
    # What a repeated request is answered is what this one is: the run as it begins.
    noted = ctx if ctx.idempotency is None else replace(ctx, idempotency=replace(ctx.idempotency, status=202))
    async with noted.transaction("ai") as tx:
        begun = await pipeline_runs.begin(tx, workspace_id=ctx.workspace, run_id=row.id, now=ctx.now())
        if begun is not None:
            budget = credits_to_text(row.budget_micros)
            await publish(tx, PipelineStarted(run_id=row.id, pipeline_id=row.pipeline_id, version=row.version, budget_credits=budget))
            await enqueue_named(tx, [(ADVANCE_JOB, PipelineRunWork(run_id=row.id))], key=f"{row.id}:begun:{row.holds}")
        made = await _detail(tx, begun or row)
        await conclude(tx, made)
    return made


async def _detail(tx: Transaction, row: RunRow) -> PipelineRunDetail:
    workspace_id = tx.origin.workspace_id or row.id
    steps = await pipeline_steps.list_rows(tx, workspace_id=workspace_id, run_id=row.id)
    charged = await pipeline_runs.charged(tx, workspace_id=workspace_id, run_ids=[row.id])
    return detail_of(row, steps, charged_micros=charged.get(row.id, 0))


def _rows(definition: PipelineDefinition, inputs: Mapping[str, object], bounds: Mapping[str, int]) -> list[StepRow]:
    return [
        StepRow(
            step=step.id,
            item=WHOLE,
            place=place,
            kind=step.kind,
            is_fan=step.for_each is not None,
            is_tolerated=step.on_failure == "continue",
            depends_on=list(dependencies(step)),
            bound_micros=bounds[step.id] // max(1, items_most(step, inputs) * step.attempts),
        )
        for place, step in enumerate(definition.steps)
    ]
