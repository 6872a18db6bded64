"""Seven ways in which gateways before models are known to lose money, or to refuse it: none of them is open here."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError
from tests.conftest import TestDatabase
from tests.customers import Customer
from tests.modules.ai.scripted import ASKED, ASKED_FOR_MAIL, CARD, LOST, cost_micros, open_workshop, said, scripted

from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.generations import NewText
from nexusone.modules.ai.ports.models import token_prices
from nexusone.modules.ai.service.refusals import ModelUnknown
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.service import expiry, verification
from nexusone.modules.billing.service.grants import grant_alone, grant_signup_credits
from nexusone.platform.database import Database
from nexusone.platform.runtime import Context, Runtime

CROWD = 50
HOUR = timedelta(hours=1)
PRICE = 1_000_000
UNPRICED = {
    "in": replace(CARD, name="in", prices=token_prices(input_micros=0, output_micros=1)),
    "out": replace(CARD, name="out", prices=token_prices(input_micros=1, output_micros=0)),
}


@pytest.fixture
async def crowded(runtime: Runtime, database: TestDatabase) -> AsyncIterator[Runtime]:
    """The runtime over fifty real connections."""
    wide = Database(database.url, connections_max=CROWD)
    await wide.open()
    try:
        yield replace(runtime, database=wide)
    finally:
        await wide.close()


async def crowd(call: Callable[[int], Awaitable[object]]) -> Counter[str]:
    """Fifty calls at once, counted by what became of them."""
    at_once = asyncio.Barrier(CROWD)

    async def one(number: int) -> str:
        await at_once.wait()
        try:
            await call(number)
        except Refusal as refused:
            return refused.code
        return "done"

    return Counter(await asyncio.gather(*(one(number) for number in range(CROWD))))


def held(ctx: Context, number: int) -> Awaitable[object]:
    return billing.hold(ctx, key=f"k{number}", amount_micros=PRICE, purpose="ai.text", expires_in=HOUR)


async def test_regression_1_concurrent_requests_do_not_bypass_the_budget(crowded: Runtime) -> None:
    ctx = crowded.system(new_id())
    await grant_alone(ctx, key="g", amount_micros=PRICE * 3 + PRICE // 2, source="purchase")
    assert await crowd(lambda number: held(ctx, number)) == {"done": 3, "billing.insufficient_credits": CROWD - 3}
    assert await verification.verify(ctx) == []


async def test_regression_2_concurrent_first_requests_of_an_unknown_workspace_do_not_bypass_it(crowded: Runtime) -> None:
    unknown = crowded.system(new_id())
    assert await crowd(lambda number: held(unknown, number)) == {"billing.insufficient_credits": CROWD}
    assert (await billing.get_balance(unknown)).granted_micros == 0
    fresh = crowded.system(new_id())

    async def first(number: int) -> None:
        # Half of the requests race the credits of the sign-up themselves.
        if number % 2:
            await grant_signup_credits(fresh, key="sign_up:1")
        else:
            await billing.hold(fresh, key=f"k{number}", amount_micros=400 * PRICE, purpose="ai.text", expires_in=HOUR)

    await crowd(first)
    balance = await billing.get_balance(fresh)
    assert (balance.granted_micros, balance.overdraft_micros) == (1000 * PRICE, 0)
    assert balance.held_micros in (0, 400 * PRICE, 800 * PRICE)
    assert await verification.verify(fresh) == []


async def test_regression_3_a_client_that_disconnects_leaks_no_hold(runtime: Runtime) -> None:
    gate = asyncio.Event()
    model = scripted(gate=gate)
    shop = await open_workshop(runtime, model)
    task = asyncio.create_task(shop.generate())
    await model.asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await billing.get_balance(shop.ctx)).held_micros > 0
    gate.set()
    await shop.until_settled()
    await shop.assert_books(spent_micros=cost_micros(1))


async def test_regression_4_an_answer_that_came_in_part_is_paid_for_in_part(runtime: Runtime) -> None:
    # The first answer came and was paid for at the vendor; the line was lost during the second.
    shop = await open_workshop(runtime, scripted(said("{}"), LOST))
    made = await shop.generate(ASKED_FOR_MAIL)
    assert made.status == "unknown"
    await shop.pass_time(timedelta(days=3))
    await shop.assert_books(spent_micros=cost_micros(1))
    # The same of a stream whose parts are settled as they go out, and whose process then dies.
    held = await billing.hold(shop.ctx, key="stream", amount_micros=1000, purpose="ai.text", expires_in=HOUR)
    for part in range(3):
        await billing.settle_part(shop.ctx, key=held.key, part_key=f"part:{part}", amount_micros=100)
    shop.clock.move(2 * HOUR)
    await expiry.expire_holds(shop.ctx)
    await shop.assert_books(spent_micros=cost_micros(1) + 300)


@pytest.mark.parametrize("kind", ["audio", "music", "model"])
async def test_regression_5_what_has_no_way_to_be_reserved_is_refused_before_anything_is_asked(customer: Customer, kind: str) -> None:
    with pytest.raises(ValidationError):
        NewText.model_validate({"kind": kind, "prompt": "a lamp", "locale": "de"})
    answer = await customer.client.post("/v1/generations", json={"kind": kind, "prompt": "a lamp", "locale": "de"})
    assert answer.status_code == 422
    assert (await customer.client.get("/v1/credits/holds")).json()["items"] == []


async def test_regression_6_a_model_without_a_price_is_not_free(runtime: Runtime) -> None:
    model = scripted()
    model.cards = (CARD, *(replace(card, is_default=False) for card in UNPRICED.values()))
    shop = await open_workshop(runtime, model)
    for name in UNPRICED:
        with pytest.raises(ModelUnknown):
            await shop.generate(ASKED.model_copy(update={"model": name}))
    assert model.requests == []
    await shop.assert_books(spent_micros=0)


async def test_regression_7_nobody_is_refused_under_load_what_is_paid_for(crowded: Runtime) -> None:
    ctx = crowded.system(new_id())
    # To the last credit, over grants that no hold fits into evenly, while others settle and release.
    for number in range(CROWD):
        await grant_alone(ctx, key=f"g{number}", amount_micros=PRICE * 2 if number % 2 else PRICE * 2 - 1, source="purchase")
    await grant_alone(ctx, key="rest", amount_micros=CROWD // 2, source="purchase")

    async def spend(number: int) -> None:
        for part in range(2):
            key = f"k{number}:{part}"
            await billing.hold(ctx, key=key, amount_micros=PRICE, purpose="ai.text", expires_in=HOUR)
            await billing.settle(ctx, key=key, amount_micros=PRICE)

    assert await crowd(spend) == {"done": CROWD}
    balance = await billing.get_balance(ctx)
    assert (balance.available_micros, balance.spent_micros) == (0, 2 * CROWD * PRICE)
    assert await verification.verify(ctx) == []
