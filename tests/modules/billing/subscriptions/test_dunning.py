"""Dunning: retries after 2, 5, 7 and 7 days, the plan held meanwhile, healed by a payment in between, ended by the last."""

from datetime import datetime, timedelta

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import DAY, Company, company

from nexusone.modules.billing.events.invoices import InvoicePaid
from nexusone.modules.billing.service import dunning, subscriptions
from nexusone.modules.billing.service.refusals_subscriptions import SubscriptionStepRefused


async def past_due(make_context: ContextMaker) -> Company:
    here = await company(make_context)
    first = await here.subscribed()
    here.move_to(first.period_end)
    await here.tick()
    await here.fail((await here.invoices())[-1].id)
    return here


async def wait_for_retry(here: Company) -> timedelta:
    retry_at = (await here.seen()).retry_at
    assert retry_at is not None
    waited = retry_at - here.clock.now()
    here.move_to(retry_at - timedelta(seconds=1))
    before = await here.steps()
    await here.tick()
    assert await here.steps() == before
    here.move_to(retry_at)
    await here.tick()
    assert (await here.steps())[-1] == "retry"
    return waited


async def test_a_failed_payment_puts_past_due_and_the_plan_holds(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    found = await here.seen()
    assert (found.state, found.retry_at, await here.plan()) == ("past_due", here.clock.now() + 2 * DAY, "starter")
    assert await here.news() == ["started", "renewed", "past_due"]


async def test_retries_come_after_2_5_7_and_7_days_and_after_the_last_it_ends(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    invoice = (await here.invoices())[-1].id
    waits = []
    for _ in range(4):
        assert await here.plan() == "starter"
        waits.append((await wait_for_retry(here)).days)
        await here.fail(invoice)
    ended = await here.seen()
    assert (waits, ended.state, ended.retry_at, await here.plan()) == ([2, 5, 7, 7], "ended", None, None)
    assert [seen.state for seen in await here.invoices()] == ["paid", "uncollectible"]
    assert ((await here.news())[-2:], (await here.last_news())["reason"]) == (["past_due", "ended"], "unpaid")


@pytest.mark.parametrize("is_trying", [False, True])
async def test_a_payment_in_between_heals(make_context: ContextMaker, is_trying: bool) -> None:
    here = await past_due(make_context)
    if is_trying:
        await wait_for_retry(here)
    await here.pay_all()
    healed = await here.seen()
    assert (healed.state, healed.retry_at, (await here.news())[-1]) == ("active", None, "recovered")
    here.move_to(healed.period_end)
    await here.tick()
    assert await here.billed() == [2700] * 3


async def test_news_that_comes_twice_counts_once(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    first = await here.seen()
    await wait_for_retry(here)
    news = await here.fail((await here.invoices())[-1].id)
    second = await here.seen()
    await dunning.note_failed(here.ctx, event=news)
    await dunning.note_failed(here.ctx, event=news.model_copy(update={"failures": 1}))
    assert (await here.seen(), second.retry_at) == (second, here.clock.now() + 5 * DAY)
    assert first.retry_at != second.retry_at


async def test_news_of_a_failure_that_comes_after_the_payment_changes_nothing(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed()
    here.move_to(first.period_end)
    await here.tick()
    invoice = (await here.invoices())[-1].id
    news = await here.fail(invoice)
    await here.pay(invoice)
    before = await here.seen()
    await dunning.note_failed(here.ctx, event=news)
    await dunning.note_failed(here.ctx, event=news.model_copy(update={"failures": 9}))
    assert await here.seen() == before


async def test_a_retry_without_an_answer_is_asked_for_again_next_day_and_ends_nothing(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    await wait_for_retry(here)
    for _ in range(10):
        here.clock.move(DAY)
        await here.tick()
    assert ((await here.seen()).state, await here.plan()) == ("past_due", "starter")
    await here.fail((await here.invoices())[-1].id)
    assert (await here.seen()).retry_at == here.clock.now() + 5 * DAY


async def test_mon_13_while_past_due_nothing_renews_and_healing_catches_up(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    ends_at = (await here.seen()).period_end
    for _ in range(2):
        await wait_for_retry(here)
        await here.fail((await here.invoices())[-1].id)
    here.clock.move(40 * DAY)
    assert here.clock.now() > ends_at
    await here.tick()
    assert await here.billed() == [2700, 2700]
    await here.pay_all()
    await here.tick()
    assert (await here.billed(), (await here.seen()).period_start) == ([2700] * 3, ends_at)


async def test_mon_13_a_scheduler_that_was_down_makes_one_retry_late_and_counts_from_it(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    here.clock.move(5 * DAY)
    await here.tick()
    await here.tick()
    assert (await here.steps()).count("retry") == 1
    await here.fail((await here.invoices())[-1].id)
    assert (await here.seen()).retry_at == here.clock.now() + 5 * DAY


async def test_two_unpaid_invoices_are_healed_by_both(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed()
    await here.change(quantity=2)
    here.move_to(first.period_end)
    await here.tick()
    _, one, other = (seen.id for seen in await here.invoices())
    await here.fail(one)
    here.clock.move(DAY)
    await here.fail(other)
    await here.pay(one)
    found = await here.seen()
    assert (found.state, found.retry_at) == ("past_due", here.clock.now() + 2 * DAY)
    await here.pay(other)
    assert ((await here.seen()).state, await here.news()) == (
        "active",
        ["started", "changed", "renewed", "past_due", "recovered"],
    )


async def test_a_cancellation_while_past_due_ends_the_dunning(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    with pytest.raises(SubscriptionStepRefused):
        await here.pause("now")
    ended = await here.cancel("now")
    assert (ended.state, ended.retry_at, [seen.state for seen in await here.invoices()]) == ("ended", None, ["paid", "uncollectible"])


async def test_a_planned_end_comes_while_past_due(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    ends_at: datetime = (await here.cancel("period_end")).period_end
    for _ in range(3):
        await wait_for_retry(here)
        await here.fail((await here.invoices())[-1].id)
    await wait_for_retry(here)
    here.move_to(ends_at)
    await here.tick()
    assert ((await here.seen()).state, (await here.last_news())["reason"]) == ("ended", "canceled")


async def test_who_resumes_with_an_unpaid_invoice_is_past_due(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed()
    await here.change(quantity=2)
    await here.pause("now")
    await here.fail((await here.invoices())[-1].id)
    assert ((await here.seen()).state, await here.plan()) == ("paused", None)
    assert ((await subscriptions.resume(here.ctx)).state, await here.plan()) == ("past_due", "starter")


async def test_a_late_payment_of_what_is_over_brings_nothing_back(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    await here.cancel("now")
    await here.pay((await here.invoices())[-1].id)
    assert ((await here.seen()).state, (await here.news())[-1]) == ("ended", "ended")


async def test_news_of_other_invoices_is_nobodys_business_here(make_context: ContextMaker) -> None:
    here = await past_due(make_context)
    before = await here.seen()
    await dunning.note_paid(
        here.ctx,
        event=InvoicePaid(invoice_id=before.id, subscription_id=None, payment_id=None, currency="EUR", total_minor=1),
    )
    assert await here.seen() == before
