"""SQL of documents and their passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.ai.domain.chunking import Chunk
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

DOCUMENTS = fragment("""
select d.id, d.collection_id, d.title, d.kind, d.locale, d.source_url, d.content_hash, d.revision, d.indexed_revision, d.indexing_id,
    i.status, i.error_code, i.error_detail, d.version, d.created_at, d.updated_at,
    (select count(*) from ai.knowledge_passage as p
     where p.workspace_id = %(workspace_id)s and p.document_id = d.id and p.revision = d.revision) as passages,
    (select count(*) from ai.knowledge_passage as p
     where p.workspace_id = %(workspace_id)s and p.document_id = d.id and p.revision = d.revision and p.embedding is not null) as indexed,
    (select coalesce(sum(o.charged_micros), 0)::bigint from ai.knowledge_indexing as o
     where o.workspace_id = %(workspace_id)s and o.document_id = d.id) as charged_micros
from ai.knowledge_document as d
join ai.knowledge_indexing as i on i.workspace_id = d.workspace_id and i.id = d.indexing_id
where d.workspace_id = %(workspace_id)s
""")

FIND = fragment("{documents} and d.id = %(id)s").fill(documents=DOCUMENTS)

LIST = fragment("""
{documents} and d.collection_id = %(collection_id)s and (%(after)s::uuid is null or d.id < %(after)s)
order by d.id desc
limit %(limit)s
""").fill(documents=DOCUMENTS)

LOCK = sql("""
select version from ai.knowledge_document where workspace_id = %(workspace_id)s and id = %(id)s for update
""")

INSERT = sql("""
insert into ai.knowledge_document (
    workspace_id, id, collection_id, title, kind, locale, source_url, content_hash, revision, indexing_id, version, created_at, updated_at
)
values (
    %(workspace_id)s, %(id)s, %(collection_id)s, %(title)s, %(kind)s, %(locale)s, %(source_url)s, %(content_hash)s, %(revision)s,
    %(indexing_id)s, %(version)s, %(now)s, %(now)s
)
""")

UPDATE = sql("""
update ai.knowledge_document
set title = %(title)s, kind = %(kind)s, locale = %(locale)s, source_url = %(source_url)s, content_hash = %(content_hash)s,
    revision = %(revision)s, indexing_id = %(indexing_id)s, version = %(version)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

COUNT_PASSAGES = sql("""
select count(*) from ai.knowledge_passage where workspace_id = %(workspace_id)s
""")

INSERT_PASSAGES = sql("""
insert into ai.knowledge_passage (workspace_id, document_id, revision, position, collection_id, heading, text)
select %(workspace_id)s, %(id)s, %(revision)s, made.position, %(collection_id)s, made.heading, made.text
from unnest(%(positions)s::integer[], %(headings)s::text[], %(texts)s::text[]) as made (position, heading, text)
""")

LIST_PASSAGES = sql("""
select p.position, p.heading, p.text
from ai.knowledge_passage as p
where p.workspace_id = %(workspace_id)s and p.document_id = %(id)s and p.revision = %(revision)s
    and (%(after)s::integer is null or p.position > %(after)s)
order by p.position
limit %(limit)s
""")

LIST_UNEMBEDDED = sql("""
select p.position, p.heading, p.text
from ai.knowledge_passage as p
where p.workspace_id = %(workspace_id)s and p.document_id = %(id)s and p.revision = %(revision)s and p.embedding is null
order by p.position
limit %(limit)s
""")

EMBED = sql("""
update ai.knowledge_passage as p
set embedding = made.embedding::extensions.halfvec
from unnest(%(positions)s::integer[], %(vectors)s::text[]) as made (position, embedding)
where p.workspace_id = %(workspace_id)s and p.document_id = %(id)s and p.revision = %(revision)s and p.position = made.position
""")

MAKE_SEARCHABLE = sql("""
update ai.knowledge_document set indexed_revision = %(revision)s
where workspace_id = %(workspace_id)s and id = %(id)s and coalesce(indexed_revision, 0) < %(revision)s and revision >= %(revision)s
""")

DELETE_FORMER_PASSAGES = sql("""
delete from ai.knowledge_passage
where workspace_id = %(workspace_id)s and document_id = %(id)s and revision < %(revision)s
""")

DELETE_PASSAGES = sql("""
delete from ai.knowledge_passage where workspace_id = %(workspace_id)s and document_id = %(id)s
""")

DELETE = sql("""
delete from ai.knowledge_document where workspace_id = %(workspace_id)s and id = %(id)s
""")

# The distance is taken of every passage of the workspace that is asked for: exact, and by the primary key's rows alone.
SEARCH = sql("""
select near.document_id, near.collection_id, near.position, near.heading, near.text, near.distance, d.title, d.source_url
from (
    select p.document_id, p.revision, p.collection_id, p.position, p.heading, p.text,
        p.embedding operator(extensions.<=>) %(vector)s::extensions.halfvec as distance
    from ai.knowledge_passage as p
    join ai.knowledge_document as c
        on c.workspace_id = p.workspace_id and c.id = p.document_id and c.indexed_revision = p.revision
    where p.workspace_id = %(workspace_id)s and p.collection_id = any(%(collections)s::uuid[]) and p.embedding is not null
    order by distance, p.document_id, p.position
    limit %(limit)s
) as near
join ai.knowledge_document as d on d.workspace_id = %(workspace_id)s and d.id = near.document_id
order by near.distance, near.document_id, near.position
""")


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document with how the indexing of its newest content stands."""

    id: UUID
    collection_id: UUID
    title: str
    kind: str
    locale: str | None
    source_url: str | None
    content_hash: bytes
    revision: int
    indexed_revision: int | None
    indexing_id: UUID
    status: str
    error_code: str | None
    error_detail: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    passages: int
    indexed: int
    charged_micros: int


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A passage near to what was looked for; `distance` is 0 for the same meaning."""

    document_id: UUID
    collection_id: UUID
    position: int
    heading: str
    text: str
    distance: float
    title: str
    source_url: str | None


async def insert(tx: Transaction, row: DocumentRow, *, workspace_id: UUID) -> None:
    """A new document, without its passages."""
    await tx.execute(INSERT, _named(row, workspace_id))


async def update(tx: Transaction, row: DocumentRow, *, workspace_id: UUID) -> None:
    """All that can change of a document, as it is in `row`."""
    await tx.execute(UPDATE, _named(row, workspace_id))


async def find(tx: Transaction, *, workspace_id: UUID, document_id: UUID) -> DocumentRow | None:
    """A document, or None."""
    return await tx.find_one(DocumentRow, FIND, {"workspace_id": workspace_id, "id": document_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, document_id: UUID) -> DocumentRow | None:
    """The same, locked until the transaction ends."""
    parameters = {"workspace_id": workspace_id, "id": document_id}
    if await tx.find_value(int, LOCK, parameters) is None:
        return None
    return await tx.find_one(DocumentRow, FIND, parameters)


async def list_page(tx: Transaction, *, workspace_id: UUID, collection_id: UUID, after: UUID | None, limit: int) -> list[DocumentRow]:
    """Documents of a collection, newest first."""
    parameters = {"workspace_id": workspace_id, "collection_id": collection_id, "after": after, "limit": limit}
    return await tx.fetch_all(DocumentRow, LIST, parameters)


async def count_passages(tx: Transaction, *, workspace_id: UUID) -> int:
    """How many passages the workspace has."""
    return await tx.fetch_value(int, COUNT_PASSAGES, {"workspace_id": workspace_id})


async def insert_passages(tx: Transaction, row: DocumentRow, chunks: Sequence[Chunk], *, workspace_id: UUID) -> None:
    """The passages of the document's present revision, not yet compared."""
    await tx.execute(
        INSERT_PASSAGES,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "revision": row.revision,
            "collection_id": row.collection_id,
            "positions": [chunk.position for chunk in chunks],
            "headings": [chunk.heading for chunk in chunks],
            "texts": [chunk.text for chunk in chunks],
        },
    )


async def list_passages(
    tx: Transaction, *, workspace_id: UUID, document_id: UUID, revision: int, after: int | None, limit: int
) -> list[Chunk]:
    """Passages of a revision, in their order."""
    parameters = {"workspace_id": workspace_id, "id": document_id, "revision": revision, "after": after, "limit": limit}
    return await tx.fetch_all(Chunk, LIST_PASSAGES, parameters)


async def list_unembedded(tx: Transaction, *, workspace_id: UUID, document_id: UUID, revision: int, limit: int) -> list[Chunk]:
    """The first passages of a revision that have no vector yet."""
    parameters = {"workspace_id": workspace_id, "id": document_id, "revision": revision, "limit": limit}
    return await tx.fetch_all(Chunk, LIST_UNEMBEDDED, parameters)


async def embed(
    tx: Transaction, *, workspace_id: UUID, document_id: UUID, revision: int, positions: Sequence[int], vectors: Sequence[Sequence[float]]
) -> None:
    """Gives passages their vectors; those of a document that was deleted meanwhile are dropped."""
    parameters = {"workspace_id": workspace_id, "id": document_id, "revision": revision}
    await tx.execute(EMBED, {**parameters, "positions": list(positions), "vectors": [_spelled(vector) for vector in vectors]})


async def make_searchable(tx: Transaction, *, workspace_id: UUID, document_id: UUID, revision: int) -> None:
    """Lets searches find a revision, and forgets those before it; a document that was deleted meanwhile stays away."""
    parameters = {"workspace_id": workspace_id, "id": document_id, "revision": revision}
    if await tx.execute(MAKE_SEARCHABLE, parameters):
        await tx.execute(DELETE_FORMER_PASSAGES, parameters)


async def delete(tx: Transaction, *, workspace_id: UUID, document_id: UUID) -> bool:
    """Deletes a document with its passages; False where there is none."""
    parameters = {"workspace_id": workspace_id, "id": document_id}
    await tx.find_value(int, LOCK, parameters)
    await tx.execute(DELETE_PASSAGES, parameters)
    return await tx.execute(DELETE, parameters) == 1


async def search(
    tx: Transaction, *, workspace_id: UUID, collections: Sequence[UUID], vector: Sequence[float], limit: int
) -> list[FoundRow]:
    """The passages nearest to a vector, by the cosine of the angle between them."""
    parameters = {"workspace_id": workspace_id, "collections": list(collections), "vector": _spelled(vector), "limit": limit}
    return await tx.fetch_all(FoundRow, SEARCH, parameters)


def _spelled(vector: Sequence[float]) -> str:
    return f"[{','.join(format(number, '.6g') for number in vector)}]"


def _named(row: DocumentRow, workspace_id: UUID) -> dict[str, object]:
    return {
        "workspace_id": workspace_id,
        "id": row.id,
        "collection_id": row.collection_id,
        "title": row.title,
        "kind": row.kind,
        "locale": row.locale,
        "source_url": row.source_url,
        "content_hash": row.content_hash,
        "revision": row.revision,
        "indexing_id": row.indexing_id,
        "version": row.version,
        "now": row.updated_at,
    }
