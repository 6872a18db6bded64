"""GraphQL door of the knowledge base."""

from datetime import datetime
from uuid import UUID

import strawberry

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.ai.contracts.knowledge import Collection, Document
from nexusone.modules.ai.service import collections, documents
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import Paging, paging_of


@strawberry.type(name="Collection", description="Documents that are searched together, compared by one model.")
class CollectionType:
    """The fields of the REST resource."""

    id: UUID
    name: str
    description: str
    model: str
    documents: int
    version: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="CollectionPage", description="A page of collections, newest first.")
class CollectionPageType:
    """`next_cursor` is null on the last page."""

    items: list[CollectionType]
    next_cursor: str | None


@strawberry.type(name="Document", description="A document of the knowledge base; credits are decimal strings.")
class DocumentType:
    """The fields of the REST resource."""

    id: UUID
    collection_id: UUID
    title: str
    kind: str
    locale: str | None
    source_url: str | None
    status: str
    passages: int
    indexed: int
    credits: str
    error_code: str | None
    version: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="DocumentPage", description="A page of documents of a collection, newest first.")
class DocumentPageType:
    """`next_cursor` is null on the last page."""

    items: list[DocumentType]
    next_cursor: str | None


async def _list_collections(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> CollectionPageType:
    paging = _paging(info, "collections", limit, cursor)
    found = await collections.list_collections(info.context.ctx, request=paging.request)
    return CollectionPageType(items=[_collection(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _get_collection(info: GraphqlInfo, id: UUID) -> CollectionType:  # noqa: A002 - the argument's name on the wire
    return _collection(await collections.get_collection(info.context.ctx, collection_id=id))


async def _list_documents(info: GraphqlInfo, collection_id: UUID, limit: int = PAGE_SIZE, cursor: str | None = None) -> DocumentPageType:
    paging = _paging(info, "documents", limit, cursor)
    found = await documents.list_documents(info.context.ctx, collection_id=collection_id, request=paging.request)
    return DocumentPageType(items=[_document(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _get_document(info: GraphqlInfo, id: UUID) -> DocumentType:  # noqa: A002 - the argument's name on the wire
    return _document(await documents.get_document(info.context.ctx, document_id=id))


def _paging(info: GraphqlInfo, name: str, limit: int, cursor: str | None) -> Paging:
    ctx = info.context.ctx
    return paging_of(ctx, list_name=f"graphql.{name}", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))


def _collection(found: Collection) -> CollectionType:
    return CollectionType(
        id=found.id,
        name=found.name,
        description=found.description,
        model=found.model,
        documents=found.documents,
        version=found.version,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _document(found: Document) -> DocumentType:
    return DocumentType(
        id=found.id,
        collection_id=found.collection_id,
        title=found.title,
        kind=found.kind,
        locale=found.locale,
        source_url=found.source_url,
        status=found.status,
        passages=found.passages,
        indexed=found.indexed,
        credits=found.credits,
        error_code=None if found.error is None else found.error.code,
        version=found.version,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


@strawberry.type
class KnowledgeQueries:
    """Fields of the Query type about the knowledge base."""

    collections: CollectionPageType = strawberry.field(
        resolver=_list_collections, description="Collections of documents, newest first.", permission_classes=needs("knowledge:read")
    )
    collection: CollectionType = strawberry.field(
        resolver=_get_collection, description="One collection.", permission_classes=needs("knowledge:read")
    )
    documents: DocumentPageType = strawberry.field(
        resolver=_list_documents, description="Documents of a collection, newest first.", permission_classes=needs("knowledge:read")
    )
    document: DocumentType = strawberry.field(
        resolver=_get_document, description="One document.", permission_classes=needs("knowledge:read")
    )
