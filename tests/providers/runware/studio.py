"""The simulator on a real socket, and image models that speak to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from tests.providers.conformance.media_model import Mishap
from tests.providers.conformance.openapi import Recorder
from tests.providers.conformance.payment_desk import Controls, closed_port
from tests.providers.openai.serving import served
from tests.providers.runware.contract import hold_to_contract

from nexusone.modules.ai.ports.media import ImageRequest
from nexusone.platform.addresses import sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.runware.client import RunwareClient
from nexusone.providers.runware.images import RunwareImages
from nexusone.providers.runware.simulator import build_app

DEADLINE_SECONDS = 2.0
WORDS = "A solar lamp on a balcony at dusk."


def images_at(address: str, *, api_key: str = "sandbox") -> RunwareImages:
    http = OutgoingHttp(sandbox_reach(address), total_seconds=DEADLINE_SECONDS)
    return RunwareImages(RunwareClient(http=http, address=address, api_key=api_key))


def picturing(words: str = WORDS, *, count: int = 1, media_type: str = "image/png") -> ImageRequest:
    return ImageRequest(model="runware:100@1", prompt=words, width=512, height=512, count=count, media_type=media_type)


@dataclass(frozen=True, slots=True)
class RunwareStudio:
    model: RunwareImages
    stranger: RunwareImages
    unreachable: RunwareImages
    controls: Controls
    can_find: bool = True

    def request(self, words: str = WORDS) -> ImageRequest:
        return picturing(words)

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        fault = {"mode": mishap, "times": times, "delay_seconds": delay_seconds, "path": "/v1/imageInference"}
        await self.controls.put("/_faults", fault)

    async def works(self) -> int:
        return int((await self.requests())["works"])

    async def requests(self) -> dict[str, int]:
        async with self.controls.http.get(f"{self.controls.address}/_requests") as answer:
            received: dict[str, int] = await answer.json()
        return received


@asynccontextmanager
async def studio_open() -> AsyncIterator[RunwareStudio]:
    """Everything that crosses the socket is held against the contract in the end."""
    recorder = Recorder(build_app())
    async with aiohttp.ClientSession() as http, served(recorder) as address:
        studio = RunwareStudio(
            model=images_at(address),
            stranger=images_at(address, api_key="nobodys-key"),
            unreachable=images_at(f"http://127.0.0.1:{closed_port()}"),
            controls=Controls(address, http),
        )
        yield studio
        for model in (studio.model, studio.stranger, studio.unreachable):
            await model.close()
    hold_to_contract(recorder.exchanges)
