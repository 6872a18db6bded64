"""How indexings end: recorded under a row lock, then settled; what is left open is attended by the clock."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Refusal, Unavailable
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.contracts.knowledge import IndexDocument
from nexusone.modules.ai.domain.embedding import NEVER_INDEXED, PURPOSE, hold_key
from nexusone.modules.ai.events import DocumentIndexed, DocumentIndexingFailed
from nexusone.modules.ai.service.indexing_beginnings import INDEX_JOB
from nexusone.modules.ai.store import documents, indexings
from nexusone.modules.ai.store.indexings import IndexingRow
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

SETTLED_WITHIN = timedelta(seconds=30)
ATTEMPTS_MAX = 5
DUE_MAX = 500
DETAIL_CHARACTERS_MAX = 1_000

_log = structlog.get_logger(__name__)


async def end_indexing(ctx: Context, *, indexing_id: UUID, error: tuple[str, str] | None, attempts: int | None = None) -> None:
    """Records the end and pays what was used; with `attempts`, only while the work is still that attempt's."""
    now = ctx.now()
    async with ctx.transaction("ai") as tx:
        row = await indexings.find_locked(tx, workspace_id=ctx.workspace, indexing_id=indexing_id)
        if row is None or not row.is_open or attempts not in (None, row.attempts):
            return
        ended = await indexings.end(
            tx,
            workspace_id=ctx.workspace,
            indexing_id=indexing_id,
            status="done" if error is None else "failed",
            charged_micros=_charge(row),
            error=None if error is None else (error[0], error[1][:DETAIL_CHARACTERS_MAX]),
            now=now,
            due_at=now + SETTLED_WITHIN,
        )
        if error is None:
            await documents.make_searchable(tx, workspace_id=ctx.workspace, document_id=row.document_id, revision=row.revision)
        await _announce(tx, ended)
    await settle_indexing(ctx, ended)


async def settle_indexing(ctx: Context, row: IndexingRow) -> IndexingRow:
    """Pays what an indexing used and gives the rest back; where billing does not answer, the clock comes back to it."""
    if row.settlement != "due":
        return row
    key = hold_key(row.id)
    try:
        if row.charged_micros:
            await billing.settle(ctx, key=key, amount_micros=row.charged_micros)
        else:
            await billing.release(ctx, key=key)
        if cost_nano := row.tariff.cost_nano(row.input_tokens):
            await billing.record_cost(ctx, key=key, purpose=PURPOSE, cost_nano=cost_nano)
        async with ctx.transaction("ai") as tx:
            await indexings.mark_settled(tx, workspace_id=ctx.workspace, indexing_id=row.id)
    except (Unavailable, UnknownOutcome) as error:
        _log.warning("indexing.settle_delayed", indexing_id=str(row.id), error=str(error))
        return row
    return replace(row, settlement="done")


async def attend_indexings(ctx: Context) -> None:
    """Looks after every indexing whose time has come, workspace by workspace."""
    async with ctx.transaction("system") as tx:
        rows = await indexings.list_due(tx, now=ctx.now(), limit=DUE_MAX)
    for row in rows:
        try:
            await attend_indexing(ctx.for_workspace(row.workspace_id), indexing_id=row.id)
        except (Refusal, UnknownOutcome) as error:
            _log.error("indexing.attending_failed", indexing_id=str(row.id), error=str(error))


async def attend_indexing(ctx: Context, *, indexing_id: UUID) -> None:
    """Does what one due indexing needs: an abandoned one gets another job, one that was never begun is given up."""
    async with ctx.transaction("ai") as tx:
        row = await indexings.find(tx, workspace_id=ctx.workspace, indexing_id=indexing_id)
    if row is None or row.due_at is None or row.due_at > ctx.now():
        return
    if not row.is_open:
        await settle_indexing(ctx, row)
    elif row.status == "queued" or row.attempts >= ATTEMPTS_MAX:
        await end_indexing(ctx, indexing_id=row.id, error=(NEVER_INDEXED, "the document was not indexed in time"), attempts=row.attempts)
    else:
        async with ctx.transaction("ai") as tx:
            await enqueue_named(tx, [(INDEX_JOB, IndexDocument(indexing_id=row.id))], key=f"{row.id}:{row.attempts}")


def _charge(row: IndexingRow) -> int:
    charge = row.tariff.micros(row.input_tokens)
    if charge > row.held_micros:
        _log.warning("indexing.over_hold", indexing_id=str(row.id), charge_micros=charge, held_micros=row.held_micros)
    return min(charge, row.held_micros)


async def _announce(tx: Transaction, row: IndexingRow) -> None:
    charged = credits_to_text(row.charged_micros)
    if row.status == "done":
        await publish(tx, DocumentIndexed(document_id=row.document_id, model=row.model, credits=charged, input_tokens=row.input_tokens))
    else:
        await publish(
            tx, DocumentIndexingFailed(document_id=row.document_id, model=row.model, error_code=row.error_code or "", credits=charged)
        )
