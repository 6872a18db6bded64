"""An embedder that says what a test tells it to, and a library to index documents in."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.knowledge import Collection, Document, NewCollection, NewDocument, Passage
from nexusone.modules.ai.ports.judging import Embedder, Embeddings
from nexusone.modules.ai.ports.models import ModelCard, Price
from nexusone.modules.ai.service import collections, documents, indexing, indexing_endings, knowledge_search
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import documents as document_rows
from nexusone.modules.ai.store import indexings
from nexusone.modules.ai.store.indexings import IndexingRow
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.service import verification
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.platform.events import list_events_after
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context, Runtime

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = AiSettings(retry_wait_seconds=0.0)
GRANTED_MICROS = 1_000_000_000
DIMENSIONS = 256
CARD = ModelCard(
    name="compare-1",
    vendor="scripted",
    kind="embedding",
    context_tokens=8_000,
    prices=(Price("input_token", 20_000, 1_000_000),),
    dimensions=DIMENSIONS,
    is_default=True,
)

ENGINE = "# Engine 2\n\nIt computes tables of logarithms.\n\n## Price\n\nIt costs a thousand pounds.\n"


def words_vector(text: str, *, dimensions: int = DIMENSIONS) -> tuple[float, ...]:
    """Texts that share words point into like directions."""
    vector = [0.0] * dimensions
    for word in text.lower().replace(".", " ").replace("?", " ").split():
        vector[int.from_bytes(sha256(word.encode()).digest()[:4], "big") % dimensions] += 1.0
    return tuple(vector) if any(vector) else (1.0, *vector[1:])


@dataclass
class ScriptedEmbedder:
    """Takes a step of its script a call, None and the end of it meaning success; every text counts the same."""

    script: list[Exception | None] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    cards: tuple[ModelCard, ...] = (CARD,)
    tokens: int = 20
    vector: Callable[[str], tuple[float, ...]] = words_vector
    gate: asyncio.Event | None = None

    def catalog(self) -> tuple[ModelCard, ...]:
        return self.cards

    async def embed(self, texts: Sequence[str], *, model: str) -> Embeddings:
        self.calls.append(list(texts))
        step = self.script.pop(0) if self.script else None
        if self.gate is not None:
            await self.gate.wait()
        if step is not None:
            raise step
        return Embeddings(tuple(self.vector(text) for text in texts), self.tokens * len(texts), model)

    async def close(self) -> None:
        return


@dataclass
class Library:
    """One workspace with credits, one embedder, one clock."""

    runtime: Runtime
    clock: MovedClock
    workspace_id: UUID
    embedder: ScriptedEmbedder

    @property
    def ctx(self) -> Context:
        principal = Principal(kind="user", id=UUID(int=7), permissions=frozenset({"*"}))
        return Context(runtime=self.runtime, workspace_id=self.workspace_id, principal=principal, request_id="test")

    async def collection(self, name: str = "Sheets") -> Collection:
        return await collections.create_collection(self.ctx, wanted=NewCollection(name=name))

    async def add(self, collection: Collection, content: str = ENGINE, *, title: str = "Engine 2") -> Document:
        wanted = NewDocument(title=title, kind="markdown", content=content)
        return await documents.add_document(self.ctx, collection_id=collection.id, wanted=wanted)

    async def get(self, document: Document) -> Document:
        return await documents.get_document(self.ctx, document_id=document.id)

    async def row(self, document: Document) -> IndexingRow:
        """The present indexing of a document."""
        async with self.ctx.transaction("ai") as tx:
            found = await document_rows.find(tx, workspace_id=self.workspace_id, document_id=document.id)
            assert found is not None
            row = await indexings.find(tx, workspace_id=self.workspace_id, indexing_id=found.indexing_id)
        assert row is not None
        return row

    async def index(self, document: Document) -> Document:
        """Runs the document's job."""
        await indexing.index_document(self.ctx, indexing_id=(await self.row(document)).id)
        return await self.get(document)

    async def attend(self, document: Document) -> None:
        """Lets the clock look after a document's indexing."""
        await indexing_endings.attend_indexing(self.runtime.system(self.workspace_id), indexing_id=(await self.row(document)).id)

    async def find(self, text: str, *collection_ids: UUID, limit: int = 5) -> tuple[Passage, ...]:
        return await knowledge_search.find_passages(self.ctx, text=text, collections=collection_ids or None, limit=limit)

    async def assert_books(self, *, spent_micros: int, held_micros: int = 0) -> None:
        """The ledger is sound and says exactly this."""
        balance = await billing.get_balance(self.ctx)
        assert (balance.spent_micros, balance.held_micros) == (spent_micros, held_micros)
        assert await verification.verify(self.ctx) == []

    async def events(self) -> list[str]:
        """The names of ai's events so far."""
        found = await list_events_after(self.ctx, after=UUID(int=0), limit=1000)
        return [event.name for event in found if event.name.startswith("ai.")]


async def open_library(
    runtime: Runtime, embedder: ScriptedEmbedder | None = None, *, granted_micros: int = GRANTED_MICROS, settings: AiSettings = SETTINGS
) -> Library:
    """A library in a fresh workspace."""
    clock, used = MovedClock(NOW), embedder or ScriptedEmbedder()
    ports: dict[type[object], object] = {**runtime.ports, Embedder: used}
    runtime = replace(runtime, clock=clock, ports=ports, settings={**runtime.settings, AiSettings: settings})
    library = Library(runtime=runtime, clock=clock, workspace_id=new_id(), embedder=used)
    if granted_micros:
        await grant_alone(library.ctx, key="test", amount_micros=granted_micros, source="sign_up")
    return library
