"""Renewals by the clock: over month ends, clock changes and a scheduler that was down; once, whoever else is at it."""

import asyncio
import contextvars
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import LiteralString
from zoneinfo import ZoneInfo

import psycopg
from tests.conftest import ContextMaker, TestDatabase
from tests.modules.billing.subscriptions.subscribed import CREDIT, DAY, Company, company

from nexusone.apps.compose import Composition
from nexusone.modules.billing.jobs import TAKE_SUBSCRIPTION_STEPS
from nexusone.modules.billing.service import expiry, subscriptions_clock, verification
from nexusone.modules.billing.service.refusals_subscriptions import SubscriptionStepRefused
from nexusone.modules.billing.store import subscriptions as subscriptions_store
from nexusone.platform.jobs import Worker
from nexusone.platform.runtime import Runtime
from nexusone.platform.sql import sql

GRANTS = sql("""
select g.amount_micros, g.expires_at, r.until, r.max_micros
from billing.grant_ as g
left join billing.grant_rollover as r on r.workspace_id = g.workspace_id and r.grant_id = g.id
where g.workspace_id = %(workspace_id)s and g.source = 'plan'
""")

WAITING: LiteralString = """
select count(*) from queue.pgqueuer where entrypoint = 'billing.take_steps_of_subscription' and headers ->> 'workspace_id' = %s
"""


def crowded(here: Company, runtime: Runtime) -> Company:
    return replace(here, ctx=replace(here.ctx, runtime=replace(runtime, clock=here.clock)))


async def renewals(here: Company, count: int) -> list[date]:
    days = []
    for _ in range(count):
        here.move_to((await here.seen()).period_end)
        await here.tick()
        await here.pay_all()
        found = await here.seen()
        days.append(found.period_start.astimezone(ZoneInfo("Europe/Berlin")).date())
    return days


async def test_mon_13_renewals_keep_the_31st_over_short_months_and_clock_changes(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed()
    assert await renewals(here, 12) == [
        date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31), date(2027, 6, 30), date(2027, 7, 31),
        date(2027, 8, 31), date(2027, 9, 30), date(2027, 10, 31), date(2027, 11, 30), date(2027, 12, 31), date(2028, 1, 31),
    ]  # fmt: skip
    assert await here.billed() == [2700] * 13


async def test_mon_13_a_leap_day_is_renewed_on_the_28th_and_on_the_29th_again(make_context: ContextMaker) -> None:
    here = await company(make_context, at=datetime(2028, 2, 29, 12, tzinfo=UTC))
    await here.subscribed(every="year")
    assert await renewals(here, 4) == [date(2029, 2, 28), date(2030, 2, 28), date(2031, 2, 28), date(2032, 2, 29)]


async def test_mon_13_a_scheduler_that_was_down_for_three_days_renews_once_for_the_period_that_was_missed(
    make_context: ContextMaker,
) -> None:
    here = await company(make_context)
    first = await here.subscribed()
    here.move_to(first.period_end + 3 * DAY)
    for _ in range(3):
        await here.tick()
    renewed = await here.seen()
    assert (renewed.period_start, await here.billed()) == (first.period_end, [2700, 2700])


async def test_mon_13_a_scheduler_that_was_down_for_three_periods_takes_each_missed_step_once_and_in_order(
    make_context: ContextMaker,
) -> None:
    here = await company(make_context)
    trial = await here.start(is_trial=True)
    here.move_to(trial.period_end + 75 * DAY)
    await here.tick()
    await here.tick()
    assert (await here.news(), await here.billed()) == (["started", "trial_ending", "renewed", "renewed", "renewed"], [2700] * 3)
    periods = await here.periods(trial.id)
    assert len(periods) == 4
    assert all(before.ends_at == after.starts_at for before, after in pairwise(periods))
    assert [(invoice.period_start, invoice.period_end) for invoice in await here.invoices()] == [
        (period.starts_at, period.ends_at) for period in periods[1:]
    ]
    # Credits of periods that are over would be of no use, and the present ones come once.
    assert await here.credits() == 2000
    assert await verification.verify(here.ctx) == []


async def test_mon_13_two_schedulers_at_once_renew_once(make_context: ContextMaker, crowded_runtime: Runtime) -> None:
    here = crowded(await company(make_context), crowded_runtime)
    first = await here.subscribed()
    here.move_to(first.period_end)
    await asyncio.gather(*(here.tick() for _ in range(10)))
    await here.tick()
    assert (await here.billed(), await here.news()) == ([2700, 2700], ["started", "renewed"])


async def test_mon_13_a_change_while_renewing_comes_before_or_after_and_both_are_billed_once(
    make_context: ContextMaker, crowded_runtime: Runtime
) -> None:
    here = crowded(await company(make_context, at=datetime(2027, 4, 1, tzinfo=UTC), zone="UTC"), crowded_runtime)
    first = await here.subscribed()
    here.move_to(first.period_end)
    outcomes = await asyncio.gather(
        here.tick(), here.change(plan="growth"), here.tick(), here.change(plan="growth"), return_exceptions=True
    )
    faults = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(fault, SubscriptionStepRefused) or "nothing_to_change" in str(fault) for fault in faults), faults
    await here.tick()
    if (await here.seen()).terms.plan == "starter":
        await here.change(plan="growth")
    assert (await here.billed(), (await here.seen()).terms.plan) == ([2700, 2700, 6200], "growth")


async def two_companies(make_context: ContextMaker) -> tuple[Company, Company]:
    """Both subscribed, and at the end of their first period."""
    one = await company(make_context)
    other = replace(await company(make_context), clock=one.clock)
    other = replace(other, ctx=replace(other.ctx, runtime=one.ctx.runtime))
    for here in (one, other):
        await here.subscribed()
    one.move_to((await one.seen()).period_end)
    return one, other


async def look(here: Company, composition: Composition) -> None:
    """The schedule looks, twice, and the jobs it leaves are done."""
    for _ in range(2):
        await subscriptions_clock.order_due_steps(here.ctx.runtime.system())
    worker = Worker(runtime=here.ctx.runtime, queue_url=composition.url, kinds=[TAKE_SUBSCRIPTION_STEPS])
    await worker.drain()


async def test_the_schedule_finds_all_companies_and_leaves_those_in_work_to_others(
    make_context: ContextMaker, composition: Composition
) -> None:
    one, other = await two_companies(make_context)
    async with one.ctx.transaction("billing") as tx:
        await subscriptions_store.lock_living(tx, workspace_id=one.ctx.workspace)
        await asyncio.create_task(look(one, composition), context=contextvars.Context())
        assert await asyncio.create_task(other.billed(), context=contextvars.Context()) == [2700, 2700]
    assert await one.billed() == [2700]
    await look(one, composition)
    assert await one.billed() == [2700, 2700]


async def test_a_company_whose_step_fails_does_not_keep_the_others_from_theirs_and_is_tried_again(
    make_context: ContextMaker, composition: Composition, database: TestDatabase
) -> None:
    broken, well = await two_companies(make_context)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("update billing.subscription set zone = 'No/Where' where workspace_id = %s", [broken.ctx.workspace])
        await look(broken, composition)
        assert await well.billed() == [2700, 2700]
        [(waiting,)] = admin.execute(WAITING, [str(broken.ctx.workspace)]).fetchall()
        assert waiting == 1
        admin.execute("update billing.subscription set zone = 'Europe/Berlin' where workspace_id = %s", [broken.ctx.workspace])
        admin.execute("update queue.pgqueuer set execute_after = now() where entrypoint = %s", [TAKE_SUBSCRIPTION_STEPS.name])
    await look(broken, composition)
    assert (await broken.billed(), await well.billed()) == ([2700, 2700], [2700, 2700])


async def test_credits_end_with_their_period_and_what_may_be_kept_with_the_next(make_context: ContextMaker) -> None:
    kept = {}
    for plan in ("starter", "growth", "scale"):
        here = await company(make_context)
        await here.subscribed(plan)
        async with here.ctx.transaction("billing") as tx:
            ((kept[plan]),) = await tx.fetch_tuples(GRANTS, {"workspace_id": here.ctx.workspace})
    end, next_end = datetime(2027, 2, 27, 23, tzinfo=UTC), datetime(2027, 3, 30, 22, tzinfo=UTC)
    assert kept == {
        "starter": (2000 * CREDIT, end, None, None),
        "growth": (10_000 * CREDIT, end, next_end, 10_000 * CREDIT),
        "scale": (50_000 * CREDIT, end, next_end, None),
    }


async def test_what_is_left_and_may_be_kept_comes_into_the_next_period(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed("growth")
    here.move_to(first.period_end)
    await here.tick()
    await expiry.expire_grants(here.ctx.runtime.system())
    assert await here.credits() == 20_000


async def test_twice_the_quantity_gives_twice_the_credits_and_a_year_those_of_its_first_month(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed(quantity=2, every="year")
    assert (await here.billed(), await here.credits()) == ([54_000], 4000)
