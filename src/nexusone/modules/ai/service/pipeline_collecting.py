"""What has ended since: generations, times that are over, lists that are through."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from nexusone.modules.ai.contracts.pipeline_runs import StepState
from nexusone.modules.ai.contracts.pipeline_steps import ChooseBestStep, Step
from nexusone.modules.ai.domain.lifecycle import NEVER_STARTED, REFUSED_BY_MODERATION
from nexusone.modules.ai.domain.pipeline_values import values_of
from nexusone.modules.ai.domain.pipeline_wishes import candidates_of
from nexusone.modules.ai.events import PipelineStepFailed, PipelineStepSucceeded
from nexusone.modules.ai.service.pipeline_views import ended_of
from nexusone.modules.ai.store import pipeline_steps, reviews
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import EndedGeneration, StepRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish

STEP_TIMED_OUT = "ai.pipeline_step_timed_out"
REVIEW_EXPIRED = "ai.review_expired"
ITEMS_FAILED = "ai.pipeline_items_failed"
BUDGET_EXCEEDED = "ai.pipeline_budget_exceeded"
STEP_UNKNOWN = "ai.pipeline_step_outcome_unknown"
STEP_INVALID = "ai.pipeline_step_invalid"
FLAGGED = "ai.pipeline_flagged"
# What another try would not change, or what a person decided.
FINAL = frozenset(
    {REFUSED_BY_MODERATION, REVIEW_EXPIRED, ITEMS_FAILED, BUDGET_EXCEEDED, STEP_UNKNOWN, STEP_INVALID, FLAGGED, "vendor.refused_content"}
    | {"ai.review_rejected", "ai.review_changes_requested", "ai.publish_refused", "ai.publish_target_missing"}
    | {"ai.pipeline_http_refused", "ai.pipeline_address_refused", "ai.pipeline_secret_missing"}
)
# A generation that nobody began cost nothing and says nothing of the step, so it takes no attempt; not for ever, though.
FREE_TRIES_MAX = 3


async def collect(tx: Transaction, row: RunRow, steps: Mapping[str, Step], *, now: datetime) -> bool:
    """Records what has ended; whether anything has."""
    workspace_id = workspace_of(tx)
    rows = {(found.step, found.item): found for found in await pipeline_steps.list_rows(tx, workspace_id=workspace_id, run_id=row.id)}
    changed, ended_keys = False, set[tuple[str, int]]()
    for ended in await pipeline_steps.list_ended_generations(tx, workspace_id=workspace_id, run_id=row.id):
        step = rows[ended.step, ended.item]
        changed |= await _take(tx, row, steps[ended.step], step, ended, rows.values(), now=now)
        ended_keys.add((ended.step, ended.item))
    for key, step in rows.items():
        if key in ended_keys or step.due_at is None or step.due_at > now:
            continue
        if step.state == "awaiting_approval":
            await reviews.close(tx, workspace_id=workspace_id, run_id=row.id, state="expired", now=now, step=step.step, item=step.item)
            changed |= await fail(tx, row, steps[step.step], step, REVIEW_EXPIRED, "nobody decided in time", now=now)
        elif step.state == "running" and step.generation_id is not None and _is_over(steps[step.step], step, now):
            changed |= await fail(tx, row, steps[step.step], step, STEP_TIMED_OUT, "the step took longer than it may", now=now)
    return await _through(tx, row, steps, now=now) or changed


async def succeed(
    tx: Transaction, row: RunRow, step: StepRow, output: Mapping[str, Any] | None, *, now: datetime, is_skipped: bool = False
) -> bool:
    """Records what a step made; False where it is not this try's any more."""
    state: StepState = "skipped" if is_skipped else "succeeded"
    if not await pipeline_steps.finish(tx, step, workspace_id=workspace_of(tx), run_id=row.id, state=state, output=output, now=now):
        return False
    await publish(tx, PipelineStepSucceeded(run_id=row.id, step=step.step, item=step.item_number, is_skipped=is_skipped))
    return True


async def fail(tx: Transaction, row: RunRow, definition: Step, step: StepRow, code: str, detail: str, *, now: datetime) -> bool:
    """Lets a step be tried again where that may help, else records its end; False where it is not this try's any more."""
    is_free = code == NEVER_STARTED and step.tries <= definition.attempts + FREE_TRIES_MAX
    is_again = code not in FINAL and (step.attempts < definition.attempts or is_free)
    wait = timedelta(seconds=min(definition.retry_wait_seconds * 2 ** max(step.attempts - 1, 0), 3_600))
    ended = await pipeline_steps.finish(
        tx,
        step,
        workspace_id=workspace_of(tx),
        run_id=row.id,
        state="waiting" if is_again else "failed",
        code=code,
        detail=detail[:1_000],
        ready_at=now + wait if is_again else None,
        now=now,
    )
    if ended and not is_again:
        await publish(tx, PipelineStepFailed(run_id=row.id, step=step.step, item=step.item_number, error_code=code))
    return ended


def workspace_of(tx: Transaction) -> UUID:
    """The workspace that a transaction is in."""
    if tx.origin.workspace_id is None:
        raise LookupError("a run is of a workspace")
    return tx.origin.workspace_id


def _is_over(definition: Step, step: StepRow, now: datetime) -> bool:
    return step.started_at is not None and now >= step.started_at + timedelta(seconds=definition.timeout_seconds)


async def _take(
    tx: Transaction,
    row: RunRow,
    definition: Step,
    step: StepRow,
    ended: EndedGeneration,
    rows: Iterable[StepRow],
    *,
    now: datetime,
) -> bool:
    if ended.status == "succeeded":
        return await succeed(tx, row, step, _output(row, definition, step, ended, rows), now=now)
    if ended.status == "unknown":
        # It may have been done and will be paid for if it was: asking again is for a person to decide.
        return await fail(tx, row, definition, step, STEP_UNKNOWN, ended.error_detail or "nobody knows whether it was made", now=now)
    return await fail(tx, row, definition, step, ended.error_code or ended.status, ended.error_detail or ended.status, now=now)


def _output(row: RunRow, definition: Step, step: StepRow, ended: EndedGeneration, rows: Iterable[StepRow]) -> dict[str, Any]:
    said: Any = ended.output
    if ended.output is not None and ended.output_schema is not None:
        said = json.loads(ended.output)
    if isinstance(definition, ChooseBestStep):
        seen = values_of(row.inputs, map(ended_of, rows), feedback=row.feedback, each=step.item_value)
        candidates = candidates_of(definition, seen)
        index = min(said["index"], len(candidates) - 1)
        said = {"index": index, "reason": said["reason"], "best": candidates[index]}
    return {"output": said, "asset_ids": [str(asset_id) for asset_id in ended.asset_ids]}


async def _through(tx: Transaction, row: RunRow, steps: Mapping[str, Step], *, now: datetime) -> bool:
    """Steps of lists whose items have all ended."""
    rows = await pipeline_steps.list_rows(tx, workspace_id=workspace_of(tx), run_id=row.id)
    changed = False
    for whole in rows:
        if not whole.is_parent or whole.state != "running" or whole.inputs_hash is None:
            continue
        items = [step for step in rows if step.step == whole.step and step.item >= 0]
        if any(item.state in ("waiting", "running", "awaiting_approval") for item in items):
            continue
        lost = [item for item in items if item.state in ("failed", "canceled")]
        if not lost:
            changed |= await succeed(tx, row, whole, None, now=now)
            continue
        named = ", ".join(f"{item.item_key} ({item.error_code})" for item in lost[:5])
        changed |= await fail(tx, row, steps[whole.step], whole, ITEMS_FAILED, f"{len(lost)} of {len(items)} failed: {named}", now=now)
    return changed
