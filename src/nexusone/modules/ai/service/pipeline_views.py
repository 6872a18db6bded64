"""Runs and their steps as the contracts that callers see."""

from collections.abc import Sequence

from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts.generations import GenerationError
from nexusone.modules.ai.contracts.pipeline_runs import PipelineRun, PipelineRunDetail, StepRun
from nexusone.modules.ai.domain.pipeline_values import Ended
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import StepRow

OPEN = ("waiting", "running", "awaiting_approval")


def run_of(row: RunRow, *, charged_micros: int, progress: int | None = None) -> PipelineRun:
    """A run without its steps."""
    return PipelineRun.model_validate(_told(row, charged_micros, progress))


def detail_of(row: RunRow, steps: Sequence[StepRow], *, charged_micros: int) -> PipelineRunDetail:
    """A run with its steps."""
    told = _told(row, charged_micros, progress_of(steps))
    return PipelineRunDetail.model_validate({**told, "inputs": row.inputs, "steps": tuple(step_of(step) for step in steps)})


def progress_of(steps: Sequence[StepRow]) -> int:
    """The percentage of rows that have ended."""
    counted = [step for step in steps if not step.is_parent]
    ended = sum(step.state not in OPEN for step in counted)
    return 100 * ended // len(counted) if counted else 0


def step_of(row: StepRow) -> StepRun:
    """A step, or one of its items."""
    return StepRun(
        step=row.step,
        item=row.item_number,
        key=row.item_key,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        inputs_sha256=None if row.inputs_hash is None else row.inputs_hash.hex(),
        output=row.output,
        generation_id=row.generation_id,
        error=None if row.error_code is None else GenerationError(code=row.error_code, detail=row.error_detail or ""),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def ended_of(row: StepRow) -> Ended:
    """What later templates see of it."""
    return Ended(step=row.step, item=row.item, state=row.state, is_fan=row.is_fan, key=row.item_key, output=row.output)


def _told(row: RunRow, charged_micros: int, progress: int | None) -> dict[str, object]:
    ended = row.status in ("succeeded", "failed", "canceled")
    return {
        "id": row.id,
        "pipeline_id": row.pipeline_id,
        "version": row.version,
        "status": row.status,
        "progress": progress if progress is not None else 100 if ended else 0,
        "budget": row.budget,
        "budget_credits": credits_to_text(row.budget_micros),
        "credits": credits_to_text(charged_micros),
        "error": None if row.error_code is None else GenerationError(code=row.error_code, detail=row.error_detail or ""),
        "created_at": row.created_at,
        "deadline_at": row.deadline_at,
        "finished_at": row.finished_at,
    }
