"""SQL of collections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLLECTIONS = fragment("""
select c.id, c.name, c.description, c.model, c.dimensions, c.version, c.created_at, c.updated_at,
    (select count(*) from ai.knowledge_document as d
     where d.workspace_id = %(workspace_id)s and d.collection_id = c.id) as documents
from ai.knowledge_collection as c
where c.workspace_id = %(workspace_id)s
""")

FIND = fragment("{collections} and c.id = %(id)s").fill(collections=COLLECTIONS)

LIST = fragment("""
{collections} and (%(after)s::uuid is null or c.id < %(after)s)
order by c.id desc
limit %(limit)s
""").fill(collections=COLLECTIONS)

LOCK = sql("""
select version from ai.knowledge_collection where workspace_id = %(workspace_id)s and id = %(id)s for update
""")

INSERT = sql("""
insert into ai.knowledge_collection (workspace_id, id, name, description, model, dimensions, version, created_at, updated_at)
values (%(workspace_id)s, %(id)s, %(name)s, %(description)s, %(model)s, %(dimensions)s, 1, %(now)s, %(now)s)
""")

UPDATE = sql("""
update ai.knowledge_collection
set name = %(name)s, description = %(description)s, version = %(version)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

DELETE_PASSAGES = sql("""
delete from ai.knowledge_passage where workspace_id = %(workspace_id)s and collection_id = %(id)s
""")

DELETE_DOCUMENTS = sql("""
delete from ai.knowledge_document where workspace_id = %(workspace_id)s and collection_id = %(id)s
""")

DELETE = sql("""
delete from ai.knowledge_collection where workspace_id = %(workspace_id)s and id = %(id)s
""")

LIST_MODELS = sql("""
select c.id, c.model, exists (
    select 1 from ai.knowledge_document as d
    where d.workspace_id = %(workspace_id)s and d.collection_id = c.id and d.indexed_revision is not null
) as has_passages
from ai.knowledge_collection as c
where c.workspace_id = %(workspace_id)s and (%(ids)s::uuid[] is null or c.id = any(%(ids)s::uuid[]))
order by c.id
""")


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection with how many documents it has."""

    id: UUID
    name: str
    description: str
    model: str
    dimensions: int
    documents: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CollectionModelRow:
    """What a collection is compared by, and whether anything can be found in it."""

    id: UUID
    model: str
    has_passages: bool


async def insert(tx: Transaction, row: CollectionRow, *, workspace_id: UUID) -> None:
    """A new collection."""
    await tx.execute(
        INSERT,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "name": row.name,
            "description": row.description,
            "model": row.model,
            "dimensions": row.dimensions,
            "now": row.created_at,
        },
    )


async def find(tx: Transaction, *, workspace_id: UUID, collection_id: UUID) -> CollectionRow | None:
    """A collection, or None."""
    return await tx.find_one(CollectionRow, FIND, {"workspace_id": workspace_id, "id": collection_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, collection_id: UUID) -> CollectionRow | None:
    """The same, locked until the transaction ends."""
    parameters = {"workspace_id": workspace_id, "id": collection_id}
    if await tx.find_value(int, LOCK, parameters) is None:
        return None
    return await tx.find_one(CollectionRow, FIND, parameters)


async def list_page(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[CollectionRow]:
    """Collections, newest first."""
    return await tx.fetch_all(CollectionRow, LIST, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def list_models(tx: Transaction, *, workspace_id: UUID, ids: Sequence[UUID] | None) -> list[CollectionModelRow]:
    """What the collections of these ids are compared by; all collections where no ids are given."""
    return await tx.fetch_all(CollectionModelRow, LIST_MODELS, {"workspace_id": workspace_id, "ids": None if ids is None else list(ids)})


async def update(tx: Transaction, row: CollectionRow, *, workspace_id: UUID) -> None:
    """Name, description and version as they are in `row`."""
    await tx.execute(
        UPDATE,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "name": row.name,
            "description": row.description,
            "version": row.version,
            "now": row.updated_at,
        },
    )


async def delete(tx: Transaction, *, workspace_id: UUID, collection_id: UUID) -> None:
    """Deletes a collection with all its documents; it must be locked."""
    parameters = {"workspace_id": workspace_id, "id": collection_id}
    await tx.execute(DELETE_PASSAGES, parameters)
    await tx.execute(DELETE_DOCUMENTS, parameters)
    await tx.execute(DELETE, parameters)
