"""Samples of generations beyond asking for one."""

from collections.abc import Mapping
from typing import Any

import httpx2
from tests.modules.ai.scripted_media import ASKED, REFUSED, ScriptedPainter
from tests.modules.compliance.samples import Stage, sample

from nexusone.modules.ai.ports.media import ImageModels

TEXT: Mapping[str, Any] = {"kind": "text", "prompt": "Announce the lamp.", "locale": "de"}


def painted(stage: Stage) -> ScriptedPainter:
    """The painter of the stage."""
    painter = stage.composition.runtime.ports[ImageModels].by_name["scripted"]  # type: ignore[attr-defined]
    assert isinstance(painter, ScriptedPainter)
    return painter


async def queued(stage: Stage) -> str:
    """The address of a picture that was just asked for."""
    await stage.credits()
    answer = await stage.client.post("/v1/generations", json=ASKED.model_dump(mode="json"))
    return f"/v1/generations/{answer.json()['id']}"


@sample("ai.generate_batch")
async def _(stage: Stage) -> httpx2.Response:
    await stage.credits()
    return await stage.client.post("/v1/generations/batch", json={"items": [TEXT]})


@sample("ai.cancel")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"{await queued(stage)}/cancel")


@sample("ai.retry")
async def _(stage: Stage) -> httpx2.Response:
    painted(stage).begins = [REFUSED]
    path = await queued(stage)
    await stage.composition.worker().drain()
    return await stage.client.post(f"{path}/retry")


@sample("ai.hear")
async def _(stage: Stage) -> httpx2.Response:
    await queued(stage)
    await stage.composition.worker().drain()
    address = painted(stage).webhooks[0] or ""
    return await stage.client.post(f"/v1/webhooks/generations/{address.rsplit('/', 1)[-1]}", json={"status": "succeeded"})
