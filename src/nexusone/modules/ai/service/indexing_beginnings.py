"""How indexings begin: planned with the most that they can cost, held for, written down with their job."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.knowledge import IndexDocument
from nexusone.modules.ai.domain.chunking import Chunk
from nexusone.modules.ai.domain.embedding import PURPOSE, hold_key, tokens_bound
from nexusone.modules.ai.service.embedders import comparing
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import indexings
from nexusone.modules.ai.store.indexings import IndexingRow
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

INDEX_JOB = "ai.index_document"
# Longer than an indexing can stay open, with all its turns.
HOLD_LIFETIME = timedelta(hours=24)


async def planned_work(ctx: Context, *, model: str, document_id: UUID, revision: int, chunks: Sequence[Chunk]) -> IndexingRow:
    """The work of comparing these passages, with the most that it can cost. Raises: NoEmbedder."""
    chosen = await comparing(ctx, model=model)
    card, tariff = chosen.card, chosen.tariff
    return IndexingRow(
        id=new_id(),
        document_id=document_id,
        revision=revision,
        status="queued",
        settlement="held",
        requested_by=ctx.principal.label,
        model=card.name,
        dimensions=card.dimensions,
        price_micros=tariff.price_micros,
        price_per=tariff.price_per,
        credits_per_dollar=tariff.credits_per_dollar,
        margin_percent=tariff.margin_percent,
        held_micros=max(1, tariff.micros(tokens_bound([chunk.embedded_text for chunk in chunks]))),
        charged_micros=0,
        attempts=0,
        input_tokens=0,
        error_code=None,
        error_detail=None,
        created_at=ctx.now(),
        finished_at=None,
        due_at=ctx.now() + timedelta(seconds=ctx.setting(AiSettings).queue_seconds_max),
        is_own_key=tariff.is_own_key,
    )


@asynccontextmanager
async def held(ctx: Context, work: IndexingRow) -> AsyncIterator[None]:
    """Holds the most that the work can cost while the block writes it down; what is not written down gets its credits back."""
    await billing.check_margin(ctx, purpose=PURPOSE)
    await billing.hold(ctx, key=hold_key(work.id), amount_micros=work.held_micros, purpose=PURPOSE, expires_in=HOLD_LIFETIME)
    try:
        yield
    except Refusal:
        await billing.release(ctx, key=hold_key(work.id))
        raise


async def begin(ctx: Context, tx: Transaction, work: IndexingRow) -> None:
    """Writes the work down, and leaves its job."""
    await indexings.insert(tx, work, workspace_id=ctx.workspace)
    await enqueue_named(tx, [(INDEX_JOB, IndexDocument(indexing_id=work.id))], key=str(work.id))
