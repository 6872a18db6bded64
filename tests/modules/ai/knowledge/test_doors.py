"""The doors of the knowledge base: files, versions, repeated requests, jobs, search, the graph."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.customers import Customer, customer_at, no_lifespan
from tests.modules.ai.knowledge.library import ENGINE, GRANTED_MICROS, ScriptedEmbedder

from nexusone.apps.compose import Composition
from nexusone.modules.ai.ports.judging import Embedder
from nexusone.modules.billing.service.grants import grant_alone

DOCUMENT = {"title": "Engine 2", "kind": "markdown", "content": ENGINE, "locale": "en"}


@dataclass(frozen=True, slots=True)
class Reader:
    """A company with credits in a process with an embedder."""

    customer: Customer
    composition: Composition
    embedder: ScriptedEmbedder

    @property
    def client(self) -> httpx2.AsyncClient:
        return self.customer.client

    async def collection(self) -> str:
        """The path of a new collection."""
        answer = await self.client.post("/v1/knowledge/collections", json={"name": "Sheets"})
        assert answer.status_code == 201, answer.text
        return f"/v1/knowledge/collections/{answer.json()['id']}"

    async def document(self) -> dict[str, Any]:
        """A new document that can be found."""
        answer = await self.client.post(f"{await self.collection()}/documents", json=DOCUMENT)
        assert answer.status_code == 202, answer.text
        await self.work()
        found = (await self.client.get(answer.headers["Location"])).json()
        assert found["status"] == "ready", found
        made: dict[str, Any] = found
        return made

    async def work(self) -> None:
        await self.composition.worker(only=["ai"]).drain()

    async def search(self, text: str, **where: Any) -> httpx2.Response:
        return await self.client.post("/v1/knowledge/search", json={"text": text, **where})


@pytest.fixture
async def reader(composition: Composition) -> AsyncIterator[Reader]:
    embedder = ScriptedEmbedder()
    ports: dict[type[object], object] = {**composition.runtime.ports, Embedder: embedder}
    used = replace(composition, runtime=replace(composition.runtime, ports=ports))
    async with customer_at(used.application(lifespan=no_lifespan)) as customer:
        ctx = used.runtime.system(customer.workspace_id)
        await grant_alone(ctx, key="test", amount_micros=GRANTED_MICROS, source="sign_up")
        yield Reader(customer, used, embedder)


async def test_a_pasted_document_is_found_with_its_citation(reader: Reader) -> None:
    document = await reader.document()
    assert (document["passages"], document["indexed"], document["credits"]) == (2, 2, "0.000096")
    answer = await reader.search("a thousand pounds", limit=1)
    (item,) = answer.json()["items"]
    assert item["text"] == "It costs a thousand pounds."
    citation = item["citation"]
    assert (citation["document_id"], citation["heading"], citation["position"]) == (document["id"], "Engine 2 > Price", 1)
    elsewhere = await reader.search("a thousand pounds", collection_ids=[str(uuid4())])
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "ai.collection_not_found")


async def test_a_file_is_taken_in_by_its_name_and_bytes(reader: Reader) -> None:
    collection = await reader.collection()

    async def sent(name: str, content: bytes, **form: str) -> httpx2.Response:
        files = {"file": (name, content, "application/octet-stream")}
        return await reader.client.post(f"{collection}/files", files=files, data=form)

    taken = await sent("sheet.HTML", b"<h1>Engine 2</h1><p>It computes.</p>", title="Sheet", locale="en-gb")
    assert taken.status_code == 202, taken.text
    assert {name: taken.json()[name] for name in ("title", "kind", "locale", "passages")} == {
        "title": "Sheet",
        "kind": "html",
        "locale": "en-GB",
        "passages": 1,
    }
    for name, content, status in (
        ("a.pdf", b"text", 415),
        ("a", b"text", 415),
        ("a.txt", b"%PDF-1.7", 415),
        ("a.txt", b"a\x00b", 415),
        ("a.txt", b"\xff\xfe", 415),
        ("a.txt", b"x" * (2 * 2**20 + 1), 413),
        ("a.txt", b"x" * 500_001, 415),
        ("a.txt", b"", 422),
        ("a.md", b"# \n", 422),
    ):
        assert (await sent(name, content)).status_code == status, name


async def test_a_repeated_request_adds_one_document_and_holds_credits_once(reader: Reader) -> None:
    path, headers = f"{await reader.collection()}/documents", {"Idempotency-Key": str(uuid4())}
    wanted = {"title": "Once", "content": "It is asked for twice."}
    first = await reader.client.post(path, json=wanted, headers=headers)
    again = await reader.client.post(path, json=wanted, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert [item["id"] for item in (await reader.client.get(path)).json()["items"]] == [first.json()["id"]]
    await reader.work()
    assert reader.embedder.calls.count(["It is asked for twice."]) == 1


async def test_a_repeated_search_is_paid_once(reader: Reader) -> None:
    await reader.document()
    headers = {"Idempotency-Key": str(uuid4())}
    answers = [await reader.client.post("/v1/knowledge/search", json={"text": "tables"}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert reader.embedder.calls.count(["tables"]) == 1


async def test_edits_are_guarded_by_version(reader: Reader) -> None:
    document = await reader.document()
    path = f"/v1/knowledge/documents/{document['id']}"
    changed = await reader.client.patch(path, json={"title": "Second"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (await reader.client.patch(path, json={"title": "Third"}, headers={"If-Match": '"1"'})).status_code == 412
    content = {"kind": "text", "content": "It plays chess."}
    assert (await reader.client.put(f"{path}/content", json=content, headers={"If-Match": '"1"'})).status_code == 412
    replaced = await reader.client.put(f"{path}/content", json=content, headers={"If-Match": '"2"'})
    assert (replaced.status_code, replaced.headers["ETag"]) == (202, '"3"')
    await reader.work()
    assert [item["text"] for item in (await reader.search("chess")).json()["items"]] == ["It plays chess."]
    passages = (await reader.client.get(f"{path}/passages")).json()["items"]
    assert passages == [{"position": 0, "heading": "", "text": "It plays chess."}]
    collection = f"/v1/knowledge/collections/{document['collection_id']}"
    renamed = await reader.client.patch(collection, json={"name": "Data"}, headers={"If-Match": '"1"'})
    assert (renamed.json()["name"], renamed.json()["documents"]) == ("Data", 1)
    assert (await reader.client.patch(collection, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412


async def test_what_is_deleted_is_not_found_any_more(reader: Reader) -> None:
    document = await reader.document()
    collection = f"/v1/knowledge/collections/{document['collection_id']}"
    assert (await reader.client.delete(f"/v1/knowledge/documents/{document['id']}")).status_code == 204
    assert (await reader.search("tables")).json() == {"items": []}
    assert (await reader.client.post(f"{collection}/documents", json=DOCUMENT)).status_code == 202
    assert (await reader.client.delete(collection)).status_code == 204
    await reader.work()
    for path in (collection, f"{collection}/documents", f"/v1/knowledge/documents/{document['id']}"):
        assert (await reader.client.get(path)).status_code == 404


async def test_without_an_embedder_nothing_is_taken_in(customer: Customer) -> None:
    answer = await customer.client.post("/v1/knowledge/collections", json={"name": "Sheets"})
    assert (answer.status_code, answer.json()["code"]) == (503, "ai.no_embedder")


async def test_the_graph_shows_collections_and_documents(reader: Reader) -> None:
    document = await reader.document()
    wanted = document["collection_id"]
    query = (
        f'{{ collections {{ items {{ name documents }} }} collection(id: "{wanted}") {{ model }} '
        f'documents(collection_id: "{wanted}") {{ items {{ title status }} }} document(id: "{document["id"]}") {{ indexed credits }} }}'
    )
    answer = (await reader.client.post("/graphql", json={"query": query})).json()["data"]
    assert answer == {
        "collections": {"items": [{"name": "Sheets", "documents": 1}]},
        "collection": {"model": "compare-1"},
        "documents": {"items": [{"title": "Engine 2", "status": "ready"}]},
        "document": {"indexed": 2, "credits": "0.000096"},
    }
