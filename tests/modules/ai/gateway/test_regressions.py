"""The known ways in which gateways before models lose money, tried through this door."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import openai
import pytest
from tests.modules.ai.gateway_house import ASKED, PLACER, SETTINGS, WRITER, House, open_house, plain

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.modules.ai.service import attending
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.service import verification
from nexusone.providers.openai.catalog import card_of

CROWD = 12
ASKING: dict[str, Any] = {"model": WRITER, "messages": ASKED, "max_tokens": 1_000}


@pytest.fixture
async def house(composition: Composition) -> AsyncIterator[House]:
    async with open_house(composition) as made:
        yield made


async def one_hold_micros(composition: Composition) -> int:
    async with open_house(composition) as house, house.client() as client:
        await house.vendor.spoil("lost_answer")
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(**ASKING)
        return (await billing.get_balance(house.ctx)).held_micros


async def test_regression_1_and_2_a_crowd_does_not_overspend_a_budget(composition: Composition) -> None:
    held = await one_hold_micros(composition)
    async with open_house(composition, granted_micros=3 * held + held // 2) as house, house.client() as client:
        await house.vendor.spoil("slow", times=CROWD, delay_seconds=0.5)

        async def ask() -> str:
            try:
                await client.chat.completions.create(**ASKING)
            except openai.RateLimitError as refused:
                return str(refused.code)
            return "done"

        ended = Counter(await asyncio.gather(*(ask() for _ in range(CROWD))))
        assert ended == {"done": 3, "insufficient_quota": CROWD - 3}
        balance = await house.until_settled()
        assert balance.overdraft_micros == 0
        assert len(await house.generations()) == 3


@pytest.mark.parametrize("is_stream", [False, True])
async def test_regression_3_a_client_that_disconnects_leaks_no_hold(house: House, *, is_stream: bool) -> None:
    await house.vendor.spoil("slow", delay_seconds=0.3)
    async with plain(house) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post("/chat/completions", json={**ASKING, "stream": is_stream}, timeout=0.1)
    balance = await house.until_settled()
    assert (await house.until_ended())["status"] in ("succeeded", "canceled")
    assert balance.held_micros == 0


async def test_regression_4_a_stream_that_breaks_is_charged_for_what_was_delivered(house: House) -> None:
    await house.vendor.spoil("lost_answer")
    async with house.client() as client:
        stream: Any = await client.chat.completions.create(**ASKING, stream=True)
        delivered = ""
        with pytest.raises(openai.APIError):
            async for chunk in stream:
                delivered += chunk.choices[0].delta.content or ""
    assert delivered
    made = await house.until_ended()
    assert (made["status"], made["error"]["code"], made["output"]) == ("failed", "ai.no_answer", delivered)
    card = card_of(WRITER, kind="text")
    assert card is not None
    used = Usage(made["usage"]["input_tokens"], made["usage"]["output_tokens"])
    assert used.output_tokens == -(-len(delivered.encode()) // 3)
    assert (await house.until_settled()).spent_micros == Tariff(card.prices, 100, 20).micros(used) > 0


async def test_regression_5_what_cannot_be_reserved_is_refused_before_anything_is_asked(house: House) -> None:
    async with house.client() as client:
        for path, body in (("/chat/completions", {**ASKING, "modalities": ["audio"]}), ("/embeddings", {"model": PLACER, "input": []})):
            with pytest.raises(openai.BadRequestError):
                await client.post(path, body=body, cast_to=object)
    assert (await house.vendor.log())["count"] == 0
    assert (await house.until_settled()).spent_micros == 0


async def test_regression_6_a_model_without_a_price_is_not_free(house: House) -> None:
    async with house.client(default_headers={"NexusOne-Fallbacks": "gpt-5.5-pro"}) as client:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(**ASKING)
    assert (await house.vendor.log())["count"] == 0


async def test_regression_7_nobody_is_refused_under_load_what_is_paid_for(house: House) -> None:
    async with house.client() as client:
        answers = await asyncio.gather(*(client.chat.completions.create(**ASKING) for _ in range(CROWD)))
    card = card_of(WRITER, kind="text")
    assert card is not None
    tariff = Tariff(card.prices, 100, 20)
    used = [Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens) for answer in answers]
    assert (await house.until_settled()).spent_micros == sum(tariff.micros(one) for one in used)


async def test_what_nobody_knows_is_closed_by_the_clock_and_costs_nothing(house: House) -> None:
    await house.vendor.spoil("lost_answer")
    async with house.client() as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(**ASKING)
    made = await house.until_ended()
    later = MovedClock(house.runtime.clock.now() + timedelta(seconds=SETTINGS.unknown_kept_seconds + 60))
    ctx = replace(house.runtime, clock=later).system(house.customer.workspace_id)
    await attending.attend(ctx, generation_id=made["id"])
    balance = await billing.get_balance(house.ctx)
    assert (balance.held_micros, balance.spent_micros) == (0, 0)
    assert await verification.verify(house.ctx) == []


async def test_what_the_clock_gave_up_still_counts_where_its_answer_comes_after_all(house: House) -> None:
    await house.vendor.spoil("slow", delay_seconds=1.5)
    async with house.client() as client:
        asking = asyncio.create_task(client.images.generate(model="gpt-image-1-mini", prompt="a lamp"))
        while not (found := await house.generations()):  # noqa: ASYNC110 - the change is in the database
            await asyncio.sleep(0.01)
        later = MovedClock(house.runtime.clock.now() + timedelta(seconds=SETTINGS.call_seconds_max + 60))
        ctx = replace(house.runtime, clock=later).system(house.customer.workspace_id)
        await attending.attend(ctx, generation_id=found[0]["id"])
        assert (await house.generations())[0]["status"] == "unknown"
        assert (await asking).data
    assert (await house.until_settled()).spent_micros > 0
    assert (await house.until_ended())["status"] == "succeeded"
    cancel = await house.customer.client.post(f"/v1/generations/{found[0]['id']}/cancel")
    assert cancel.status_code == 409
