"""Changing the plan, the quantity or the interval: what a preview says is what the change bills."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import DAY, Company, company

from nexusone.kernel.page import PageRequest
from nexusone.modules.billing.contracts.coupons import CouponWish
from nexusone.modules.billing.service import coupons, subscriptions
from nexusone.modules.billing.service.refusals_plans import PlanNotFound
from nexusone.modules.billing.service.refusals_subscriptions import (
    ChangeOnlyAtPeriodEnd,
    NothingToChange,
    SubscriptionNotFound,
    SubscriptionStepRefused,
)

WISHES: list[dict[str, Any]] = [
    {"plan": "growth"},
    {"plan": "scale", "every": "year"},
    {"quantity": 3},
    {"every": "year"},
    {"plan": "growth", "quantity": 7, "when": "now"},
    {"plan": "growth", "when": "period_end"},
]


async def halfway(make_context: ContextMaker, **wanted: Any) -> Company:
    here = await company(make_context, at=datetime(2027, 4, 1, tzinfo=UTC), zone="UTC")
    await here.subscribed(**wanted)
    here.clock.move(15 * DAY)
    return here


@pytest.mark.parametrize("wish", WISHES, ids=str)
@pytest.mark.parametrize("elapsed", [timedelta(0), timedelta(days=9, seconds=12345, microseconds=678), timedelta(days=26)])
async def test_a_change_bills_exactly_what_its_preview_says(make_context: ContextMaker, wish: dict[str, Any], elapsed: timedelta) -> None:
    here = await company(make_context)
    await here.subscribed()
    here.clock.move(elapsed)
    told = await here.preview(**wish)
    before = await here.credits()
    after = await here.change(**wish)
    bills = (await here.billed())[1:]
    assert bills == ([told.due_now.amount] if told.due_now.amount else [])
    assert told.due_now.amount == told.charge.amount - told.credit.amount
    assert (await here.credits()) - before == int(told.credits.partition(".")[0])
    assert (after.terms if told.when == "now" else after.next) == told.terms
    assert (after.period_end, after.renewal_price) == (told.renews_at, told.renewal_price)


async def test_more_is_billed_for_the_rest_of_the_period_and_gives_its_credits_for_the_rest(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    changed = await here.change(plan="growth")
    assert (await here.billed(), await here.credits(), await here.plan()) == ([2700, 3100], 6000, "growth")
    assert (changed.period_start, changed.period_price.amount) == (datetime(2027, 4, 1, tzinfo=UTC), 8900)
    here.move_to(changed.period_end)
    await here.tick()
    assert await here.billed() == [2700, 3100, 8900]


async def test_less_waits_for_the_renewal_and_now_is_refused(make_context: ContextMaker) -> None:
    here = await halfway(make_context, plan="growth")
    with pytest.raises(ChangeOnlyAtPeriodEnd):
        await here.change(plan="starter", when="now")
    with pytest.raises(ChangeOnlyAtPeriodEnd):
        await here.preview(plan="starter", when="now")
    planned = await here.change(plan="starter")
    assert planned.next is not None
    assert (planned.terms.plan, planned.next.plan, planned.renewal_price.amount, await here.plan()) == ("growth", "starter", 2700, "growth")
    here.move_to(planned.period_end)
    await here.tick()
    renewed = await here.seen()
    assert (renewed.terms.plan, renewed.next, await here.plan(), await here.billed()) == ("starter", None, "starter", [8900, 2700])


async def test_a_planned_change_is_called_off_by_choosing_what_there_is(make_context: ContextMaker) -> None:
    here = await halfway(make_context, plan="growth")
    await here.change(plan="starter")
    assert (await here.change(plan="growth")).next is None
    with pytest.raises(NothingToChange):
        await here.change(plan="growth")
    told = await here.preview(quantity=1)
    assert (told.due_now.amount, told.renewal_price.amount) == (0, 8900)


async def test_a_year_at_once_begins_a_new_period_and_gives_the_rest_of_the_month_back(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    changed = await here.change(every="year")
    assert await here.billed() == [2700, 27000 - 1350]
    assert (changed.period_start, changed.period_end) == (datetime(2027, 4, 16, tzinfo=UTC), datetime(2028, 4, 16, tzinfo=UTC))
    periods = await here.periods(changed.id)
    assert [(period.starts_at, period.ends_at) for period in periods] == [
        (datetime(2027, 4, 1, tzinfo=UTC), datetime(2027, 4, 16, tzinfo=UTC)),
        (changed.period_start, changed.period_end),
    ]


async def test_up_and_up_again_bills_what_going_there_at_once_would_have(make_context: ContextMaker) -> None:
    here, other = await halfway(make_context), await halfway(make_context)
    await here.change(plan="growth")
    await here.change(plan="scale")
    await other.change(plan="scale")
    assert sum(await here.billed()) == sum(await other.billed())


async def test_a_change_in_the_trial_costs_nothing_and_is_billed_after_it(make_context: ContextMaker) -> None:
    here = await company(make_context)
    trial = await here.start(is_trial=True)
    changed = await here.change(plan="growth")
    assert (changed.state, changed.period_end, await here.plan(), await here.billed()) == ("trialing", trial.period_end, "growth", [])
    here.move_to(trial.period_end)
    await here.tick()
    assert await here.billed() == [8900]


async def test_a_discount_holds_for_the_change_in_its_period(make_context: ContextMaker) -> None:
    here = await company(make_context, at=datetime(2027, 4, 1, tzinfo=UTC), zone="UTC")
    code = f"H{here.ctx.workspace.hex[:20].upper()}"
    await coupons.put_coupon(here.ctx, code=code, wanted=CouponWish(percent="50"))
    await here.subscribed(coupon=code)
    here.clock.move(15 * DAY)
    await here.change(plan="growth")
    assert await here.billed() == [1350, 4450 // 2 - 1350 // 2]


async def test_while_past_due_or_paused_nothing_changes(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    await here.change(quantity=2)
    await here.fail((await here.invoices())[-1].id)
    with pytest.raises(SubscriptionStepRefused):
        await here.change(quantity=3)
    await here.pay_all()
    await here.pause("now")
    with pytest.raises(SubscriptionStepRefused):
        await here.preview(quantity=3)


async def test_there_is_nothing_to_change_where_nothing_is(make_context: ContextMaker) -> None:
    here = await company(make_context)
    for deed in (here.change(quantity=2), here.preview(quantity=2)):
        with pytest.raises(SubscriptionNotFound):
            await deed
    await here.subscribed()
    with pytest.raises(PlanNotFound):
        await here.change(plan="sandbox")


async def test_a_change_just_after_the_period_finds_it_renewed_first(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    ends_at = (await here.seen()).period_end
    here.move_to(ends_at)
    changed = await here.change(plan="growth")
    assert (changed.period_start, await here.billed()) == (ends_at, [2700, 2700, 8900 - 2700])


async def test_a_pause_now_takes_the_plan_and_within_the_paid_period_costs_nothing(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    before = await here.seen()
    assert ((await here.pause("now")).state, await here.plan()) == ("paused", None)
    here.clock.move(DAY)
    await here.tick()
    assert (await subscriptions.resume(here.ctx), await here.plan()) == (before, "starter")
    assert (await here.billed(), await here.news()) == ([2700], ["started", "paused", "resumed"])


async def test_a_pause_from_the_periods_end_rests_until_it_is_resumed_and_then_bills_a_new_period(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    planned = await here.pause("period_end")
    assert (planned.state, planned.ending, await here.plan()) == ("active", "pause", "starter")
    here.move_to(planned.period_end + 100 * DAY)
    await here.tick()
    assert ((await here.seen()).state, await here.plan(), await here.billed()) == ("paused", None, [2700])
    again = await subscriptions.resume(here.ctx)
    assert (again.state, again.period_start, await here.billed()) == ("active", here.clock.now(), [2700, 2700])


async def test_an_end_with_the_period_can_be_called_off_and_then_not_any_more(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    assert (await here.cancel("period_end")).ending == "cancel"
    with pytest.raises(SubscriptionStepRefused):
        await here.cancel("period_end")
    assert (await subscriptions.resume(here.ctx)).ending is None
    await here.cancel("period_end")
    here.move_to((await here.seen()).period_end)
    await here.tick()
    ended = await here.seen()
    assert (ended.state, await here.plan(), await here.billed()) == ("ended", None, [2700])
    assert await here.news() == ["started", "canceled", "resumed", "canceled", "ended"]
    with pytest.raises(SubscriptionNotFound):
        await subscriptions.resume(here.ctx)


async def test_an_end_at_once_takes_the_plan_at_once(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    ended = await here.cancel("now")
    assert (ended.state, ended.ended_at, await here.plan(), await here.billed()) == ("ended", here.clock.now(), None, [2700])
    assert await here.news() == ["started", "canceled", "ended"]


async def test_the_history_tells_every_step_newest_first(make_context: ContextMaker) -> None:
    here = await halfway(make_context)
    await here.change(plan="growth")
    await here.cancel("now")
    page = await subscriptions.list_steps(here.ctx, request=PageRequest(limit=3))
    assert [(step.step, step.state, step.plan, step.billed.amount) for step in page.items] == [
        ("cancel", "ended", "growth", 0),
        ("change", "active", "growth", 3100),
        ("activate", "active", "starter", 0),
    ]
    rest = await subscriptions.list_steps(here.ctx, request=PageRequest(limit=3, after=page.next_after))
    assert [(step.step, step.billed.amount, step.time) for step in rest.items] == [("start", 2700, datetime(2027, 4, 1, tzinfo=UTC))]
    assert rest.next_after is None
