"""Steps that wait for a person: what they are shown is written down, and hashed, before anybody sees it."""

from collections.abc import Mapping
from datetime import timedelta

from nexusone.modules.ai.contracts.pipeline_steps import ApprovalStep
from nexusone.modules.ai.domain.pipeline_values import content_hash, resolved, resolved_text, try_number, work_id
from nexusone.modules.ai.events import PipelineAwaitingApproval
from nexusone.modules.ai.service.assets import get_row
from nexusone.modules.ai.service.pipeline_doing import asset_ids_of
from nexusone.modules.ai.store import pipeline_steps, reviews
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import StepRow
from nexusone.modules.ai.store.reviews import ReviewRow
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

TITLE_CHARACTERS_MAX = 200


async def ask_for_approval(ctx: Context, run: RunRow, definition: ApprovalStep, step: StepRow, values: Mapping[str, object]) -> None:
    """Puts the review on record; doing it twice asks once."""
    title = resolved_text(definition.title, values)[:TITLE_CHARACTERS_MAX]
    content = resolved(definition.show, values)
    asset_ids = [] if definition.assets is None else asset_ids_of(resolved(definition.assets, values))
    files = [{"id": str(asset_id), "sha256": (await get_row(ctx, asset_id=asset_id)).sha256.hex()} for asset_id in asset_ids]
    now = ctx.now()
    row = ReviewRow(
        id=work_id(run.id, step.step, step.item, try_number(run.holds, step.tries), at=step.started_at or now),
        run_id=run.id,
        step=step.step,
        item=step.item,
        title=title,
        content=content,
        asset_ids=asset_ids,
        content_hash=content_hash({"title": title, "content": content, "files": files}),
        created_at=now,
        expires_at=now + timedelta(hours=definition.expires_in_hours),
    )
    async with ctx.transaction("ai") as tx:
        is_ours = await pipeline_steps.note_begun(
            tx,
            step,
            workspace_id=ctx.workspace,
            run_id=run.id,
            inputs_hash=row.content_hash,
            due_at=row.expires_at,
            state="awaiting_approval",
        )
        if not is_ours:
            return
        await reviews.insert(tx, row, workspace_id=ctx.workspace)
        told = PipelineAwaitingApproval(run_id=run.id, step=step.step, item=step.item_number, review_id=row.id, expires_at=row.expires_at)
        await publish(tx, told)
