"""The image model against the conformance suite, over real sockets, each call held against the vendor's contract."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest
from tests.providers.conformance.media_model import MediaModelConformance, Mishap, content, judge
from tests.providers.openai.contract import hold_to_contract
from tests.providers.openai.serving import Recorder, Simulated, closed_port, served

from nexusone.kernel.clock import SystemClock
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.media import Finished, ImageRequest
from nexusone.providers.openai.client import open_client
from nexusone.providers.openai.images import OpenAIImageModel
from nexusone.providers.openai.simulator import build_app

DEADLINE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class OpenAIStudio:
    doors: Simulated
    model: OpenAIImageModel
    stranger: OpenAIImageModel
    unreachable: OpenAIImageModel
    can_find: bool = False

    def request(self, words: str = "A solar lamp on a balcony at dusk.") -> ImageRequest:
        model = next(card.name for card in self.model.catalog() if card.is_default)
        return ImageRequest(model=model, prompt=words, width=1024, height=1024, media_type="image/jpeg", end_user="u" * 100)

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        await self.doors.spoil(mishap, times=times, delay_seconds=delay_seconds)

    async def works(self) -> int:
        return int((await self.doors.log())["answered"])

    async def heard(self) -> dict[str, object]:
        body = (await self.doors.log())["requests"][-1]["body"]
        assert isinstance(body, dict)
        return body

    async def made(self, request: ImageRequest) -> Finished:
        state = await self.model.begin(request, correlation=str(uuid4()), webhook=None)
        assert isinstance(state, Finished)
        return state


def model_at(address: str, *, api_key: str = "sk-sandbox") -> OpenAIImageModel:
    client = open_client(address=f"{address}/v1", api_key=api_key, deadline_seconds=DEADLINE_SECONDS, is_sandbox=True)
    return OpenAIImageModel(client=client, deadline_seconds=DEADLINE_SECONDS)


class TestOpenAIImages(MediaModelConformance):
    @pytest.fixture
    async def studio(self) -> AsyncIterator[OpenAIStudio]:
        recorder = Recorder(build_app(clock=SystemClock()))
        async with served(recorder) as address:
            studio = OpenAIStudio(
                doors=Simulated(address),
                model=model_at(address),
                stranger=model_at(address, api_key="nobody"),
                unreachable=model_at(f"http://127.0.0.1:{closed_port()}"),
            )
            yield studio
            for model in (studio.model, studio.stranger, studio.unreachable):
                await model.close()
        hold_to_contract(recorder.exchanges)

    @pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
    @pytest.mark.parametrize(("width", "height"), [(1024, 1024), (1536, 1024), (1024, 1536)])
    async def test_every_size_comes_in_every_format(self, studio: OpenAIStudio, width: int, height: int, media_type: str) -> None:
        request = replace(studio.request(), width=width, height=height, media_type=media_type)
        state = await studio.made(request)
        judge(request, state.files[0], await content(studio.model, state.files[0]))

    async def test_several_pictures_are_different_and_paid_one_by_one(self, studio: OpenAIStudio) -> None:
        one, three = await studio.made(studio.request()), await studio.made(replace(studio.request(), count=3))
        assert len({made.content for made in three.files}) == 3
        assert three.files[0].content == one.files[0].content
        assert (one.quantities["image"], three.quantities["image"]) == (1, 3)
        assert one.quantities["input_token"] == three.quantities["input_token"] > 5
        assert set(one.quantities) == {"image", "input_token"}

    async def test_a_request_without_a_quality_is_one_of_medium_quality(self, studio: OpenAIStudio) -> None:
        await studio.made(studio.request())
        assert (await studio.heard())["quality"] == "medium"
        await studio.made(replace(studio.request(), quality="high"))
        assert (await studio.heard())["quality"] == "high"

    async def test_what_must_not_be_seen_is_said_in_the_prompt(self, studio: OpenAIStudio) -> None:
        await studio.made(replace(studio.request("A lamp"), negative_prompt="people"))
        assert (await studio.heard())["prompt"] == "A lamp\n\nAvoid: people"

    @pytest.mark.parametrize(("width", "height", "media_type"), [(333, 512, "image/png"), (1024, 1024, "image/gif")])
    async def test_what_has_no_price_is_not_asked_for(self, studio: OpenAIStudio, width: int, height: int, media_type: str) -> None:
        request = replace(studio.request(), width=width, height=height, media_type=media_type)
        with pytest.raises(DefiniteFailure, match=r"vendor\.rejected"):
            await studio.model.begin(request, correlation=str(uuid4()), webhook=None)
        assert (await studio.doors.log())["count"] == 0

    async def test_too_many_pictures_are_refused_by_the_vendor(self, studio: OpenAIStudio) -> None:
        with pytest.raises(DefiniteFailure, match=r"vendor\.rejected"):
            await studio.model.begin(replace(studio.request("x" * 32_001)), correlation=str(uuid4()), webhook=None)
