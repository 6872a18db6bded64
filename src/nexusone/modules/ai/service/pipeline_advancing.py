"""Moving a run on: what has ended is recorded, what is ready is taken and begun, until nothing can begin.

The scheduler is one statement under the run's lock; whatever a worker took and did not begin is taken again after its lease.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Forbidden, Refusal
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.contracts.pipeline_runs import PipelineRunWork
from nexusone.modules.ai.contracts.pipeline_steps import Step
from nexusone.modules.ai.events import (
    GenerationCanceled,
    GenerationFailed,
    GenerationSucceeded,
    GenerationUnknown,
    PipelineFailed,
    PipelineSucceeded,
)
from nexusone.modules.ai.service.pipeline_beginning import LEASE, begin
from nexusone.modules.ai.service.pipeline_closing import close
from nexusone.modules.ai.service.pipeline_collecting import collect, workspace_of
from nexusone.modules.ai.service.pipelines import definition_of, get_version_row
from nexusone.modules.ai.store import pipeline_runs, pipeline_steps, reviews
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import StepRow
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

ADVANCE_JOB = "ai.advance_pipeline_run"
PERMISSION = "pipelines:run"
ROUNDS_MAX = 200
DUE_MAX = 500
SOON = timedelta(seconds=60)

NEVER_STARTED = "ai.never_started"
STARTER_NOT_ALLOWED = "ai.pipeline_starter_not_allowed"
RUN_TIMED_OUT = "ai.pipeline_timed_out"
STEP_FAILED = "ai.pipeline_step_failed"

GenerationEnded = GenerationSucceeded | GenerationFailed | GenerationCanceled | GenerationUnknown

_log = structlog.get_logger(__name__)


async def advance(ctx: Context, *, run_id: UUID) -> None:
    """Moves a run as far as it goes; at the same time or twice, each step is begun once."""
    async with ctx.transaction("ai") as tx:
        row = await pipeline_runs.find(tx, workspace_id=ctx.workspace, run_id=run_id)
    if row is None:
        return
    if row.status == "queued":
        await _give_up(ctx, row)
        return
    if row.status != "running":
        await close(ctx, row)
        return
    try:
        acting = await _as_starter(ctx, row)
    except Forbidden as refusal:
        await _end_early(ctx, row, STARTER_NOT_ALLOWED, f"whoever started it may not any more: {refusal.code}")
        return
    steps = {
        step.id: step
        for step in definition_of((await get_version_row(ctx, row.pipeline_id, row.version, is_for_run=True)).definition).steps
    }
    for _ in range(ROUNDS_MAX):
        if not await _round(acting, run_id, steps):
            return
    async with ctx.transaction("ai") as tx:
        await enqueue_named(tx, [(ADVANCE_JOB, PipelineRunWork(run_id=run_id))])


async def advance_later(ctx: Context, *, event: GenerationEnded) -> None:
    """Lets the run that a generation is part of go on; one of no run changes nothing."""
    async with ctx.transaction("ai") as tx:
        run_id = await pipeline_steps.find_run_of(tx, workspace_id=ctx.workspace, generation_id=event.generation_id)
        if run_id is not None:
            await enqueue_named(tx, [(ADVANCE_JOB, PipelineRunWork(run_id=run_id))], key=str(event.event_id))


async def attend_due_runs(ctx: Context) -> None:
    """Looks after every run whose time has come, workspace by workspace."""
    async with ctx.transaction("system") as tx:
        rows = await pipeline_runs.list_due(tx, now=ctx.now(), limit=DUE_MAX)
    for row in rows:
        try:
            await advance(ctx.for_workspace(row.workspace_id), run_id=row.id)
        except (Refusal, UnknownOutcome) as error:
            _log.error("pipeline.attending_failed", run_id=str(row.id), error=str(error))


async def _round(ctx: Context, run_id: UUID, steps: dict[str, Step]) -> bool:
    """One look at the run; whether another may find more to do."""
    now, is_more = ctx.now(), False
    taken: list[StepRow] = []
    rows: list[StepRow] = []
    async with ctx.transaction("ai") as tx:
        row = await pipeline_runs.find_locked(tx, workspace_id=ctx.workspace, run_id=run_id)
        if row is None or row.status != "running":
            return False
        if row.deadline_at <= now:
            ended = await _fail(tx, row, RUN_TIMED_OUT, "the run took longer than its deadline", now=now)
        else:
            is_more = await collect(tx, row, steps, now=now)
            # Steps end without the run's lock: what is not over before the taking is not over.
            rows = await pipeline_steps.list_rows(tx, workspace_id=ctx.workspace, run_id=run_id)
            taken = await pipeline_steps.take_ready(tx, workspace_id=ctx.workspace, run_id=run_id, now=now, lease_until=now + LEASE)
            ended = None if taken or is_more else await _end_if_over(tx, row, rows, now=now)
            if taken:
                rows = await pipeline_steps.list_rows(tx, workspace_id=ctx.workspace, run_id=run_id)
            if ended is None:
                await _wake(tx, row, rows, now=now)
    if ended is not None:
        await close(ctx, ended)
        return False
    for step in taken:
        await begin(ctx, row, steps[step.step], step, rows)
    return bool(taken) or is_more


async def _as_starter(ctx: Context, row: RunRow) -> Context:
    """With the rights that whoever started it has now (AUTHZ-08). Raises: Forbidden."""
    ctx = replace(ctx, principal=row.starter, is_test=row.is_test, idempotency=None)
    if Authorizer not in ctx.runtime.ports or row.starter.kind == "system":
        return ctx
    allowed = await ctx.runtime.port(Authorizer).authorize(ctx)
    allowed.require(PERMISSION)
    allowed.require("generations:write")
    return allowed


async def _end_if_over(tx: Transaction, row: RunRow, rows: list[StepRow], *, now: datetime) -> RunRow | None:
    if any(step.state in ("running", "awaiting_approval") or (step.state == "waiting" and step.ready_at is not None) for step in rows):
        return None
    failed = next((step for step in rows if step.state == "failed" and step.item < 0 and not step.is_tolerated), None)
    if failed is None and all(step.state != "waiting" for step in rows):
        return await _succeed(tx, row, now=now)
    detail = "a step could not be done" if failed is None else f"step {failed.step}: {failed.error_detail or failed.error_code}"
    return await _fail(tx, row, (failed.error_code if failed else None) or STEP_FAILED, detail, now=now)


async def _succeed(tx: Transaction, row: RunRow, *, now: datetime) -> RunRow | None:
    ended = await pipeline_runs.end(tx, workspace_id=workspace_of(tx), run_id=row.id, status="succeeded", code=None, detail=None, now=now)
    if ended is not None:
        await publish(tx, PipelineSucceeded(run_id=row.id, pipeline_id=row.pipeline_id, credits=await _charged(tx, row)))
    return ended


async def _fail(tx: Transaction, row: RunRow, code: str, detail: str, *, now: datetime) -> RunRow | None:
    workspace_id = workspace_of(tx)
    ended = await pipeline_runs.end(
        tx, workspace_id=workspace_id, run_id=row.id, status="failed", code=code, detail=detail[:1_000], now=now
    )
    if ended is not None:
        if code in (RUN_TIMED_OUT, STARTER_NOT_ALLOWED, NEVER_STARTED):
            await pipeline_steps.cancel_open(tx, workspace_id=workspace_id, run_id=row.id, now=now)
        await reviews.close(tx, workspace_id=workspace_id, run_id=row.id, state="withdrawn", now=now)
        failed = PipelineFailed(run_id=row.id, pipeline_id=row.pipeline_id, error_code=code, credits=await _charged(tx, row))
        await publish(tx, failed)
    return ended


async def _give_up(ctx: Context, row: RunRow) -> None:
    """Whoever queued it is gone: nothing has begun."""
    if row.due_at is not None and row.due_at <= ctx.now():
        await _end_early(ctx, row, NEVER_STARTED, "the run was not begun in time")


async def _end_early(ctx: Context, row: RunRow, code: str, detail: str) -> None:
    async with ctx.transaction("ai") as tx:
        ended = await _fail(tx, row, code, detail, now=ctx.now())
    if ended is not None:
        await close(ctx, ended)


async def _wake(tx: Transaction, row: RunRow, rows: list[StepRow], *, now: datetime) -> None:
    """Somebody looks when the first of its times comes; a job where that is soon, else the clock."""
    times = [time for step in rows for time in (step.due_at, step.ready_at) if time is not None]
    due_at = min([*times, row.deadline_at])
    await pipeline_runs.set_due(tx, workspace_id=workspace_of(tx), run_id=row.id, due_at=max(due_at, now))
    retries = [step.ready_at for step in rows if step.ready_at is not None and now < step.ready_at <= now + SOON]
    if retries:
        first = min(retries)
        work = PipelineRunWork(run_id=row.id)
        await enqueue_named(tx, [(ADVANCE_JOB, work)], after=first - now, key=f"{row.id}:{first.isoformat()}")


async def _charged(tx: Transaction, row: RunRow) -> str:
    charged = await pipeline_runs.charged(tx, workspace_id=workspace_of(tx), run_ids=[row.id])
    return credits_to_text(charged.get(row.id, 0))
