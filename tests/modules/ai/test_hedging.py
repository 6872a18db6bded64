"""A second model beside a slow first one: the first answer is taken, and it alone is charged."""

import asyncio
from dataclasses import replace

import pytest
from tests.modules.ai.scripted import (
    ASKED,
    CARD,
    LOST,
    REFUSED,
    SETTINGS,
    ScriptedModel,
    Workshop,
    cost_micros,
    open_workshop,
    said,
    scripted,
)

from nexusone.kernel.money import credits_from_text
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.text import TextModels
from nexusone.platform.runtime import Runtime

DEAR = replace(
    CARD, name="writer-2", vendor="other", is_default=False, prices=tuple(replace(price, micros=3 * price.micros) for price in CARD.prices)
)
HEDGED = SETTINGS.model_copy(update={"hedge_after_seconds": 0.05, "retries_max": 0})
WANTED = ASKED.model_copy(update={"fallbacks": ("writer-2",)})
BROKEN = DefiniteFailure(code="vendor.unavailable", detail="down", is_retryable=True)


async def pair(runtime: Runtime, first: ScriptedModel, second: ScriptedModel, *, is_hedged: bool = True) -> Workshop:
    """A workshop with two models of different vendors, the second three times as dear."""
    second.cards = (DEAR,)
    shop = await open_workshop(runtime, first, settings=HEDGED if is_hedged else SETTINGS)
    models = TextModels({"scripted": first, "other": second})
    return replace(shop, runtime=replace(shop.runtime, ports={**shop.runtime.ports, TextModels: models}))


async def test_by_default_a_slow_model_is_waited_for(runtime: Runtime) -> None:
    gate = asyncio.Event()
    first, second = scripted(gate=gate), scripted(said("Quick."))
    shop = await pair(runtime, first, second, is_hedged=False)
    asyncio.get_running_loop().call_later(0.2, gate.set)
    made = await shop.generate(WANTED)
    assert (made.status, made.model, second.requests) == ("succeeded", "writer-1", [])


async def test_the_faster_one_is_taken_at_its_own_price_and_the_slower_one_cut_off(runtime: Runtime) -> None:
    first, second = scripted(gate=asyncio.Event()), scripted(said("Quick."))
    shop = await pair(runtime, first, second)
    made = await shop.generate(WANTED)
    assert (made.status, made.output, made.model, made.provenance.provider) == ("succeeded", "Quick.", "writer-2", "other")
    assert (len(first.requests), len(second.requests)) == (1, 1)
    assert credits_from_text(made.credits) == 3 * cost_micros(1)
    await shop.assert_books(spent_micros=3 * cost_micros(1))


async def test_the_first_one_is_charged_where_it_is_faster_after_all(runtime: Runtime) -> None:
    gate = asyncio.Event()
    first, second = scripted(said("Slow."), gate=gate), scripted(gate=asyncio.Event())
    shop = await pair(runtime, first, second)
    asyncio.get_running_loop().call_later(0.3, gate.set)
    made = await shop.generate(WANTED)
    assert (made.output, made.model, len(second.requests)) == ("Slow.", "writer-1", 1)
    await shop.assert_books(spent_micros=cost_micros(1))


async def test_one_that_answers_in_time_has_nobody_beside_it(runtime: Runtime) -> None:
    first, second = scripted(), scripted()
    shop = await pair(runtime, first, second)
    assert (await shop.generate(WANTED)).model == "writer-1"
    assert second.requests == []


@pytest.mark.parametrize(("failure", "status", "code"), [(BROKEN, "failed", "vendor.unavailable"), (LOST, "unknown", None)])
async def test_where_both_fail_what_nobody_knows_is_unknown(runtime: Runtime, failure: Exception, status: str, code: str | None) -> None:
    gate = asyncio.Event()
    first, second = scripted(BROKEN, gate=gate), scripted(failure)
    shop = await pair(runtime, first, second)
    asyncio.get_running_loop().call_later(0.3, gate.set)
    made = await shop.generate(WANTED)
    assert made.status == status
    assert code is None or (made.error is not None and made.error.code == code)
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_refusal_of_the_second_leaves_the_first_its_time(runtime: Runtime) -> None:
    gate = asyncio.Event()
    first, second = scripted(said("Slow."), gate=gate), scripted(REFUSED)
    shop = await pair(runtime, first, second)
    asyncio.get_running_loop().call_later(0.3, gate.set)
    assert (await shop.generate(WANTED)).output == "Slow."
    await shop.assert_books(spent_micros=cost_micros(1))
