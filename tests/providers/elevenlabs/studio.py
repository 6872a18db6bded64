"""The vendor's simulator on a real socket, and models that speak with it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from tests.providers.conformance.media_model import Mishap
from tests.providers.conformance.openapi import Recorder
from tests.providers.elevenlabs.contract import Addresses, hold_to_contract
from tests.providers.openai.serving import served

from nexusone.kernel.clock import SystemClock
from nexusone.modules.ai.ports.media import VoiceRequest
from nexusone.platform.addresses import sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.elevenlabs.catalog import listed
from nexusone.providers.elevenlabs.client import open_client
from nexusone.providers.elevenlabs.simulator import build_app
from nexusone.providers.elevenlabs.voice import ElevenLabsVoices

DEADLINE_SECONDS = 2.0
API_KEY = "sk_sandbox"


@dataclass(frozen=True, slots=True)
class ElevenLabsStudio:
    address: str
    model: ElevenLabsVoices
    stranger: ElevenLabsVoices
    unreachable: ElevenLabsVoices
    can_find: bool = False

    def request(self, words: str = "A solar lamp on a balcony at dusk.") -> VoiceRequest:
        return VoiceRequest(model="eleven_multilingual_v2", text=words, voice=listed().voices[0])

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        fault = {"mode": mishap, "times": times, "path": "/v1/text-to-speech", "method": "POST", "delay_seconds": delay_seconds}
        await self.put("/_faults", fault)

    async def put(self, path: str, body: object = None) -> None:
        async with aiohttp.ClientSession() as session, session.put(f"{self.address}{path}", json=body) as answer:
            assert answer.status == 204

    async def received(self) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self.address}/_requests") as answer:
            return await answer.json()

    async def works(self) -> int:
        return int((await self.received())["works"])


def voices_at(address: str, *, api_key: str = API_KEY, page: int = 100) -> ElevenLabsVoices:
    http = OutgoingHttp(sandbox_reach(address), total_seconds=DEADLINE_SECONDS)
    return ElevenLabsVoices(open_client(http=http, address=address, api_key=api_key), page=page)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def opened_studio() -> AsyncIterator[ElevenLabsStudio]:
    """Everything that crossed the socket is held against the contract at the end."""
    recorder = Recorder(build_app(clock=SystemClock()))
    addresses = Addresses(recorder)
    async with served(addresses) as address:
        studio = ElevenLabsStudio(
            address=address,
            model=voices_at(address),
            stranger=voices_at(address, api_key="nobody"),
            unreachable=voices_at(f"http://127.0.0.1:{closed_port()}"),
        )
        yield studio
        for model in (studio.model, studio.stranger, studio.unreachable):
            await model.close()
    hold_to_contract(recorder.exchanges, addresses)
