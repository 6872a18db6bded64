"""The simulated vendor on a real socket, and models that speak to it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from tests.providers.conformance.media_model import Mishap
from tests.providers.conformance.openapi import Recorder
from tests.providers.openai.serving import served
from tests.providers.replicate.contract import hold_to_contract

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.modules.ai.ports.media import ImageRequest
from nexusone.providers.replicate.client import open_vendor
from nexusone.providers.replicate.images import ReplicateImages
from nexusone.providers.replicate.simulator import build_app

DEADLINE_SECONDS = 2.0
DEFAULT = "black-forest-labs/flux-schnell"


@dataclass(frozen=True, slots=True)
class ReplicateStudio:
    address: str
    model: ReplicateImages
    stranger: ReplicateImages
    unreachable: ReplicateImages
    recorder: Recorder
    http: aiohttp.ClientSession
    can_find: bool = True

    def request(self, words: str = "A solar lamp on a balcony at dusk.") -> ImageRequest:
        return ImageRequest(model=DEFAULT, prompt=words, width=1024, height=1024)

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        await self.spoil_calls(mishap, "/predictions", method="POST", times=times, delay_seconds=delay_seconds)

    async def spoil_calls(self, mishap: Mishap, path: str, *, method: str = "GET", times: int = 1, delay_seconds: float = 1.0) -> None:
        await self.put("/_faults", {"mode": mishap, "times": times, "delay_seconds": delay_seconds, "method": method, "path": path})

    async def works(self) -> int:
        async with self.http.get(f"{self.address}/_requests") as answer:
            return int((await answer.json())["works"])

    async def put(self, path: str, wanted: object) -> None:
        async with self.http.put(f"{self.address}{path}", json=wanted) as answer:
            assert answer.status == 204, await answer.text()

    async def post(self, path: str) -> None:
        async with self.http.post(f"{self.address}{path}") as answer:
            assert answer.status < 300, await answer.text()

    async def called(self, method: str, path: str, body: object = None, *, token: str = "r8_sandbox", **headers: str) -> tuple[int, Any]:  # noqa: S107
        """A call as anybody could make it; an underscore in a header's name is a hyphen."""
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.http.request(method, f"{self.address}/v1{path}", json=body, headers=sent) as answer:
            return answer.status, await answer.json()

    async def until(self, reference: str, status: str) -> None:
        """Returns when a prediction has come to that."""
        async with asyncio.timeout(10):
            while (await self.called("GET", f"/predictions/{reference}"))[1]["status"] != status:
                pass


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def model_at(address: str, *, api_token: str = "r8_sandbox", webhook_secret: str | None = None) -> ReplicateImages:  # noqa: S107
    vendor = open_vendor(address=f"{address}/v1", api_token=api_token, is_sandbox=True, total_seconds=DEADLINE_SECONDS)
    return ReplicateImages(vendor, webhook_secret=webhook_secret)


@asynccontextmanager
async def opened(clock: Clock | None = None) -> AsyncIterator[ReplicateStudio]:
    """A studio; at its end all that crossed the socket is held against the contract."""
    recorder = Recorder(build_app(clock=clock or SystemClock()))
    async with served(recorder) as address, aiohttp.ClientSession() as http:
        models = model_at(address), model_at(address, api_token="nobody"), model_at(f"http://127.0.0.1:{closed_port()}")
        yield ReplicateStudio(address, *models, recorder=recorder, http=http)
        await recorder_settled(http, address)
        for model in models:
            await model.close()
    hold_to_contract(recorder.exchanges)


async def recorder_settled(http: aiohttp.ClientSession, address: str) -> None:
    """Lets the simulator end what it has begun."""
    async with http.put(f"{address}/_pace", json={"milliseconds": 0}) as answer:
        assert answer.status == 204
    async with http.post(f"{address}/_webhooks/settled") as answer:
        assert answer.status == 204
