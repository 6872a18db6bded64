"""Samples of workspaces' own accounts at AI vendors."""

import httpx2
from tests.modules.compliance.samples import Stage, sample

PATH = "/v1/ai-connections/scripted"


async def connected(stage: Stage) -> httpx2.Response:
    """An account that was just put."""
    return await stage.client.put(PATH, json={"credentials": {"api_key": "sk-own"}})


@sample("ai_connections.put_connection")
async def _(stage: Stage) -> httpx2.Response:
    return await connected(stage)


@sample("ai_connections.test_connection")
async def _(stage: Stage) -> httpx2.Response:
    await connected(stage)
    return await stage.client.post(f"{PATH}/test")


@sample("ai_connections.delete_connection")
async def _(stage: Stage) -> httpx2.Response:
    await connected(stage)
    return await stage.client.delete(PATH)
