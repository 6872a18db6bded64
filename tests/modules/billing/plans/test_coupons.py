"""Coupons: exactly as many uses as there are, once a workspace, and the same terms for ever."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.plans.offers import runtime_catalogue

from nexusone.kernel.clock import MovedClock, SystemClock
from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.kernel.money import Money
from nexusone.modules.billing.contracts.coupons import CouponQuestion, CouponWish
from nexusone.modules.billing.domain.coupons import CouponTerms
from nexusone.modules.billing.service import coupons
from nexusone.modules.billing.service.refusals_plans import CouponFixed, CouponUnusable, PlanFaulty
from nexusone.modules.billing.store import coupons as store
from nexusone.platform.runtime import Context, Runtime


async def coupon(runtime: Runtime, **wanted: object) -> str:
    """The code of a new coupon."""
    await runtime_catalogue(runtime.system())
    made = await coupons.put_coupon(runtime.system(), code=new_id().hex, wanted=CouponWish.model_validate({"percent": "20", **wanted}))
    return made.code


async def redeem(ctx: Context, code: str, *, plan: str = "growth", currency: str = "EUR") -> CouponTerms:
    async with ctx.transaction("billing") as tx:
        return await coupons.redeem(ctx, tx, code=code, plan_code=plan, currency=currency)


async def reason_of(ctx: Context, code: str, **asked: str) -> object:
    with pytest.raises(CouponUnusable) as refused:
        await redeem(ctx, code, **asked)
    return refused.value.data["reason"]


async def test_mon_05_of_fifty_workspaces_that_want_the_last_use_exactly_one_gets_it(runtime: Runtime, crowded_runtime: Runtime) -> None:
    code, at_once = await coupon(runtime, uses_max=1), asyncio.Barrier(50)

    async def one() -> str:
        await at_once.wait()
        try:
            await redeem(crowded_runtime.system(new_id()), code)
        except Refusal as refusal:
            return str(refusal.data["reason"])
        return "redeemed"

    assert Counter(await asyncio.gather(*(one() for _ in range(50)))) == {"redeemed": 1, "used_up": 49}


async def test_mon_05_fifty_attempts_of_one_workspace_use_it_once(runtime: Runtime, crowded_runtime: Runtime) -> None:
    code, at_once, ctx = await coupon(runtime, uses_max=10), asyncio.Barrier(50), crowded_runtime.system(new_id())

    async def one() -> str:
        await at_once.wait()
        try:
            await redeem(ctx, code)
        except Refusal as refusal:
            return str(refusal.data["reason"])
        return "redeemed"

    outcomes = Counter(await asyncio.gather(*(one() for _ in range(50))))
    assert outcomes["redeemed"] == 1
    assert set(outcomes) <= {"redeemed", "used_before", "used_up"}
    async with runtime.system().transaction("billing") as tx:
        found = await store.find_coupon(tx, code=code)
    assert found is not None and found.uses == 1


async def test_a_use_that_is_rolled_back_is_none(runtime: Runtime, ctx: Context) -> None:
    code = await coupon(runtime, uses_max=1)
    with pytest.raises(RuntimeError):
        async with ctx.transaction("billing") as tx:
            await coupons.redeem(ctx, tx, code=code, plan_code="growth", currency="EUR")
            raise RuntimeError
    await redeem(ctx, code)


async def test_what_it_says_of_itself_is_held_to(runtime: Runtime, make_context: ContextMaker) -> None:
    clock = MovedClock(SystemClock().now())
    ctx = make_context(clock=clock)
    assert await reason_of(ctx, "nowhere") == "unknown"
    assert await reason_of(ctx, await coupon(runtime, plans=["scale"])) == "other_plan"
    amount = await coupon(runtime, percent=None, amount={"amount": 500, "currency": "USD"})
    assert await reason_of(ctx, amount) == "other_currency"
    short = await coupon(runtime, redeem_by=clock.now() + timedelta(hours=1))
    ended = await coupon(runtime)
    await coupons.end_coupon(runtime.system(), code=ended)
    clock.move(timedelta(minutes=1))
    assert await reason_of(ctx, ended) == "ended"
    clock.move(timedelta(hours=1))
    assert await reason_of(ctx, short) == "expired"


async def test_codes_are_the_same_in_small_letters(runtime: Runtime, ctx: Context) -> None:
    code = await coupon(runtime)
    assert code == code.upper()
    await redeem(ctx, code.lower())
    assert await reason_of(ctx, code) == "used_before"


async def test_what_a_coupon_gives_does_not_change_and_how_often_does(runtime: Runtime, ctx: Context) -> None:
    code, system = await coupon(runtime, uses_max=5), runtime.system()
    changed = await coupons.put_coupon(system, code=code, wanted=CouponWish(percent="20", uses_max=1))
    assert changed.uses_max == 1
    await redeem(ctx, code)
    with pytest.raises(CouponFixed):
        await coupons.put_coupon(system, code=code, wanted=CouponWish(percent="21", uses_max=5))
    more = await coupons.put_coupon(system, code=code, wanted=CouponWish(percent="20", uses_max=2))
    assert (more.uses, more.uses_max) == (1, 2)


@pytest.mark.parametrize(
    "wanted",
    [
        CouponWish(),
        CouponWish(percent="20", amount=Money(amount=1, currency="EUR")),
        CouponWish(percent="0"),
        CouponWish(percent="100.01"),
        CouponWish(amount=Money(amount=0, currency="EUR")),
        CouponWish(percent="20", duration="repeating"),
        CouponWish(percent="20", periods=2),
        CouponWish(percent="20", plans=["no_such_plan"]),
    ],
)
async def test_a_coupon_against_the_rules_is_not_made(runtime: Runtime, wanted: CouponWish) -> None:
    with pytest.raises(PlanFaulty):
        await coupons.put_coupon(runtime.system(), code=new_id().hex, wanted=wanted)


async def test_asking_says_what_the_first_period_costs_and_uses_nothing(runtime: Runtime, ctx: Context) -> None:
    code = await coupon(runtime, percent="33.33", duration="repeating", periods=3, uses_max=1)
    german = replace(ctx, locale="de")
    for _ in range(2):
        offer = await coupons.check(german, question=CouponQuestion(code=code, plan="growth", country="DE"))
        assert (offer.price, offer.discount.amount, offer.to_pay.amount) == (Money(amount=8900, currency="EUR"), 2966, 5934)
        assert (offer.duration, offer.periods) == ("repeating", 3)
