"""Looking after what is left open, by the clock: generations whose worker died, whose job was lost, that nobody knows of."""

from datetime import timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Refusal
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.domain.lifecycle import gave_up, lost, need_of
from nexusone.modules.ai.service.endings import close_unknown, end, settle
from nexusone.modules.ai.service.making import look
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

DUE_MAX = 500

_log = structlog.get_logger(__name__)


async def attend_due(ctx: Context) -> None:
    """Looks after every generation whose time has come, workspace by workspace."""
    async with ctx.transaction("system") as tx:
        rows = await generations.list_due(tx, now=ctx.now(), limit=DUE_MAX)
    for row in rows:
        try:
            await attend(ctx.for_workspace(row.workspace_id), generation_id=row.id)
        except (Refusal, UnknownOutcome) as error:
            _log.error("generation.attending_failed", generation_id=str(row.id), error=str(error))


async def attend(ctx: Context, *, generation_id: UUID) -> None:
    """Does what one due generation needs; a model is never asked to make something here."""
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None or not row.is_due(ctx.now()):
        return
    is_media, has_reference = row.is_looked_up, row.vendor_reference is not None
    need = need_of(row.status, row.settlement, is_media=is_media, has_reference=has_reference, is_over=_is_over(ctx, row))
    match need:
        case "give_up":
            await end(ctx, generation_id=row.id, outcome=gave_up(), if_due=True)
        case "look" | "find":
            await look(ctx, generation_id=row.id)
        case "declare_unknown":
            await end(ctx, generation_id=row.id, outcome=lost(row.usage, "nobody knows whether the model answered"), if_due=True)
        case "close_unknown":
            await settle(ctx, await close_unknown(ctx, row))
        case "settle":
            await settle(ctx, row)
        case None:
            return


def _is_over(ctx: Context, row: GenerationRow) -> bool:
    """Whether nothing more is waited for: while running, how long making may take; while unknown, how long that is kept open."""
    settings = ctx.setting(AiSettings)
    if row.status == "unknown":
        since = row.finished_at or row.created_at
        return ctx.now() >= since + timedelta(seconds=settings.unknown_kept_seconds)
    return ctx.now() >= row.created_at + timedelta(seconds=settings.making_seconds_max)
