"""A year's credits come month by month: over short months and leap days, once, however long nobody looked."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import CREDIT, DAY, HOUR, Company, company

from nexusone.modules.billing.service import expiry, verification
from nexusone.platform.sql import sql

GRANTS = sql("""
select g.amount_micros, g.created_at, g.expires_at from billing.grant_ as g
where g.workspace_id = %(workspace_id)s and g.source = 'plan' order by g.created_at, g.id
""")


async def grants(here: Company) -> list[tuple[int, datetime, datetime]]:
    async with here.ctx.transaction("billing") as tx:
        found = await tx.fetch_tuples(GRANTS, {"workspace_id": here.ctx.workspace})
    return [(amount // CREDIT, created, expires) for amount, created, expires in found]


async def days(here: Company) -> list[date]:
    """When what was granted expires, by the calendar of the company."""
    return [expires.astimezone(ZoneInfo("Europe/Berlin")).date() for _, _, expires in await grants(here)]


async def look(here: Company) -> None:
    await here.tick()
    await expiry.expire_grants(here.ctx.runtime.system())


async def through(here: Company, *, until: datetime, step: timedelta) -> None:
    while here.clock.now() < until:
        here.clock.move(step)
        await look(here)


async def test_mon_13_a_year_from_the_31st_of_january_has_twelve_months_that_end_with_short_months_too(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed(every="year")
    assert (await here.credits(), await here.billed()) == (2000, [27_000])
    await through(here, until=first.period_end - 6 * DAY, step=5 * DAY)
    assert await days(here) == [
        date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31), date(2027, 6, 30), date(2027, 7, 31),
        date(2027, 8, 31), date(2027, 9, 30), date(2027, 10, 31), date(2027, 11, 30), date(2027, 12, 31), date(2028, 1, 31),
    ]  # fmt: skip
    assert {amount for amount, _, _ in await grants(here)} == {2000}
    assert (await here.credits(), await here.billed()) == (2000, [27_000])
    here.move_to(first.period_end)
    await look(here)
    assert ((await days(here))[12:], await here.credits(), len(await here.billed())) == ([date(2028, 2, 29)], 2000, 2)
    assert await verification.verify(here.ctx) == []


async def test_mon_13_a_year_from_a_leap_day_keeps_the_29th(make_context: ContextMaker) -> None:
    here = await company(make_context, at=datetime(2028, 2, 29, 12, tzinfo=UTC))
    first = await here.subscribed(every="year")
    await through(here, until=first.period_end + 2 * DAY, step=3 * DAY)
    found = await days(here)
    assert (found[:3], found[-2:]) == ([date(2028, 3, 29), date(2028, 4, 29), date(2028, 5, 29)], [date(2029, 2, 28), date(2029, 3, 29)])
    assert len(found) == 13


async def test_mon_13_a_scheduler_that_was_down_for_three_days_over_a_month_grants_what_is_due_once(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed(every="year")
    here.move_to(datetime(2027, 3, 3, 5, tzinfo=UTC))
    for _ in range(3):
        await look(here)
    assert (await days(here), await here.credits()) == ([date(2027, 2, 28), date(2027, 3, 31)], 2000)


async def test_mon_13_of_months_that_were_missed_altogether_only_the_present_ones_credits_come(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed(every="year")
    here.move_to(datetime(2027, 6, 10, tzinfo=UTC))
    await look(here)
    await look(here)
    assert (await days(here), await here.credits()) == ([date(2027, 2, 28), date(2027, 6, 30)], 2000)


async def test_what_may_be_kept_of_a_month_is_kept_for_the_next_by_the_plans_rule(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed("growth", every="year")
    seen = []
    for month in (2, 3, 4):
        here.move_to(datetime(2027, month, 28 if month == 2 else 31 if month == 3 else 30, 12, tzinfo=UTC))
        await look(here)
        seen.append(await here.credits())
    assert seen == [20_000, 20_000, 20_000]


async def test_a_larger_plan_in_the_middle_of_a_year_brings_credits_for_the_rest_of_the_month_and_then_its_own(
    make_context: ContextMaker,
) -> None:
    here = await company(make_context, at=datetime(2027, 4, 1, tzinfo=UTC), zone="UTC")
    await here.subscribed(every="year")
    here.clock.move(15 * DAY)
    told = await here.preview(plan="growth")
    await here.change(plan="growth")
    assert (await here.credits(), told.credits) == (6000, "4000")
    here.move_to(datetime(2027, 5, 1, tzinfo=UTC))
    await look(here)
    assert [(amount, expires.date()) for amount, _, expires in await grants(here) if amount == 10_000] == [(10_000, date(2027, 6, 1))]


@pytest.mark.parametrize("ending", ["cancel", "pause"])
async def test_who_cancels_or_pauses_at_once_gets_no_further_months(make_context: ContextMaker, ending: str) -> None:
    here = await company(make_context)
    await here.subscribed(every="year")
    await (here.cancel("now") if ending == "cancel" else here.pause("now"))
    here.move_to(datetime(2027, 3, 10, tzinfo=UTC))
    await look(here)
    assert await days(here) == [date(2027, 2, 28)]


async def test_who_is_past_due_gets_the_month_once_all_is_paid(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed(every="year")
    here.move_to(first.period_end)
    await here.tick()
    invoice = (await here.invoices())[-1].id
    await here.fail(invoice)
    here.move_to(datetime(2028, 2, 29, 12, tzinfo=UTC))
    count = len(await grants(here))
    await here.tick()
    assert len(await grants(here)) == count
    await here.pay(invoice)
    here.clock.move(HOUR)
    await here.tick()
    assert (len(await grants(here)), (await days(here))[-1]) == (count + 1, date(2028, 3, 31))
