"""Reading the trail. Whoever does stands in it."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.compliance.contracts import AuditEntry, ExportFormat
from nexusone.modules.compliance.domain.export_lines import header_of, lines_of
from nexusone.platform.audit import record
from nexusone.platform.audit.personal import opened
from nexusone.platform.audit.reading import Entry, Wanted, list_entries
from nexusone.platform.runtime import Context

EXPORT_BATCH = 1000


async def list_trail(ctx: Context, *, wanted: Wanted, request: PageRequest) -> PageOf[AuditEntry]:
    """The workspace's entries, newest first; the reading is recorded with them."""
    after = (datetime.fromisoformat(request.after[0]), UUID(request.after[1])) if request.after else None
    async with ctx.transaction("platform") as tx:
        rows = await list_entries(tx, wanted=wanted, limit=request.limit + 1, after=after)
        told = {**_told(wanted), "entries": min(len(rows), request.limit)}
        await record(tx, action="compliance.audit.listed", object_kind="audit", object_id=str(ctx.workspace), after=told)
    shown, more = rows[: request.limit], len(rows) > request.limit
    items = [await _shown(ctx, row) for row in shown]
    last = shown[-1] if shown and more else None
    return PageOf(items=tuple(items), next_after=(last.occurred_at.isoformat(), str(last.id)) if last else None)


async def export_trail(ctx: Context, *, wanted: Wanted, form: ExportFormat) -> AsyncIterator[str]:
    """The workspace's entries as lines of a file, newest first, batch by batch. That it began is recorded before the first line."""
    async with ctx.transaction("platform") as tx:
        told = {**_told(wanted), "format": form}
        await record(tx, action="compliance.audit.exported", object_kind="audit", object_id=str(ctx.workspace), after=told)
    return _lines(ctx, wanted, form)


async def _lines(ctx: Context, wanted: Wanted, form: ExportFormat) -> AsyncIterator[str]:
    if header := header_of(form):
        yield header
    after: tuple[datetime, UUID] | None = None
    while True:
        # A transaction each, so that a slow reader holds none open.
        async with ctx.transaction("platform") as tx:
            rows = await list_entries(tx, wanted=wanted, limit=EXPORT_BATCH, after=after)
        if rows:
            yield lines_of(form, [await _shown(ctx, row) for row in rows])
            after = (rows[-1].occurred_at, rows[-1].id)
        if len(rows) < EXPORT_BATCH:
            return


async def _shown(ctx: Context, row: Entry) -> AuditEntry:
    return AuditEntry(**{**asdict(row), "changes": await opened(ctx, row.changes)})


def _told(wanted: Wanted) -> dict[str, object]:
    return {name: str(value) for name, value in asdict(wanted).items() if value is not None}
