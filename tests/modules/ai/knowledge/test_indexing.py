"""Documents are indexed once, paid for exactly, and found by meaning; whatever happens on the way, the books are right."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.modules.ai.knowledge.library import (
    CARD,
    DIMENSIONS,
    ENGINE,
    SETTINGS,
    Library,
    ScriptedEmbedder,
    open_library,
)

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.kernel.page import PageRequest
from nexusone.modules.ai.contracts.knowledge import DocumentChange, NewContent
from nexusone.modules.ai.service import documents
from nexusone.modules.ai.service.refusals_knowledge import (
    CollectionNotFound,
    DocumentEmpty,
    DocumentNotFailed,
    DocumentNotFound,
    EmbedderFailed,
    KnowledgeFull,
    NoEmbedder,
)
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Runtime

LOST = UnknownOutcome(detail="the line went dead")
REFUSED = DefiniteFailure(code="vendor.refused", detail="not that", is_retryable=False)
BUSY = DefiniteFailure(code="vendor.rate_limited", detail="slow down", is_retryable=True, retry_after_seconds=0.0)
LONG = "\n\n".join(f"Engine number {number} has {number} wheels. " + "It computes. " * 80 for number in range(300))


@pytest.fixture
async def library(runtime: Runtime) -> Library:
    return await open_library(runtime, ScriptedEmbedder())


def micros(texts: int, tokens: int = 20) -> int:
    """What that many texts cost together: 2.4 micro-credits a token."""
    return -(-texts * tokens * 24 // 10)


async def test_a_document_is_indexed_paid_for_and_found(library: Library) -> None:
    collection = await library.collection()
    added = await library.add(collection)
    assert (added.status, added.passages, added.indexed, added.credits) == ("queued", 2, 0, "0")
    assert await library.find("logarithms") == ()
    ready = await library.index(added)
    assert (ready.status, ready.indexed, ready.error) == ("ready", 2, None)
    assert library.embedder.calls == [["Engine 2\nIt computes tables of logarithms.", "Engine 2 > Price\nIt costs a thousand pounds."]]
    await library.assert_books(spent_micros=micros(2))
    first, second = await library.find("tables of logarithms")
    assert first.text == "It computes tables of logarithms."
    cited = first.citation
    assert (cited.document_id, cited.title, cited.heading, cited.position) == (added.id, "Engine 2", "Engine 2", 0)
    assert 1 >= first.similarity > second.similarity >= 0
    await library.assert_books(spent_micros=micros(2) + micros(1))
    assert await library.events() == ["ai.document.indexed.v1"]


async def test_a_long_document_goes_in_batches_and_is_paid_once(library: Library) -> None:
    added = await library.add(await library.collection(), LONG)
    ready = await library.index(added)
    sizes = [len(call) for call in library.embedder.calls]
    assert sizes[0] == 256 and sum(sizes) == ready.passages == ready.indexed > 256
    await library.index(added)
    assert len(library.embedder.calls) == len(sizes)
    await library.assert_books(spent_micros=micros(ready.passages))


async def test_a_failure_keeps_what_was_done_and_goes_on_from_there(library: Library) -> None:
    library.embedder.script = [None, REFUSED]
    added = await library.add(await library.collection(), LONG)
    failed = await library.index(added)
    assert failed.error is not None
    assert (failed.status, failed.indexed, failed.error.code) == ("failed", 256, "vendor.refused")
    await library.assert_books(spent_micros=micros(256))
    assert await library.find("wheels") == ()
    again = await documents.index_again(library.ctx, document_id=added.id)
    assert again.status == "queued"
    ready = await library.index(added)
    assert (ready.status, ready.indexed) == ("ready", ready.passages)
    assert sum(len(call) for call in library.embedder.calls) == ready.passages + (ready.passages - 256)
    await library.assert_books(spent_micros=micros(256) + micros(ready.passages - 256))
    assert await library.events() == ["ai.document.indexing_failed.v1", "ai.document.indexed.v1"]
    with pytest.raises(DocumentNotFailed):
        await documents.index_again(library.ctx, document_id=added.id)


async def test_busy_vendors_and_lost_answers_are_asked_again_and_paid_once(library: Library) -> None:
    library.embedder.script = [BUSY, LOST, None]
    ready = await library.index(await library.add(await library.collection()))
    assert (ready.status, len(library.embedder.calls)) == ("ready", 3)
    await library.assert_books(spent_micros=micros(2))


async def test_an_answer_that_never_comes_fails_and_costs_nothing(library: Library) -> None:
    library.embedder.script = [LOST] * 3
    failed = await library.index(await library.add(await library.collection()))
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.credits) == ("failed", "ai.no_answer", "0")
    await library.assert_books(spent_micros=0)


@pytest.mark.parametrize(
    "vector",
    [(1.0,) * (DIMENSIONS - 1), (0.0,) * DIMENSIONS, (float("nan"),) * DIMENSIONS, (1e30,) * DIMENSIONS],
    ids=["too short", "nothing", "no number", "too large"],
)
async def test_vectors_that_are_none_are_never_stored(library: Library, vector: tuple[float, ...]) -> None:
    library.embedder.vector = lambda _: vector
    failed = await library.index(await library.add(await library.collection()))
    assert failed.error is not None
    assert (failed.status, failed.indexed, failed.error.code) == ("failed", 0, "ai.embedding_invalid")
    await library.assert_books(spent_micros=0)


async def test_two_workers_do_the_work_once(library: Library) -> None:
    added = await library.add(await library.collection(), LONG)
    row = await library.row(added)
    library.embedder.gate = asyncio.Event()
    working = [asyncio.create_task(library.index(added)) for _ in range(3)]
    await asyncio.sleep(0.05)
    library.embedder.gate.set()
    await asyncio.gather(*working)
    ready = await library.get(added)
    assert sum(len(call) for call in library.embedder.calls) == ready.indexed == ready.passages
    assert (await library.row(added)).id == row.id
    await library.assert_books(spent_micros=micros(ready.passages))


async def test_abandoned_work_is_taken_over_and_the_former_worker_writes_no_more(library: Library) -> None:
    added = await library.add(await library.collection())
    library.embedder.gate = asyncio.Event()
    slow = library.embedder.gate
    lost = asyncio.create_task(library.index(added))
    await asyncio.sleep(0.05)
    assert (await library.index(added)).status == "indexing"
    library.clock.move(timedelta(hours=2))
    library.embedder.gate = None
    ready = await library.index(added)
    assert ready.status == "ready"
    slow.set()
    await lost
    assert (await library.row(added)).attempts == 2
    await library.assert_books(spent_micros=micros(2))


async def test_what_is_never_begun_is_given_up_and_costs_nothing(library: Library) -> None:
    added = await library.add(await library.collection())
    await library.attend(added)
    assert (await library.get(added)).status == "queued"
    library.clock.move(timedelta(seconds=SETTINGS.queue_seconds_max + 1))
    await library.attend(added)
    given_up = await library.get(added)
    assert given_up.error is not None
    assert (given_up.status, given_up.error.code) == ("failed", "ai.never_indexed")
    await library.assert_books(spent_micros=0)


async def test_new_content_replaces_the_former_once_it_is_indexed(library: Library) -> None:
    collection = await library.collection()
    document = await library.index(await library.add(collection))
    wanted = NewContent(kind="text", content="It plays chess.")
    replaced = await documents.replace_content(library.ctx, document_id=document.id, wanted=wanted, expected_version=1)
    assert (replaced.status, replaced.version, replaced.passages) == ("queued", 2, 1)
    assert [passage.text for passage in await library.find("chess", limit=1)] != ["It plays chess."]
    await library.index(replaced)
    assert [passage.text for passage in await library.find("chess")] == ["It plays chess."]
    with pytest.raises(PreconditionFailed):
        await documents.replace_content(library.ctx, document_id=document.id, wanted=wanted, expected_version=1)
    calls = len(library.embedder.calls)
    same = await documents.replace_content(library.ctx, document_id=document.id, wanted=wanted, expected_version=2)
    assert (same.version, same.status, len(library.embedder.calls)) == (2, "ready", calls)


async def test_a_document_that_is_deleted_while_it_is_indexed_is_paid_as_far_as_it_came(library: Library) -> None:
    added = await library.add(await library.collection())
    row = await library.row(added)
    library.embedder.gate = asyncio.Event()
    working = asyncio.create_task(library.index(added))
    await asyncio.sleep(0.05)
    await documents.delete_document(library.ctx, document_id=added.id)
    library.embedder.gate.set()
    with pytest.raises(DocumentNotFound):
        await working
    await library.assert_books(spent_micros=micros(2))
    assert await library.find("logarithms") == ()
    assert row.held_micros >= micros(2)


async def test_who_cannot_pay_adds_nothing(runtime: Runtime) -> None:
    library = await open_library(runtime, granted_micros=1)
    collection = await library.collection()
    with pytest.raises(billing.InsufficientCredits):
        await library.add(collection)
    assert (await documents.list_documents(library.ctx, collection_id=collection.id, request=PageRequest())).items == ()
    await library.assert_books(spent_micros=0)


async def test_a_full_knowledge_base_and_lost_collections_give_the_credits_back(runtime: Runtime) -> None:
    library = await open_library(runtime, settings=SETTINGS.model_copy(update={"knowledge_passages_max": 2}))
    collection = await library.collection()
    await library.add(collection)
    before = (await billing.get_balance(library.ctx)).held_micros
    with pytest.raises(KnowledgeFull):
        await library.add(collection)
    with pytest.raises(CollectionNotFound):
        await library.add(collection.model_copy(update={"id": new_id()}))
    with pytest.raises(DocumentEmpty):
        await library.add(collection, "# Only a heading\n")
    await library.assert_books(spent_micros=0, held_micros=before)


async def test_models_that_cannot_be_used_are_never_asked(runtime: Runtime) -> None:
    for card in (
        replace(CARD, prices=()),
        replace(CARD, retires_on="2026-02-28"),
        replace(CARD, context_tokens=500),
        replace(CARD, dimensions=100_000),
        replace(CARD, is_default=False),
    ):
        library = await open_library(runtime, ScriptedEmbedder(cards=(card,)))
        with pytest.raises(NoEmbedder):
            await library.collection()


async def test_collections_stay_with_their_model_and_are_searched_together(library: Library) -> None:
    first = await library.collection()
    await library.index(await library.add(first))
    other = replace(CARD, name="compare-2", dimensions=DIMENSIONS)
    library.embedder.cards = (replace(CARD, is_default=False), other)
    second = await library.collection("More")
    assert (first.model, second.model) == ("compare-1", "compare-2")
    await library.index(await library.add(second, "# Engine 3\n\nIt computes tables of sines.", title="Engine 3"))
    found = await library.find("It computes tables of sines.")
    assert [passage.citation.title for passage in found][:2] == ["Engine 3", "Engine 2"]
    assert [passage.citation.title for passage in await library.find("sines", first.id)] == ["Engine 2", "Engine 2"]
    with pytest.raises(CollectionNotFound):
        await library.find("sines", first.id, new_id())


async def test_a_search_that_fails_costs_nothing(library: Library) -> None:
    await library.index(await library.add(await library.collection()))
    library.embedder.script = [REFUSED, LOST, LOST, LOST]
    for _ in range(2):
        with pytest.raises(EmbedderFailed):
            await library.find("sines")
    await library.assert_books(spent_micros=micros(2))


async def test_what_is_said_about_a_document_changes_without_indexing(library: Library) -> None:
    added = await library.index(await library.add(await library.collection()))
    change = DocumentChange(title="Second edition", source_url="https://engines.example/2")
    changed = await documents.change_document(library.ctx, document_id=added.id, change=change, expected_version=1)
    assert (changed.version, changed.status) == (2, "ready")
    (passage, *_) = await library.find("logarithms")
    assert (passage.citation.title, passage.citation.source_url) == ("Second edition", "https://engines.example/2")
    read = await documents.list_passages(library.ctx, document_id=added.id, request=PageRequest(limit=1))
    assert [item.heading for item in read.items] == ["Engine 2"] and read.next_after == ("0",)


async def test_another_workspace_finds_nothing_of_it(library: Library, runtime: Runtime) -> None:
    collection = await library.collection()
    await library.index(await library.add(collection, ENGINE))
    other = await open_library(runtime, ScriptedEmbedder())
    assert await other.find("logarithms") == ()
    with pytest.raises(CollectionNotFound):
        await other.find("logarithms", collection.id)
