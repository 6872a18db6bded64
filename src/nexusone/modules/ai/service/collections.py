"""Collections of documents."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.knowledge import Collection, CollectionChange, NewCollection
from nexusone.modules.ai.service.embedders import comparing
from nexusone.modules.ai.service.refusals_knowledge import CollectionNotFound
from nexusone.modules.ai.store import collections
from nexusone.modules.ai.store.collections import CollectionRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context


async def create_collection(ctx: Context, *, wanted: NewCollection) -> Collection:
    """A new collection, compared by today's default model for good. Raises: NoEmbedder."""
    now, card = ctx.now(), (await comparing(ctx, model=None)).card
    row = CollectionRow(
        id=new_id(),
        name=wanted.name,
        description=wanted.description,
        model=card.name,
        dimensions=card.dimensions,
        documents=0,
        version=1,
        created_at=now,
        updated_at=now,
    )
    made = _collection(row)
    async with ctx.transaction("ai") as tx:
        await collections.insert(tx, row, workspace_id=ctx.workspace)
        await _tell(tx, "created", row.id, after=_told(row))
        await conclude(tx, made)
    return made


async def get_collection(ctx: Context, *, collection_id: UUID) -> Collection:
    """A collection. Raises: CollectionNotFound."""
    async with ctx.transaction("ai") as tx:
        row = await collections.find(tx, workspace_id=ctx.workspace, collection_id=collection_id)
    if row is None:
        raise CollectionNotFound
    return _collection(row)


async def list_collections(ctx: Context, *, request: PageRequest) -> PageOf[Collection]:
    """Collections, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await collections.list_page(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_collection(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_collection(ctx: Context, *, collection_id: UUID, change: CollectionChange, expected_version: int | None) -> Collection:
    """Changes name and description.

    Raises:
        CollectionNotFound: there is none.
        PreconditionFailed: it has another version than expected.
    """
    async with ctx.transaction("ai") as tx:
        before = await _lock(ctx, tx, collection_id)
        if expected_version not in (None, before.version):
            raise PreconditionFailed(version=before.version)
        after = replace(
            before,
            name=before.name if change.name is None else change.name,
            description=before.description if change.description is None else change.description,
            version=before.version + 1,
            updated_at=ctx.now(),
        )
        await collections.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "changed", collection_id, before=_told(before), after=_told(after))
    return _collection(after)


async def delete_collection(ctx: Context, *, collection_id: UUID) -> None:
    """Deletes a collection with all its documents. Raises: CollectionNotFound."""
    async with ctx.transaction("ai") as tx:
        before = await _lock(ctx, tx, collection_id)
        await collections.delete(tx, workspace_id=ctx.workspace, collection_id=collection_id)
        await _tell(tx, "deleted", collection_id, before={**_told(before), "documents": before.documents})


async def _lock(ctx: Context, tx: Transaction, collection_id: UUID) -> CollectionRow:
    row = await collections.find_locked(tx, workspace_id=ctx.workspace, collection_id=collection_id)
    if row is None:
        raise CollectionNotFound
    return row


async def _tell(
    tx: Transaction,
    verb: str,
    collection_id: UUID,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    await record(tx, action=f"ai.collection.{verb}", object_kind="collection", object_id=str(collection_id), before=before, after=after)


def _told(row: CollectionRow) -> dict[str, object]:
    return {"name": row.name, "description": row.description, "model": row.model, "version": row.version}


def _collection(row: CollectionRow) -> Collection:
    return Collection(
        id=row.id,
        name=row.name,
        description=row.description,
        model=row.model,
        documents=row.documents,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
