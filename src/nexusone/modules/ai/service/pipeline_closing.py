"""The ends of runs: what still goes on is stopped, and what was held for it and not used goes back."""

from datetime import timedelta

import structlog

from nexusone.kernel.errors import Refusal, Unavailable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.service.generations import cancel
from nexusone.modules.ai.store import pipeline_runs
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Contended
from nexusone.platform.runtime import Context

LOOK_AGAIN = timedelta(seconds=60)

_log = structlog.get_logger(__name__)


async def close(ctx: Context, row: RunRow) -> None:
    """Settles an ended run; while a generation of it is open, the clock comes back. Running twice closes it once."""
    if row.settlement == "done" or row.status in ("queued", "running"):
        return
    async with ctx.transaction("ai") as tx:
        still_open = await pipeline_runs.list_open_generations(tx, workspace_id=ctx.workspace, run_id=row.id)
    alone = ctx.runtime.system(ctx.workspace)
    for generation in still_open:
        if generation.status in ("queued", "running"):
            try:
                await cancel(alone, generation_id=generation.id)
            except Refusal as refusal:
                _log.info("pipeline.generation_goes_on", generation_id=str(generation.id), reason=refusal.code)
    async with ctx.transaction("ai") as tx:
        still_open = await pipeline_runs.list_open_generations(tx, workspace_id=ctx.workspace, run_id=row.id)
        if still_open:
            await pipeline_runs.set_due(tx, workspace_id=ctx.workspace, run_id=row.id, due_at=ctx.now() + LOOK_AGAIN)
            return
    try:
        await _give_back(ctx, row)
    except (Unavailable, UnknownOutcome, Contended) as error:
        _log.warning("pipeline.settle_delayed", run_id=str(row.id), error=str(error))
        return
    async with ctx.transaction("ai") as tx:
        await pipeline_runs.mark_settled(tx, workspace_id=ctx.workspace, run_id=row.id)


async def _give_back(ctx: Context, row: RunRow) -> None:
    if row.funding is None:
        return
    try:
        await billing.release(ctx, key=row.hold_key)
    except (billing.HoldNotFound, billing.HoldResolved) as resolved:
        # A crash between recording the run and holding its credits leaves nothing to give back.
        _log.info("pipeline.nothing_held", run_id=str(row.id), reason=resolved.code)
