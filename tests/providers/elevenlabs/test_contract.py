"""The simulator against the vendor's contract where the model does not ask, and that holding against it means something."""

import json
from typing import Any

import aiohttp
import pytest
from jsonschema import ValidationError
from tests.providers.conformance.openapi import Exchange, Recorder
from tests.providers.elevenlabs.contract import Addresses, hold_to_contract
from tests.providers.elevenlabs.studio import API_KEY, ElevenLabsStudio
from tests.providers.openai.serving import served

from nexusone.kernel.clock import SystemClock
from nexusone.providers.elevenlabs.simulator import build_app

SPEECH = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb"


async def test_everything_that_is_shown_is_as_the_contract_says() -> None:
    recorder = Recorder(build_app(clock=SystemClock()))
    addresses = Addresses(recorder)
    async with served(addresses) as address, aiohttp.ClientSession(headers={"xi-api-key": API_KEY}) as session:
        async with session.post(f"{address}{SPEECH}", json={"text": "Hello."}) as answer:
            assert answer.headers["character-cost"] == "6"
        for path in ("/v1/models", "/v1/user/subscription", "/v1/history?page_size=5&source=TTS", "/v2/voices?page_size=3"):
            async with session.get(f"{address}{path}") as answer:
                assert answer.status == 200
    assert hold_to_contract(recorder.exchanges, addresses) == 5


@pytest.mark.parametrize("body", ["{}", '{"text": 5}', '{"text": "a", "voice_settings": {"stability": 2}}', "{", "[]"])
async def test_a_body_of_another_shape_is_answered_as_the_contract_says(studio: ElevenLabsStudio, body: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{studio.address}{SPEECH}", data=body) as answer:
        assert answer.status == 422
        assert (await answer.json())["detail"][0]["loc"][0] == "body"


async def test_used_credits_are_told(studio: ElevenLabsStudio) -> None:
    await studio.model.begin(studio.request("Hello."), correlation="c", webhook=None)
    headers = {"xi-api-key": API_KEY}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{studio.address}/v1/user/subscription") as answer:
        told: Any = await answer.json()
    assert told["character_count"] == 6


def test_what_the_contract_does_not_allow_is_noticed() -> None:
    asked = json.dumps({"model_id": "eleven_v3"}).encode()
    with pytest.raises(ValidationError):
        hold_to_contract([Exchange("post", SPEECH, asked=asked, status=200, is_whole=True)], Addresses(build_app(clock=SystemClock())))
    addresses = Addresses(build_app(clock=SystemClock()))
    addresses.asked.append(("post", SPEECH, {"output_format": "mp3_1_1"}))
    with pytest.raises(ValidationError):
        hold_to_contract([], addresses)
