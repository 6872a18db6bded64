"""Moderator and embedder against their conformance suites, over real sockets, each call held against the vendor's contract."""

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from PIL import Image, PngImagePlugin
from tests.providers.conformance.embedder import EmbedderConformance
from tests.providers.conformance.embedder import Mishap as EmbedderMishap
from tests.providers.conformance.moderator import Mishap as ModeratorMishap
from tests.providers.conformance.moderator import ModeratorConformance
from tests.providers.openai.contract import hold_to_contract
from tests.providers.openai.serving import Recorder, Simulated, closed_port, served

from nexusone.kernel.clock import SystemClock
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.providers.openai.client import open_client
from nexusone.providers.openai.embeddings import CALL_BYTES_MAX, OpenAIEmbedder
from nexusone.providers.openai.moderation import OpenAIModerator
from nexusone.providers.openai.simulator import build_app

DEADLINE_SECONDS = 3.0
OBJECTIONABLE = {
    "violence": ("I will kill you.", "Ich bringe dich um!", "Je vais te tuer", "Te voy a matar", "殺してやる"),
    "harassment": ("You idiot!", "Du Vollidiot", "この馬鹿野郎"),
    "self-harm/intent": ("I want to kill myself", "Quiero suicidarme"),
    "illicit": ("Where can I buy cocaine?", "Kokain kaufen"),
}


def moderator_at(address: str, *, api_key: str = "sk-sandbox") -> OpenAIModerator:
    client = open_client(address=f"{address}/v1", api_key=api_key, deadline_seconds=DEADLINE_SECONDS, is_sandbox=True)
    return OpenAIModerator(client=client, deadline_seconds=DEADLINE_SECONDS)


def embedder_at(address: str, *, api_key: str = "sk-sandbox") -> OpenAIEmbedder:
    client = open_client(address=f"{address}/v1", api_key=api_key, deadline_seconds=DEADLINE_SECONDS, is_sandbox=True)
    return OpenAIEmbedder(client=client, deadline_seconds=DEADLINE_SECONDS)


def commented_picture(comment: str) -> MediaFile:
    kept, notes = io.BytesIO(), PngImagePlugin.PngInfo()
    notes.add_text("Comment", comment)
    Image.new("RGB", (8, 8)).save(kept, format="PNG", pnginfo=notes)
    return MediaFile(kept.getvalue(), "image/png")


@dataclass(frozen=True, slots=True)
class OpenAIBench:
    doors: Simulated
    moderator: OpenAIModerator
    stranger: OpenAIModerator
    unreachable: OpenAIModerator
    objectionable: Mapping[str, Sequence[str]] = field(default_factory=lambda: OBJECTIONABLE)
    objectionable_image: MediaFile = field(default_factory=lambda: commented_picture("gore"))

    async def spoil(self, mishap: ModeratorMishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        await self.doors.spoil(mishap, times=times, delay_seconds=delay_seconds)

    async def calls(self) -> int:
        return int((await self.doors.log())["count"])


@dataclass(frozen=True, slots=True)
class OpenAILibrary:
    doors: Simulated
    embedder: OpenAIEmbedder
    stranger: OpenAIEmbedder
    unreachable: OpenAIEmbedder

    async def spoil(self, mishap: EmbedderMishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        await self.doors.spoil(mishap, times=times, delay_seconds=delay_seconds)

    async def calls(self) -> int:
        return int((await self.doors.log())["count"])


class TestOpenAIModerator(ModeratorConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[OpenAIBench]:
        recorder = Recorder(build_app(clock=SystemClock()))
        async with served(recorder) as address:
            bench = OpenAIBench(
                doors=Simulated(address),
                moderator=moderator_at(address),
                stranger=moderator_at(address, api_key="nobody"),
                unreachable=moderator_at(f"http://127.0.0.1:{closed_port()}"),
            )
            yield bench
            for moderator in (bench.moderator, bench.stranger, bench.unreachable):
                await moderator.close()
        hold_to_contract(recorder.exchanges)

    async def test_a_file_that_is_no_picture_is_refused(self, bench: OpenAIBench) -> None:
        with pytest.raises(DefiniteFailure, match=r"vendor\.rejected"):
            await bench.moderator.judge(texts=(), images=(MediaFile(b"not a picture", "image/png"),))

    async def test_each_picture_is_an_input_of_its_own(self, bench: OpenAIBench) -> None:
        await bench.moderator.judge(texts=("a", "b"), images=(commented_picture("x"), commented_picture("y")))
        assert await bench.calls() == 3


class TestOpenAIEmbedder(EmbedderConformance):
    @pytest.fixture
    async def library(self) -> AsyncIterator[OpenAILibrary]:
        recorder = Recorder(build_app(clock=SystemClock()))
        async with served(recorder) as address:
            library = OpenAILibrary(
                doors=Simulated(address),
                embedder=embedder_at(address),
                stranger=embedder_at(address, api_key="nobody"),
                unreachable=embedder_at(f"http://127.0.0.1:{closed_port()}"),
            )
            yield library
            for embedder in (library.embedder, library.stranger, library.unreachable):
                await embedder.close()
        hold_to_contract(recorder.exchanges)

    async def test_texts_too_long_for_one_call_are_asked_for_in_several(self, library: OpenAILibrary) -> None:
        texts = [f"{number} " + "lamp " * 5_000 for number in range(2 + CALL_BYTES_MAX // 25_000)]
        made = await library.embedder.embed(texts, model="text-embedding-3-small")
        assert len(made.vectors) == len(texts)
        assert await library.calls() == 2
        assert made.input_tokens >= 5_000 * len(texts)

    async def test_a_text_beyond_the_models_context_is_refused(self, library: OpenAILibrary) -> None:
        with pytest.raises(DefiniteFailure, match=r"vendor\.rejected"):
            await library.embedder.embed(["lamp " * 9_000], model="text-embedding-3-small")
