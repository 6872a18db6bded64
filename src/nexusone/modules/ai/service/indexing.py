"""Giving a document's passages their vectors: batch by batch, each stored with what it used before the next one is asked for."""

from datetime import datetime, timedelta
from uuid import UUID

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.answers import plain_answer
from nexusone.modules.ai.domain.chunking import Chunk
from nexusone.modules.ai.domain.embedding import BATCH_MAX
from nexusone.modules.ai.domain.lifecycle import NO_ANSWER
from nexusone.modules.ai.ports.judging import Embeddings
from nexusone.modules.ai.service.embedders import embed, embedder
from nexusone.modules.ai.service.indexing_endings import end_indexing
from nexusone.modules.ai.service.refusals_knowledge import NoEmbedder
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import documents, indexings
from nexusone.modules.ai.store.indexings import IndexingRow
from nexusone.platform.runtime import Context

# Between the vendor's answer and its record.
GRACE_SECONDS = 30.0


async def index_document(ctx: Context, *, indexing_id: UUID) -> None:
    """Takes an indexing that is queued or was abandoned, and brings it to its end; one that somebody works on is left alone."""
    async with ctx.transaction("ai") as tx:
        known = await indexings.find(tx, workspace_id=ctx.workspace, indexing_id=indexing_id)
    if known is None or not known.is_open:
        return
    try:
        vendor = await embedder(ctx, model=known.model, is_own_key=known.is_own_key)
    except NoEmbedder as gone:
        if not known.is_own_key:
            raise
        # Nobody else pays for what the workspace said it would.
        await end_indexing(ctx, indexing_id=indexing_id, error=(gone.code, "the workspace's own account is gone"))
        return
    async with ctx.transaction("ai") as tx:
        row = await indexings.take(tx, workspace_id=ctx.workspace, indexing_id=indexing_id, now=ctx.now(), due_at=_lease_end(ctx))
    if row is None:
        return
    while batch := await _next_batch(ctx, row):
        try:
            answer = await embed(ctx, vendor, texts=[chunk.embedded_text for chunk in batch], model=row.model, dimensions=row.dimensions)
        except DefiniteFailure as failure:
            await end_indexing(ctx, indexing_id=row.id, error=(failure.code, plain_answer(failure.detail)), attempts=row.attempts)
            return
        except UnknownOutcome as error:
            await end_indexing(ctx, indexing_id=row.id, error=(NO_ANSWER, plain_answer(error.detail)), attempts=row.attempts)
            return
        if not await _store(ctx, row, batch, answer):
            return
    await end_indexing(ctx, indexing_id=row.id, error=None, attempts=row.attempts)


async def _next_batch(ctx: Context, row: IndexingRow) -> list[Chunk]:
    async with ctx.transaction("ai") as tx:
        return await documents.list_unembedded(
            tx, workspace_id=ctx.workspace, document_id=row.document_id, revision=row.revision, limit=BATCH_MAX
        )


async def _store(ctx: Context, row: IndexingRow, batch: list[Chunk], answer: Embeddings) -> bool:
    """Vectors and tokens in one transaction, so that what is stored is paid for and nothing else; False where it is another's work."""
    async with ctx.transaction("ai") as tx:
        if not await indexings.use(tx, workspace_id=ctx.workspace, row=row, tokens=answer.input_tokens, due_at=_lease_end(ctx)):
            return False
        await documents.embed(
            tx,
            workspace_id=ctx.workspace,
            document_id=row.document_id,
            revision=row.revision,
            positions=[chunk.position for chunk in batch],
            vectors=answer.vectors,
        )
    return True


def _lease_end(ctx: Context) -> datetime:
    settings = ctx.setting(AiSettings)
    calls = (settings.call_seconds_max + settings.retry_wait_seconds_max) * (1 + settings.retries_max)
    return ctx.now() + timedelta(seconds=calls + GRACE_SECONDS)
