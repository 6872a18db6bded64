"""Subscribing: with and without a trial, with a coupon, once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import DAY, HOUR, NOON, company

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.coupons import CouponWish
from nexusone.modules.billing.ports import SavedMethod
from nexusone.modules.billing.service import coupons, dunning, invoicing, subscriptions
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing
from nexusone.modules.billing.service.refusals_plans import CouponUnusable, PlanNotFound
from nexusone.modules.billing.service.refusals_subscriptions import AlreadySubscribed, SubscriptionNotFound, TrialNeedsPaymentMethod
from nexusone.modules.billing.store import payments_methods
from nexusone.platform.runtime import Runtime


async def test_without_a_trial_the_plan_comes_with_the_first_payment(make_context: ContextMaker) -> None:
    here = await company(make_context)
    begun = await here.start()
    assert (begun.state, begun.pay_until, await here.plan(), await here.credits()) == ("incomplete", NOON + 23 * HOUR, None, 0)
    assert [invoice.id for invoice in await here.invoices()] == [begun.invoice_id]
    assert await here.news() == []
    await here.pay_all()
    paid = await here.seen()
    assert (paid.state, paid.pay_until, await here.plan(), await here.credits()) == ("active", None, "starter", 2000)
    assert (paid.period_start, paid.period_end) == (NOON, datetime(2027, 2, 27, 23, tzinfo=UTC))
    assert (await here.billed(), await here.news()) == ([2700], ["started"])


async def test_news_of_the_first_payment_that_comes_twice_gives_the_credits_once(make_context: ContextMaker) -> None:
    here = await company(make_context)
    begun = await here.start()
    assert begun.invoice_id is not None
    news = await here.pay(begun.invoice_id)
    await dunning.note_paid(here.ctx, event=news)
    assert (await here.credits(), await here.news()) == (2000, ["started"])


async def test_what_is_not_paid_within_23_hours_expires_and_its_invoice_is_void(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.start()
    here.clock.move(23 * HOUR - timedelta(seconds=1))
    await here.tick()
    assert (await here.seen()).state == "incomplete"
    here.clock.move(timedelta(seconds=1))
    await here.tick()
    assert ((await here.seen()).state, await here.plan()) == ("expired", None)
    assert [invoice.state for invoice in await here.invoices()] == ["void"]
    assert (await here.last_news())["reason"] == "expired"
    assert (await here.start()).state == "incomplete"


async def test_a_payment_in_the_last_second_whose_news_is_late_begins_the_subscription(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.start()
    (invoice,) = await here.invoices()
    async with here.ctx.transaction("billing") as tx:
        await invoicing.mark_paid(here.ctx, tx, invoice_id=invoice.id, payment_id=new_id())
    here.clock.move(DAY)
    await here.tick()
    assert ((await here.seen()).state, await here.credits(), await here.news()) == ("active", 2000, ["started"])


async def test_a_trial_gives_the_plan_at_once_and_is_billed_from_its_end_on(make_context: ContextMaker) -> None:
    here = await company(make_context)
    trial = await here.start(is_trial=True)
    assert (trial.state, trial.period_price.amount, trial.renewal_price.amount) == ("trialing", 0, 2700)
    assert (await here.plan(), await here.credits(), await here.billed(), await here.news()) == ("starter", 2000, [], ["started"])
    here.move_to(trial.period_end - 3 * DAY)
    await here.tick()
    await here.tick()
    assert await here.news() == ["started", "trial_ending"]
    here.move_to(trial.period_end)
    await here.tick()
    turned = await here.seen()
    assert (turned.state, turned.period_start, await here.billed()) == ("active", trial.period_end, [2700])
    assert await here.news() == ["started", "trial_ending", "renewed"]


async def test_a_workspace_has_one_trial(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.start(is_trial=True)
    await here.cancel("now")
    assert (await here.start(is_trial=True)).state == "incomplete"


async def test_a_trial_that_needs_a_way_to_pay_begins_once_one_is_saved(make_context: ContextMaker) -> None:
    here = await company(make_context)
    with pytest.raises(TrialNeedsPaymentMethod):
        await here.start("growth", is_trial=True)
    method = SavedMethod(vendor_id="pm_1", kind="card", label="visa")
    async with here.ctx.transaction("billing") as tx:
        await payments_methods.upsert_method(tx, method, workspace_id=here.ctx.workspace, gateway="cards", now=here.ctx.now())
    assert (await here.start("growth", is_trial=True)).state == "trialing"


async def test_a_trial_without_anybody_to_bill_ends_instead_of_being_billed(make_context: ContextMaker) -> None:
    here = await company(make_context, country=None)
    trial = await here.start(is_trial=True)
    here.move_to(trial.period_end)
    await here.tick()
    assert ((await here.seen()).state, await here.plan(), (await here.last_news())["reason"]) == ("ended", None, "unpaid")


async def test_what_is_paid_needs_somebody_to_bill(make_context: ContextMaker) -> None:
    here = await company(make_context, country=None)
    with pytest.raises(BillingProfileMissing):
        await here.start()
    with pytest.raises(SubscriptionNotFound):
        await here.seen()


async def test_a_coupon_takes_off_its_periods_and_no_more(make_context: ContextMaker) -> None:
    here = await company(make_context)
    wish = CouponWish(percent="50", duration="repeating", periods=2)
    code = f"C{here.ctx.workspace.hex[:20].upper()}"
    await coupons.put_coupon(here.ctx, code=code, wanted=wish)
    begun = await here.subscribed(coupon=code.lower())
    assert (begun.coupon, begun.period_price.amount, begun.renewal_price.amount) == (code, 1350, 1350)
    for _ in range(2):
        here.move_to((await here.seen()).period_end)
        await here.tick()
        await here.pay_all()
    assert await here.billed() == [1350, 1350, 2700]
    await here.cancel("now")
    with pytest.raises(CouponUnusable):
        await here.start(coupon=code)


async def test_with_nothing_to_pay_the_subscription_begins_at_once(make_context: ContextMaker) -> None:
    here = await company(make_context)
    code = f"F{here.ctx.workspace.hex[:20].upper()}"
    await coupons.put_coupon(here.ctx, code=code, wanted=CouponWish(percent="100"))
    begun = await here.start(coupon=code)
    assert (begun.state, await here.credits(), await here.billed(), await here.news()) == ("active", 2000, [], ["started"])


async def test_what_is_not_on_offer_cannot_be_subscribed_to(make_context: ContextMaker) -> None:
    here = await company(make_context)
    for plan in ("nothing", "sandbox", "free"):
        with pytest.raises(PlanNotFound):
            await here.start(plan)


async def test_api_15_of_many_who_subscribe_at_once_one_does(make_context: ContextMaker, crowded_runtime: Runtime) -> None:
    here = await company(make_context)
    await here.ctx.port(PlanCatalogue).be_written(here.ctx)
    crowd = replace(here, ctx=replace(here.ctx, runtime=replace(crowded_runtime, clock=here.clock)))
    outcomes = await asyncio.gather(*(crowd.start() for _ in range(10)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert all(isinstance(outcome, AlreadySubscribed) for outcome in outcomes if isinstance(outcome, BaseException))
    assert len(await here.invoices()) == 1


async def test_who_gives_up_before_paying_owes_nothing(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.start()
    await here.cancel("period_end")
    assert ((await here.seen()).state, [invoice.state for invoice in await here.invoices()]) == ("ended", ["void"])
    with pytest.raises(SubscriptionNotFound):
        await subscriptions.resume(here.ctx)
