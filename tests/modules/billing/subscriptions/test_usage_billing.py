"""Usage beyond what a plan includes is billed when its period ends, once; what is reported late is billed with the next."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.plans.offers import retired_after, runtime_catalogue
from tests.modules.billing.subscriptions.subscribed import DAY, HOUR, Company, company

from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageRequest
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.coupons import CouponWish
from nexusone.modules.billing.contracts.plans import NewPlanVersion, PlanVersion, PlanWish, PriceContent, UsagePriceContent
from nexusone.modules.billing.contracts.subscriptions import SubscriptionStep
from nexusone.modules.billing.contracts.usage import UsageEvent
from nexusone.modules.billing.domain.usage import ClosedMeter, Closing, LateUsage, MeterPrice, billable, included_in, lines_of
from nexusone.modules.billing.service import coupons, plan_versions, plans, subscriptions
from nexusone.modules.billing.service.meters import meters
from nexusone.modules.billing.service.refusals_plans import PlanFaulty
from nexusone.modules.billing.service.subscriptions_texts import wording
from nexusone.platform.runtime import Runtime
from nexusone.platform.sql import sql

LINES = sql("""
select i.number, l.kind, l.description, l.quantity, l.unit_minor, l.net_minor
from billing.invoice_line as l join billing.invoice as i on i.workspace_id = l.workspace_id and i.id = l.invoice_id
where l.workspace_id = %(workspace_id)s
order by i.number, l.position
""")
BEGIN = datetime(2027, 4, 1, tzinfo=UTC)
SENT, STORED = "messages.sent", "contacts.stored"
PRICES = {(every, code): amount for code in ("europe", "world") for every, amount in (("month", 1000), ("year", 10_000))}


@dataclass(frozen=True, slots=True)
class Line:
    number: str
    kind: str
    description: str
    quantity: int
    unit: int
    amount: int


@pytest.fixture
async def plan(runtime: Runtime) -> AsyncIterator[str]:
    """1000 messages a month, then 7 for every 100; 50 contacts at any time, then 3 each."""
    ctx = runtime.system()
    await runtime_catalogue(ctx)
    code = f"p{new_id().hex}"
    await plan_versions.put_plan(ctx, code=code, wanted=PlanWish(names={"en": "Metered"}, position=9000))
    made = await plan_versions.add_version(ctx, code=code, wanted=metered())
    version: PlanVersion = await plan_versions.publish_version(ctx, code=code, number=made.number)
    async with retired_after(runtime, version):
        yield code


def metered() -> NewPlanVersion:
    return NewPlanVersion(
        features={},
        prices=[
            PriceContent(price_list=code, every="month" if every == "month" else "year", amount=amount)
            for (every, code), amount in PRICES.items()
        ],
        usage_prices=[
            UsagePriceContent(price_list="europe", meter=SENT, included=1000, per=100, amount=7),
            UsagePriceContent(price_list="europe", meter=STORED, included=50, amount=3),
            UsagePriceContent(price_list="world", meter=SENT, included=1, per=1, amount=999_999),
        ],
    )


async def metered_company(make_context: ContextMaker, plan: str, **wanted: str) -> Company:
    here = await company(make_context, at=BEGIN, zone="UTC")
    await here.subscribed(plan, **wanted)
    return here


async def use(here: Company, quantity: int, *, at: datetime | None = None, meter: str = SENT) -> None:
    event = UsageEvent(id=new_id().hex, meter=meter, quantity=quantity, occurred_at=at or here.clock.now())
    await api.record_usage(here.ctx, events=[event])


async def renew(here: Company) -> None:
    here.move_to((await here.seen()).period_end)
    await here.tick()
    await here.tick()
    await here.pay_all()


async def lines(here: Company) -> list[tuple[str, int, int]]:
    """Kind, packages and amount of what was billed for usage, in order."""
    return [(line.kind, line.quantity, line.amount) for line in await all_lines(here) if line.kind in ("usage", "adjustment")]


async def all_lines(here: Company) -> list[Line]:
    async with here.ctx.transaction("billing") as tx:
        return [Line(*row) for row in await tx.fetch_tuples(LINES, {"workspace_id": here.ctx.workspace})]


async def test_what_is_used_beyond_the_allowance_stands_on_the_renewal_and_what_is_late_on_the_next(
    make_context: ContextMaker, plan: str
) -> None:
    here = await metered_company(make_context, plan)
    here.clock.move(3 * DAY)
    await use(here, 1250)
    await renew(here)
    assert await here.billed() == [1000, 1021]
    (line,) = [line for line in await all_lines(here) if line.kind == "usage"]
    assert (line.quantity, line.unit, line.amount) == (3, 7, 21)
    assert "Messages sent" in line.description
    assert "Apr 1, 2027 – Apr 30, 2027" in line.description
    here.clock.move(2 * HOUR)
    await use(here, 60, at=BEGIN + 5 * DAY)
    await renew(here)
    (late,) = [line for line in await all_lines(here) if line.kind == "adjustment"]
    assert (late.quantity, late.unit, late.amount) == (1, 7, 7)
    assert "Apr 1, 2027 – Apr 30, 2027" in late.description
    for _ in range(3):
        await renew(here)
    assert await here.billed() == [1000, 1021, 1007, 1000, 1000, 1000]
    assert [step.billed.amount for step in reversed(await steps(here)) if step.billed.amount] == [1000, 1021, 1007, 1000, 1000, 1000]


async def steps(here: Company) -> list[SubscriptionStep]:
    return list((await subscriptions.list_steps(here.ctx, request=PageRequest(limit=100))).items)


async def test_what_is_included_is_not_billed_and_a_year_includes_twelve_months_of_it(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan, every="year")
    here.clock.move(40 * DAY)
    await use(here, 12_001)
    await use(here, 51, meter=STORED)
    await renew(here)
    assert sorted(await lines(here)) == [("usage", 1, 3), ("usage", 1, 7)]


async def test_a_subscription_that_is_over_gets_a_last_invoice_for_its_open_usage(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan)
    here.clock.move(DAY)
    await use(here, 1100, at=here.clock.now() - HOUR)
    await here.cancel("now")
    assert (await here.billed(), (await here.seen()).state) == ([1000, 7], "ended")
    await here.pay_all()
    await here.tick()
    assert await here.billed() == [1000, 7]


async def test_with_the_end_of_the_last_period_its_usage_is_billed(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan)
    await use(here, 1300)
    await here.cancel("period_end")
    await renew(here)
    assert (await here.billed(), (await here.seen()).state) == ([1000, 21], "ended")


async def test_a_pause_bills_what_was_used_once_its_period_is_over(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan)
    await use(here, 1300)
    await here.pause("now")
    assert await here.billed() == [1000]
    here.clock.move(45 * DAY)
    await subscriptions.resume(here.ctx)
    assert await here.billed() == [1000, 1021]
    await here.pay_all()
    await renew(here)
    assert await here.billed() == [1000, 1021, 1000]


async def test_the_preview_of_a_change_that_ends_the_period_says_the_usage_it_bills(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan)
    here.clock.move(9 * DAY + timedelta(microseconds=5))
    await use(here, 1300, at=here.clock.now() - HOUR)
    told = await here.preview(every="year")
    await here.change(every="year")
    assert told.usage.amount == 21
    assert told.due_now.amount == told.charge.amount - told.credit.amount + 21
    assert (await here.billed())[1:] == [told.due_now.amount]


async def test_without_anybody_to_bill_a_plan_for_nothing_ends_where_usage_is_to_be_billed(make_context: ContextMaker, plan: str) -> None:
    here = await company(make_context, at=BEGIN, zone="UTC", country=None)
    code = new_id().hex.upper()
    system = here.ctx.runtime.system()
    await coupons.put_coupon(system, code=code, wanted=CouponWish(percent="100"))
    await here.start(plan, coupon=code)
    await use(here, 1300, meter=SENT)
    here.move_to((await here.seen()).period_end)
    await here.tick()
    assert ((await here.seen()).state, await here.billed()) == ("ended", [])


async def test_what_was_late_costs_what_it_would_have_cost_in_time(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan)
    await use(here, 1000)
    await renew(here)
    await here.change(plan="growth")
    await here.pay_all()
    await use(here, 100, at=BEGIN + DAY)
    await renew(here)
    assert await lines(here) == [("adjustment", 1, 7)]


async def test_less_than_was_billed_is_given_back_once_there_is_something_to_take_it_from(make_context: ContextMaker, plan: str) -> None:
    here = await metered_company(make_context, plan)
    await use(here, 100 + 50, meter=STORED)
    await renew(here)
    here.clock.move(HOUR)
    await use(here, 10, at=BEGIN + 29 * DAY, meter=STORED)
    await renew(here)
    await renew(here)
    assert await lines(here) == [("usage", 100, 300), ("adjustment", -100, -300)]
    assert await here.billed() == [1000, 1300, 700, 1000]


def test_an_invoice_bears_what_leaves_it_above_zero_and_is_in_its_currency() -> None:
    price, other = MeterPrice(0, 1, 10, "EUR"), MeterPrice(0, 1, 10, "USD")
    back = LateUsage(STORED, BEGIN, BEGIN + DAY, 5, 0, price)
    foreign = LateUsage(STORED, BEGIN + DAY, BEGIN + 2 * DAY, 0, 5, other)
    unpriced = LateUsage(STORED, BEGIN + 2 * DAY, BEGIN + 3 * DAY, 0, 5)
    closing = Closing((ClosedMeter(SENT, BEGIN, BEGIN + DAY, 3, price),), (back, foreign, unpriced))
    assert billable(closing, currency="EUR", room=20).late == (unpriced,)
    assert billable(closing, currency="EUR", room=21).late == (back, unpriced)
    told = lines_of(billable(closing, currency="EUR", room=21), tell=lambda kind, meter, since, until: meter)
    assert [(line.kind, line.amount) for line in told] == [("usage", 30), ("adjustment", -50)]


def test_what_is_counted_is_included_for_each_month_and_a_level_at_any_time() -> None:
    assert included_in(10, "sum", months=12, pieces=2) == 240
    assert included_in(10, "max", months=12, pieces=2) == 20


async def test_an_offer_says_what_usage_costs_in_its_price_list(make_context: ContextMaker, plan: str) -> None:
    ctx = make_context()
    (offer,) = [offer for offer in (await plans.list_offers(ctx, country="DE")).plans if offer.code == plan]
    assert {price.meter: (price.included, price.per, price.price.amount) for price in offer.usage_prices} == {
        SENT: (1000, 100, 7),
        STORED: (50, 1, 3),
    }


async def test_a_usage_price_of_no_meter_or_list_or_twice_is_refused(make_context: ContextMaker, plan: str) -> None:
    ctx = make_context().runtime.system()
    twice = UsagePriceContent(price_list="europe", meter=SENT, amount=1)
    wrong = [UsagePriceContent(price_list="mars", meter="no.such", amount=1), twice, twice]
    with pytest.raises(PlanFaulty) as refused:
        await plan_versions.add_version(ctx, code=plan, wanted=NewPlanVersion(features={}, usage_prices=wrong))
    assert refused.value.data["count"] == 3


@pytest.mark.parametrize("locale", ["en", "de", "es", "fr"])
def test_every_meter_has_a_name_in_every_language(locale: str) -> None:
    assert set(wording(locale, zone="UTC").texts.meters) == set(meters())
