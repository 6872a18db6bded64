"""Samples of requests that are passed on in the wire of others."""

import asyncio

import httpx2
from tests.modules.compliance.samples import Stage, sample


async def passed(stage: Stage, path: str, body: dict[str, object]) -> httpx2.Response:
    """The answer, once the request has ended on record, which the answer does not wait for."""
    await stage.credits()
    answer = await stage.client.post(f"/openai/v1{path}", json=body)
    async with asyncio.timeout(10):
        while (await stage.client.get("/v1/generations")).json()["items"][0]["finished_at"] is None:  # noqa: ASYNC110 - it changes in the database
            await asyncio.sleep(0.01)
    return answer


@sample("gateway.chat")
async def _(stage: Stage) -> httpx2.Response:
    return await passed(stage, "/chat/completions", {"model": "writer-1", "messages": [{"role": "user", "content": "Announce the lamp."}]})


@sample("gateway.respond")
async def _(stage: Stage) -> httpx2.Response:
    return await passed(stage, "/responses", {"model": "writer-1", "input": "Announce the lamp."})


@sample("gateway.embed")
async def _(stage: Stage) -> httpx2.Response:
    return await passed(stage, "/embeddings", {"model": "placer-1", "input": "a lamp"})


@sample("gateway.draw")
async def _(stage: Stage) -> httpx2.Response:
    return await passed(stage, "/images/generations", {"model": "painter-1", "prompt": "a lamp"})
