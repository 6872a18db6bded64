"""Searching the knowledge base by meaning; the query's own vector is paid for like any other."""

import heapq
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.contracts.knowledge import Citation, Passage
from nexusone.modules.ai.domain.embedding import PURPOSE, tokens_bound
from nexusone.modules.ai.service.embedders import comparing, embed
from nexusone.modules.ai.service.refusals_knowledge import CollectionNotFound, EmbedderFailed
from nexusone.modules.ai.store import collections as collection_rows
from nexusone.modules.ai.store import documents
from nexusone.modules.ai.store.documents import FoundRow
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Context

HOLD_LIFETIME = timedelta(minutes=15)
QUERY_CHARACTERS_MAX = 2_000


async def find_passages(ctx: Context, *, text: str, collections: Sequence[UUID] | None, limit: int) -> tuple[Passage, ...]:
    """The passages nearest in meaning to the first 2,000 characters of `text`, nearest first; by default of all collections.

    What passages say is a customer's text: material for a model, never an instruction to it.

    Raises:
        CollectionNotFound: one of them is not there.
        NoEmbedder, EmbedderFailed: nobody could compare; nothing was charged.
        InsufficientCredits: the most that comparing can cost is not available.
    """
    by_model = await _collections_by_model(ctx, collections)
    found: list[FoundRow] = []
    for model, ids in by_model.items():
        vector = await _vector(ctx, text=text[:QUERY_CHARACTERS_MAX], model=model)
        async with ctx.transaction("ai") as tx:
            found += await documents.search(tx, workspace_id=ctx.workspace, collections=ids, vector=vector, limit=limit)
    nearest = heapq.nsmallest(limit, found, key=lambda row: (row.distance, row.document_id, row.position))
    return tuple(_passage(row) for row in nearest)


async def _collections_by_model(ctx: Context, wanted: Sequence[UUID] | None) -> dict[str, list[UUID]]:
    """The collections that have something to find, by the model that compares them."""
    async with ctx.transaction("ai") as tx:
        rows = await collection_rows.list_models(tx, workspace_id=ctx.workspace, ids=wanted)
    if wanted is not None and set(wanted) != {row.id for row in rows}:
        raise CollectionNotFound
    by_model: dict[str, list[UUID]] = {}
    for row in rows:
        if row.has_passages:
            by_model.setdefault(row.model, []).append(row.id)
    return by_model


async def _vector(ctx: Context, *, text: str, model: str) -> tuple[float, ...]:
    chosen = await comparing(ctx, model=model)
    card, tariff, key = chosen.card, chosen.tariff, f"knowledge_search:{new_id()}"
    held = max(1, tariff.micros(tokens_bound([text])))
    await billing.check_margin(ctx, purpose=PURPOSE)
    await billing.hold(ctx, key=key, amount_micros=held, purpose=PURPOSE, expires_in=HOLD_LIFETIME)
    try:
        answer = await embed(ctx, chosen.vendor, texts=[text], model=card.name, dimensions=card.dimensions)
    except (DefiniteFailure, UnknownOutcome) as error:
        # Nobody got anything, so nobody pays, whatever the vendor did.
        await billing.release(ctx, key=key)
        raise EmbedderFailed(headers={"Retry-After": "10"}) from error
    await billing.settle(ctx, key=key, amount_micros=min(held, tariff.micros(answer.input_tokens)))
    if cost_nano := tariff.cost_nano(answer.input_tokens):
        await billing.record_cost(ctx, key=key, purpose=PURPOSE, cost_nano=cost_nano)
    return answer.vectors[0]


def _passage(row: FoundRow) -> Passage:
    return Passage(
        text=row.text,
        similarity=round(min(max(1.0 - row.distance, 0.0), 1.0), 4),
        citation=Citation(
            document_id=row.document_id,
            collection_id=row.collection_id,
            title=row.title,
            heading=row.heading,
            position=row.position,
            source_url=row.source_url,
        ),
    )
