"""The model and the simulated vendor on a real socket."""

import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from PIL import Image
from tests.providers.conformance.media_model import Mishap
from tests.providers.conformance.openapi import Exchange, Recorder
from tests.providers.conformance.payment_desk import Controls, Ear, closed_port, listening
from tests.providers.openai.serving import served

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.modules.ai.ports.media import MediaFile, VideoRequest
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.did.client import open_vendor
from nexusone.providers.did.simulator import KEY, build_app
from nexusone.providers.did.talks import DidVideoModel

DEADLINE_SECONDS = 2.0
MODEL = "d-id-talks"


def portrait(*, width: int = 96, height: int = 64, form: str = "JPEG") -> MediaFile:
    kept = io.BytesIO()
    Image.new("RGB", (width, height), (200, 160, 120)).save(kept, format=form)
    return MediaFile(kept.getvalue(), f"image/{form.lower()}")


def asking(words: str = "A solar lamp.") -> VideoRequest:
    return VideoRequest(model=MODEL, portrait=portrait(), text=words)


def model_at(
    address: str,
    *,
    key: str = KEY,
    clock: Clock | None = None,
    settling: timedelta = timedelta(0),
    elevenlabs_api_key: str | None = None,
) -> DidVideoModel:
    return DidVideoModel(
        vendor=open_vendor(ProviderSetup(address, {"api_key": key}, is_sandbox=True), total_seconds=DEADLINE_SECONDS),
        clock=clock or SystemClock(),
        settling=settling,
        look_again_seconds=0.05,
        elevenlabs_api_key=elevenlabs_api_key,
    )


@dataclass(frozen=True, slots=True)
class DidStudio:
    model: DidVideoModel
    stranger: DidVideoModel
    unreachable: DidVideoModel
    controls: Controls
    ear: Ear
    hooks: str
    exchanges: Sequence[Exchange]
    can_find: bool = True

    def request(self, words: str = "A solar lamp on a balcony.") -> VideoRequest:
        return asking(words)

    async def spoil(
        self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0, path: str = "/talks", method: str = "POST"
    ) -> None:
        fault = {"mode": mishap, "times": times, "delay_seconds": delay_seconds, "path": path, "method": method}
        await self.controls.put("/_faults", fault)

    async def works(self) -> int:
        async with self.controls.http.get(f"{self.controls.address}/_requests") as answer:
            return int((await answer.json())["works"])


@asynccontextmanager
async def opened() -> AsyncIterator[DidStudio]:
    async with listening() as (ear, hooks), aiohttp.ClientSession() as http:
        recorder = Recorder(build_app(clock=SystemClock()))
        async with served(recorder) as address:
            studio = DidStudio(
                model=model_at(address),
                stranger=model_at(address, key="nobody@example.com:nobody"),
                unreachable=model_at(f"http://127.0.0.1:{closed_port()}"),
                controls=Controls(address, http),
                ear=ear,
                hooks=hooks,
                exchanges=recorder.exchanges,
            )
            yield studio
            for model in (studio.model, studio.stranger, studio.unreachable):
                await model.close()
