"""Samples of the knowledge base."""

import httpx2
from tests.modules.compliance.samples import Stage, sample

DOCUMENT = {"title": "Engine 2", "content": "It computes."}


async def collection(stage: Stage) -> str:
    """The path of a new collection."""
    return f"/v1/knowledge/collections/{await stage.made('/v1/knowledge/collections', {'name': 'Sheets'})}"


async def document(stage: Stage, *, is_indexed: bool = False) -> str:
    """The path of a new document."""
    await stage.credits()
    answer = await stage.client.post(f"{await collection(stage)}/documents", json=DOCUMENT)
    assert answer.status_code == 202, answer.text
    if is_indexed:
        await stage.composition.worker(only=["ai"]).drain()
    return str(answer.headers["Location"])


@sample("knowledge.create_collection")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/knowledge/collections", json={"name": "Sheets"})


@sample("knowledge.change_collection")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(await collection(stage), json={"name": "Data"})


@sample("knowledge.delete_collection")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(await collection(stage))


@sample("knowledge.add_document")
async def _(stage: Stage) -> httpx2.Response:
    await stage.credits()
    return await stage.client.post(f"{await collection(stage)}/documents", json=DOCUMENT)


@sample("knowledge.add_file")
async def _(stage: Stage) -> httpx2.Response:
    await stage.credits()
    return await stage.client.post(f"{await collection(stage)}/files", files={"file": ("a.txt", b"It computes.", "text/plain")})


@sample("knowledge.change_document")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(await document(stage), json={"title": "Second edition"})


@sample("knowledge.replace_content")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.put(f"{await document(stage)}/content", json={"content": "It plays chess."})


@sample("knowledge.index_again")
async def _(stage: Stage) -> httpx2.Response:
    path = await document(stage)
    stage.admin("update ai.knowledge_indexing set status = 'failed' where document_id = %s", path.rsplit("/", 1)[-1])
    return await stage.client.post(f"{path}/index")


@sample("knowledge.delete_document")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(await document(stage))


@sample("knowledge.search")
async def _(stage: Stage) -> httpx2.Response:
    await document(stage, is_indexed=True)
    return await stage.client.post("/v1/knowledge/search", json={"text": "computes"})
