"""REST door of the knowledge base: collections, documents, search."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Response, UploadFile

from nexusone.kernel.errors import PayloadTooLarge, PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.generations import LanguageTag
from nexusone.modules.ai.contracts.knowledge import (
    Collection,
    CollectionChange,
    Document,
    DocumentChange,
    DocumentPassage,
    FoundPassages,
    KnowledgeQuery,
    NewCollection,
    NewContent,
    NewDocument,
)
from nexusone.modules.ai.service import collections, documents, uploads
from nexusone.modules.ai.service.knowledge_search import find_passages
from nexusone.modules.ai.service.refusals_knowledge import (
    CollectionNotFound,
    DocumentEmpty,
    DocumentNotFailed,
    DocumentNotFound,
    DocumentTooLong,
    DocumentUnreadable,
    EmbedderFailed,
    KnowledgeFull,
    NoEmbedder,
)
from nexusone.modules.billing.api import InsufficientCredits, PurposeStopped
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("knowledge")

PAID = (NoEmbedder, InsufficientCredits, PurposeStopped)
TAKEN_IN = (DocumentEmpty, DocumentTooLong, KnowledgeFull, *PAID)


@door.post(
    "/knowledge/collections", permission="knowledge:write", status=201, summary="Make a collection of documents", refusals=(NoEmbedder,)
)
async def create_collection(ctx: Caller, body: NewCollection, response: Response) -> Collection:
    made = await collections.create_collection(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/knowledge/collections", permission="knowledge:read", summary="List the collections, newest first")
async def list_collections(ctx: Caller, pager: Pager) -> Page[Collection]:
    return pager.page(await collections.list_collections(ctx, request=pager.request))


@door.get(
    "/knowledge/collections/{collection_id}", permission="knowledge:read", summary="Read a collection", refusals=(CollectionNotFound,)
)
async def get_collection(ctx: Caller, collection_id: UUID, response: Response) -> Collection:
    found = await collections.get_collection(ctx, collection_id=collection_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/knowledge/collections/{collection_id}",
    permission="knowledge:write",
    summary="Change a collection's name or description",
    refusals=(CollectionNotFound, PreconditionFailed),
)
async def change_collection(
    ctx: Caller, collection_id: UUID, body: CollectionChange, expected: ExpectedVersion, response: Response
) -> Collection:
    changed = await collections.change_collection(ctx, collection_id=collection_id, change=body, expected_version=expected)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/knowledge/collections/{collection_id}",
    permission="knowledge:write",
    status=204,
    summary="Delete a collection with its documents",
    refusals=(CollectionNotFound,),
)
async def delete_collection(ctx: Caller, collection_id: UUID) -> Response:
    await collections.delete_collection(ctx, collection_id=collection_id)
    return Response(status_code=204)


@door.post(
    "/knowledge/collections/{collection_id}/documents",
    permission="knowledge:write",
    status=202,
    summary="Add a document by its text",
    refusals=(CollectionNotFound, *TAKEN_IN),
    cost=10,
)
async def add_document(ctx: Caller, collection_id: UUID, body: NewDocument, response: Response) -> Document:
    return _accepted(await documents.add_document(ctx, collection_id=collection_id, wanted=body), response)


@door.post(
    "/knowledge/collections/{collection_id}/files",
    permission="knowledge:write",
    status=202,
    summary="Add a document by a file of text, Markdown or HTML",
    refusals=(CollectionNotFound, DocumentUnreadable, PayloadTooLarge, *TAKEN_IN),
    cost=10,
    is_upload=True,
)
async def add_file(
    ctx: Caller,
    collection_id: UUID,
    file: Annotated[UploadFile, "UTF-8, at most 2 MiB; its name ends in txt, md, markdown, html or htm."],
    response: Response,
    title: Annotated[str | None, Form(min_length=1, max_length=200, description="By default the file's name.")] = None,
    locale: Annotated[LanguageTag | None, Form(description="The language it is written in.")] = None,
) -> Document:
    content = await file.read(uploads.READ_BYTES)
    wanted = uploads.document_of_file(name=file.filename or "", content=content, title=title, locale=locale)
    return _accepted(await documents.add_document(ctx, collection_id=collection_id, wanted=wanted), response)


@door.get(
    "/knowledge/collections/{collection_id}/documents",
    permission="knowledge:read",
    summary="List the documents of a collection, newest first",
    refusals=(CollectionNotFound,),
)
async def list_documents(ctx: Caller, collection_id: UUID, pager: Pager) -> Page[Document]:
    return pager.page(await documents.list_documents(ctx, collection_id=collection_id, request=pager.request))


@door.get("/knowledge/documents/{document_id}", permission="knowledge:read", summary="Read a document", refusals=(DocumentNotFound,))
async def get_document(ctx: Caller, document_id: UUID, response: Response) -> Document:
    found = await documents.get_document(ctx, document_id=document_id)
    tag_version(response, found.version)
    return found


@door.get(
    "/knowledge/documents/{document_id}/passages",
    permission="knowledge:read",
    summary="Read what a document says, passage by passage",
    refusals=(DocumentNotFound,),
)
async def list_passages(ctx: Caller, document_id: UUID, pager: Pager) -> Page[DocumentPassage]:
    return pager.page(await documents.list_passages(ctx, document_id=document_id, request=pager.request))


@door.patch(
    "/knowledge/documents/{document_id}",
    permission="knowledge:write",
    summary="Change what is said about a document",
    refusals=(DocumentNotFound, PreconditionFailed),
)
async def change_document(ctx: Caller, document_id: UUID, body: DocumentChange, expected: ExpectedVersion, response: Response) -> Document:
    changed = await documents.change_document(ctx, document_id=document_id, change=body, expected_version=expected)
    tag_version(response, changed.version)
    return changed


@door.put(
    "/knowledge/documents/{document_id}/content",
    permission="knowledge:write",
    status=202,
    summary="Give a document other words",
    refusals=(DocumentNotFound, PreconditionFailed, *TAKEN_IN),
    cost=10,
)
async def replace_content(ctx: Caller, document_id: UUID, body: NewContent, expected: ExpectedVersion, response: Response) -> Document:
    replaced = await documents.replace_content(ctx, document_id=document_id, wanted=body, expected_version=expected)
    return _accepted(replaced, response)


@door.post(
    "/knowledge/documents/{document_id}/index",
    permission="knowledge:write",
    status=202,
    summary="Go on with an indexing that failed",
    refusals=(DocumentNotFound, DocumentNotFailed, PreconditionFailed, *PAID),
    cost=10,
)
async def index_again(ctx: Caller, document_id: UUID, response: Response) -> Document:
    return _accepted(await documents.index_again(ctx, document_id=document_id), response)


@door.delete(
    "/knowledge/documents/{document_id}",
    permission="knowledge:write",
    status=204,
    summary="Delete a document",
    refusals=(DocumentNotFound,),
)
async def delete_document(ctx: Caller, document_id: UUID) -> Response:
    await documents.delete_document(ctx, document_id=document_id)
    return Response(status_code=204)


@door.post(
    "/knowledge/search",
    permission="knowledge:read",
    summary="Find passages by meaning, with where they stand",
    refusals=(CollectionNotFound, EmbedderFailed, *PAID),
    cost=5,
)
async def search(ctx: Caller, body: KnowledgeQuery) -> FoundPassages:
    """Costs the credits of comparing the text with the passages, by the model's price for its tokens."""
    found = await find_passages(ctx, text=body.text, collections=body.collection_ids, limit=body.limit)
    return FoundPassages(items=list(found))


def _accepted(document: Document, response: Response) -> Document:
    response.headers["Location"] = f"/v1/knowledge/documents/{document.id}"
    tag_version(response, document.version)
    return document
