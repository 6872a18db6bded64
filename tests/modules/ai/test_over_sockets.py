"""Generations by the simulated vendor over real sockets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from tests.modules.ai.scripted import ASKED_FOR_MAIL, SETTINGS, Workshop, open_workshop
from tests.providers.openai.serving import served

from nexusone.kernel.clock import SystemClock
from nexusone.kernel.money import credits_from_text
from nexusone.modules.ai.contracts.generations import NewText
from nexusone.modules.billing import api as billing
from nexusone.platform.provider import ProviderSetup
from nexusone.platform.runtime import Runtime
from nexusone.providers.openai.simulation.language import own_language
from nexusone.providers.openai.simulator import build_app
from nexusone.providers.openai.text import build_text_model

LAMP = "Write an e-mail that announces our new product: Solar Lamp."


@dataclass(frozen=True, slots=True)
class Street:
    """A workshop whose model is at an address."""

    shop: Workshop
    address: str

    async def spoil(self, mode: str, times: int = 1) -> None:
        fault = {"mode": mode, "times": times, "delay_seconds": 0.0}
        async with aiohttp.ClientSession() as session, session.put(f"{self.address}/_faults", json=fault) as answer:
            assert answer.status == 204

    async def calls(self) -> int:
        async with aiohttp.ClientSession() as session, session.get(f"{self.address}/_requests") as answer:
            return int((await answer.json())["count"])


@pytest.fixture
async def street(runtime: Runtime) -> AsyncIterator[Street]:
    async with served(build_app(clock=SystemClock())) as address:
        model = build_text_model(ProviderSetup(address=f"{address}/v1", credentials={"api_key": "sk-sandbox"}, is_sandbox=True))
        yield Street(await open_workshop(runtime, model, settings=SETTINGS), address)
        await model.close()


@pytest.mark.parametrize("locale", ["de", "es", "fr-CA", "en-GB", "ja"])
async def test_a_text_comes_in_the_language_asked_for(street: Street, locale: str) -> None:
    made = await street.shop.generate(NewText(prompt=LAMP, locale=locale))
    assert isinstance(made.output, str)
    assert "Solar Lamp" in made.output
    assert own_language(made.output) == locale[:2]
    assert credits_from_text(made.credits) > 0
    await street.shop.assert_books(spent_micros=credits_from_text(made.credits))


async def test_a_mail_comes_in_its_shape(street: Street) -> None:
    made = await street.shop.generate(ASKED_FOR_MAIL)
    assert isinstance(made.output, dict)
    assert set(made.output) == {"subject", "body"}
    await street.shop.assert_books(spent_micros=credits_from_text(made.credits))


async def test_a_wrong_shape_is_repaired_and_paid_for(street: Street) -> None:
    straight = await street.shop.generate(ASKED_FOR_MAIL)
    await street.spoil("bad_schema")
    repaired = await street.shop.generate(ASKED_FOR_MAIL)
    assert repaired.status == "succeeded"
    assert repaired.usage.input_tokens > straight.usage.input_tokens * 2
    assert await street.calls() == 3
    await street.shop.assert_books(spent_micros=credits_from_text(straight.credits) + credits_from_text(repaired.credits))


async def test_a_shape_that_stays_wrong_fails_with_its_reason(street: Street) -> None:
    await street.spoil("bad_schema", times=5)
    made = await street.shop.generate(ASKED_FOR_MAIL)
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "ai.output_not_matching")
    assert await street.calls() == 3
    await street.shop.assert_books(spent_micros=credits_from_text(made.credits))


@pytest.mark.parametrize("mode", ["rate_limit", "server_error"])
async def test_a_vendor_that_is_busy_is_asked_again(street: Street, mode: str) -> None:
    await street.spoil(mode)
    assert (await street.shop.generate()).status == "succeeded"
    assert await street.calls() == 2


@pytest.mark.parametrize("mode", ["lost_answer", "reset", "garbage"])
async def test_a_lost_answer_is_unknown_and_stays_held(street: Street, mode: str) -> None:
    await street.spoil(mode)
    made = await street.shop.generate()
    assert made.status == "unknown"
    assert await street.calls() == 1
    held = (await billing.get_balance(street.shop.ctx)).held_micros
    assert held > 0
    await street.shop.assert_books(spent_micros=0, held_micros=held)


async def test_a_refused_content_costs_nothing(street: Street) -> None:
    await street.spoil("refusal")
    made = await street.shop.generate()
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "vendor.refused_content")
    await street.shop.assert_books(spent_micros=0)
