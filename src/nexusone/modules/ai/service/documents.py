"""Documents: taken in, replaced, changed, read, deleted. Their passages are compared by a job, for credits that are held before."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.knowledge import (
    Document,
    DocumentChange,
    DocumentKind,
    DocumentPassage,
    NewContent,
    NewDocument,
)
from nexusone.modules.ai.domain.chunking import PASSAGES_MAX, Chunk, chunks_of
from nexusone.modules.ai.service.document_views import document_of
from nexusone.modules.ai.service.indexing_beginnings import begin, held, planned_work
from nexusone.modules.ai.service.refusals_knowledge import (
    CollectionNotFound,
    DocumentEmpty,
    DocumentNotFailed,
    DocumentNotFound,
    DocumentTooLong,
    KnowledgeFull,
)
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import collections, documents
from nexusone.modules.ai.store.documents import DocumentRow
from nexusone.modules.ai.store.indexings import IndexingRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context


async def add_document(ctx: Context, *, collection_id: UUID, wanted: NewDocument) -> Document:
    """Takes a document in; searches find it once its job is through.

    Raises:
        CollectionNotFound: there is no such collection.
        DocumentEmpty, DocumentTooLong: it cannot be one document.
        KnowledgeFull: the workspace has no room for it.
        NoEmbedder: nobody could compare it.
        InsufficientCredits: the most that it can cost is not available.
    """
    chunks = await _chunks(wanted.content, wanted.kind)
    async with ctx.transaction("ai") as tx:
        collection = await collections.find(tx, workspace_id=ctx.workspace, collection_id=collection_id)
    if collection is None:
        raise CollectionNotFound
    now, document_id = ctx.now(), new_id()
    work = await planned_work(ctx, model=collection.model, document_id=document_id, revision=1, chunks=chunks)
    row = DocumentRow(
        id=document_id,
        collection_id=collection_id,
        title=wanted.title,
        kind=wanted.kind,
        locale=wanted.locale,
        source_url=wanted.source_url,
        content_hash=_digest(wanted.content, wanted.kind),
        revision=1,
        indexed_revision=None,
        indexing_id=work.id,
        status="queued",
        error_code=None,
        error_detail=None,
        version=1,
        created_at=now,
        updated_at=now,
        passages=len(chunks),
        indexed=0,
        charged_micros=0,
    )
    async with held(ctx, work), ctx.transaction("ai") as tx:
        # Locked, so that it is not deleted meanwhile.
        if await collections.find_locked(tx, workspace_id=ctx.workspace, collection_id=collection_id) is None:
            raise CollectionNotFound
        await _check_room(ctx, tx, chunks)
        await documents.insert(tx, row, workspace_id=ctx.workspace)
        await documents.insert_passages(tx, row, chunks, workspace_id=ctx.workspace)
        await begin(ctx, tx, work)
        await _tell(tx, "added", row.id, after=_told(row))
        await conclude(tx, document_of(row))
    return document_of(row)


async def replace_content(ctx: Context, *, document_id: UUID, wanted: NewContent, expected_version: int | None) -> Document:
    """Gives a document other words; until they are compared, searches find the former ones. The same words cost nothing.

    Raises:
        DocumentNotFound: there is none.
        PreconditionFailed: it has another version than expected, or was changed meanwhile.
        DocumentEmpty, DocumentTooLong, KnowledgeFull, NoEmbedder, InsufficientCredits: as `add_document`.
    """
    chunks = await _chunks(wanted.content, wanted.kind)
    before, model = await _get_with_model(ctx, document_id)
    if expected_version not in (None, before.version):
        raise PreconditionFailed(version=before.version)
    digest = _digest(wanted.content, wanted.kind)
    if digest == before.content_hash and before.status != "failed":
        return document_of(before)
    work = await planned_work(ctx, model=model, document_id=document_id, revision=before.revision + 1, chunks=chunks)
    after = replace(
        _with_work(ctx, before, work), kind=wanted.kind, content_hash=digest, revision=work.revision, passages=len(chunks), indexed=0
    )
    async with held(ctx, work), ctx.transaction("ai") as tx:
        await _lock_unchanged(ctx, tx, before)
        await _check_room(ctx, tx, chunks)
        await documents.insert_passages(tx, after, chunks, workspace_id=ctx.workspace)
        await begin(ctx, tx, work)
        await documents.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "replaced", document_id, before=_told(before), after=_told(after))
        await conclude(tx, document_of(after))
    return document_of(after)


async def index_again(ctx: Context, *, document_id: UUID) -> Document:
    """Goes on with an indexing that failed: passages that were compared before are not paid for again.

    Raises:
        DocumentNotFound: there is none.
        DocumentNotFailed: it needs no such thing.
        NoEmbedder, InsufficientCredits: as `add_document`.
    """
    before, model = await _get_with_model(ctx, document_id)
    if before.status != "failed":
        raise DocumentNotFailed
    async with ctx.transaction("ai") as tx:
        chunks = await documents.list_unembedded(
            tx, workspace_id=ctx.workspace, document_id=document_id, revision=before.revision, limit=PASSAGES_MAX
        )
    work = await planned_work(ctx, model=model, document_id=document_id, revision=before.revision, chunks=chunks)
    after = _with_work(ctx, before, work)
    async with held(ctx, work), ctx.transaction("ai") as tx:
        await _lock_unchanged(ctx, tx, before)
        await begin(ctx, tx, work)
        await documents.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "indexed_again", document_id, after=_told(after))
        await conclude(tx, document_of(after))
    return document_of(after)


async def change_document(ctx: Context, *, document_id: UUID, change: DocumentChange, expected_version: int | None) -> Document:
    """Changes what is said about a document, not what it says.

    Raises:
        DocumentNotFound: there is none.
        PreconditionFailed: it has another version than expected.
    """
    async with ctx.transaction("ai") as tx:
        before = await documents.find_locked(tx, workspace_id=ctx.workspace, document_id=document_id)
        if before is None:
            raise DocumentNotFound
        if expected_version not in (None, before.version):
            raise PreconditionFailed(version=before.version)
        after = replace(
            before,
            title=change.title or before.title,
            locale=change.locale or before.locale,
            source_url=change.source_url or before.source_url,
            version=before.version + 1,
            updated_at=ctx.now(),
        )
        await documents.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "changed", document_id, before=_told(before), after=_told(after))
    return document_of(after)


async def get_document(ctx: Context, *, document_id: UUID) -> Document:
    """A document. Raises: DocumentNotFound."""
    return document_of(await _get(ctx, document_id))


async def list_documents(ctx: Context, *, collection_id: UUID, request: PageRequest) -> PageOf[Document]:
    """Documents of a collection, newest first. Raises: CollectionNotFound."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        if await collections.find(tx, workspace_id=ctx.workspace, collection_id=collection_id) is None:
            raise CollectionNotFound
        rows = await documents.list_page(tx, workspace_id=ctx.workspace, collection_id=collection_id, after=after, limit=request.limit + 1)
    items = tuple(document_of(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def list_passages(ctx: Context, *, document_id: UUID, request: PageRequest) -> PageOf[DocumentPassage]:
    """What the newest content of a document says, in pieces as they are found. Raises: DocumentNotFound."""
    after = int(request.after[0]) if request.after else None
    row = await _get(ctx, document_id)
    async with ctx.transaction("ai") as tx:
        found = await documents.list_passages(
            tx, workspace_id=ctx.workspace, document_id=document_id, revision=row.revision, after=after, limit=request.limit + 1
        )
    items = tuple(DocumentPassage(position=chunk.position, heading=chunk.heading, text=chunk.text) for chunk in found[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].position),) if len(found) > request.limit else None)


async def delete_document(ctx: Context, *, document_id: UUID) -> None:
    """Deletes a document with its passages; work on it that goes on is paid for as far as it came. Raises: DocumentNotFound."""
    async with ctx.transaction("ai") as tx:
        if not await documents.delete(tx, workspace_id=ctx.workspace, document_id=document_id):
            raise DocumentNotFound
        await _tell(tx, "deleted", document_id)


async def _chunks(content: str, kind: DocumentKind) -> tuple[Chunk, ...]:
    chunks = await asyncio.to_thread(chunks_of, content, kind=kind)
    if not chunks:
        raise DocumentEmpty
    if len(chunks) > PASSAGES_MAX:
        raise DocumentTooLong(passages=len(chunks), limit=PASSAGES_MAX)
    return chunks


def _digest(content: str, kind: DocumentKind) -> bytes:
    return sha256(f"{kind}\n{content}".encode()).digest()


def _with_work(ctx: Context, row: DocumentRow, work: IndexingRow) -> DocumentRow:
    return replace(
        row, indexing_id=work.id, status="queued", error_code=None, error_detail=None, version=row.version + 1, updated_at=ctx.now()
    )


async def _check_room(ctx: Context, tx: Transaction, chunks: Sequence[Chunk]) -> None:
    limit = ctx.setting(AiSettings).knowledge_passages_max
    if await documents.count_passages(tx, workspace_id=ctx.workspace) + len(chunks) > limit:
        raise KnowledgeFull(limit=limit)


async def _get(ctx: Context, document_id: UUID) -> DocumentRow:
    async with ctx.transaction("ai") as tx:
        row = await documents.find(tx, workspace_id=ctx.workspace, document_id=document_id)
    if row is None:
        raise DocumentNotFound
    return row


async def _get_with_model(ctx: Context, document_id: UUID) -> tuple[DocumentRow, str]:
    row = await _get(ctx, document_id)
    async with ctx.transaction("ai") as tx:
        collection = await collections.find(tx, workspace_id=ctx.workspace, collection_id=row.collection_id)
    if collection is None:
        raise DocumentNotFound
    return row, collection.model


async def _lock_unchanged(ctx: Context, tx: Transaction, before: DocumentRow) -> None:
    present = await documents.find_locked(tx, workspace_id=ctx.workspace, document_id=before.id)
    if present is None:
        raise DocumentNotFound
    if (present.version, present.indexing_id) != (before.version, before.indexing_id):
        raise PreconditionFailed(version=present.version)


async def _tell(
    tx: Transaction, verb: str, document_id: UUID, *, before: Mapping[str, object] | None = None, after: Mapping[str, object] | None = None
) -> None:
    await record(tx, action=f"ai.document.{verb}", object_kind="document", object_id=str(document_id), before=before, after=after)


def _told(row: DocumentRow) -> dict[str, object]:
    return {"title": row.title, "kind": row.kind, "locale": row.locale, "source_url": row.source_url, "version": row.version}
