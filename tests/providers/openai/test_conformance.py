"""The OpenAI model against the conformance suite, over real sockets, each call held against the vendor's contract."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from tests.providers.conformance.text_model import Heard, Mishap, TextModelConformance, asking
from tests.providers.openai.contract import hold_to_contract
from tests.providers.openai.serving import Recorder, Simulated, closed_port, served

from nexusone.kernel.clock import SystemClock
from nexusone.providers.openai.client import open_client
from nexusone.providers.openai.simulator import build_app
from nexusone.providers.openai.text import OpenAITextModel

DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class OpenAIStudy:
    address: str
    model: OpenAITextModel
    stranger: OpenAITextModel
    unreachable: OpenAITextModel

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        await Simulated(self.address).spoil(mishap, times=times, delay_seconds=delay_seconds)

    async def heard(self) -> Heard:
        received = await Simulated(self.address).log()
        newest = received["requests"][-1]["body"]
        return Heard(calls=received["count"], works=received["answered"], instructions=newest["instructions"], prompt=newest["input"])


def model_at(address: str, *, api_key: str = "sk-sandbox") -> OpenAITextModel:
    client = open_client(address=f"{address}/v1", api_key=api_key, deadline_seconds=DEADLINE_SECONDS, is_sandbox=True)
    return OpenAITextModel(client=client, deadline_seconds=DEADLINE_SECONDS)


class TestOpenAI(TextModelConformance):
    @pytest.fixture
    async def study(self) -> AsyncIterator[OpenAIStudy]:
        recorder = Recorder(build_app(clock=SystemClock()))
        async with served(recorder) as address:
            study = OpenAIStudy(
                address=address,
                model=model_at(address),
                stranger=model_at(address, api_key="nobody"),
                unreachable=model_at(f"http://127.0.0.1:{closed_port()}"),
            )
            yield study
            for model in (study.model, study.stranger, study.unreachable):
                await model.close()
        hold_to_contract(recorder.exchanges)

    async def test_the_vendor_is_asked_to_keep_nothing(self, study: OpenAIStudy) -> None:
        await study.model.write(asking(study))
        assert (await Simulated(study.address).log())["requests"][-1]["body"]["store"] is False
