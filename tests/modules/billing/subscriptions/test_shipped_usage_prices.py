"""What the shipped plans charge for usage beyond what they include: in every region, and all the way to the invoice."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import DAY, Company, company

from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.usage import UsageEvent
from nexusone.modules.billing.domain.features import FEATURES
from nexusone.modules.billing.service.plan_catalogue import FILE, CataloguePlan, read_catalogue
from nexusone.platform.sql import sql

BEGIN = datetime(2027, 4, 1, tzinfo=UTC)
GIGABYTE = 10**9
CATALOGUE = read_catalogue(FILE)
PAID = [plan for plan in CATALOGUE.plans if plan.version.prices]
LISTS = [known.code for known in CATALOGUE.price_lists]

LINES = sql("""
select l.kind, l.quantity, l.net_minor, i.currency, i.net_minor as whole
from billing.invoice_line as l join billing.invoice as i on i.workspace_id = l.workspace_id and i.id = l.invoice_id
where l.workspace_id = %(workspace_id)s and i.id = %(invoice_id)s
order by l.position
""")


@dataclass(frozen=True, slots=True)
class LineSeen:
    kind: str
    quantity: int
    net_minor: int
    currency: str
    whole: int


async def last_invoice(here: Company) -> list[LineSeen]:
    seen = await here.invoices()
    async with here.ctx.transaction("billing") as tx:
        return await tx.fetch_all(LineSeen, LINES, {"workspace_id": here.ctx.workspace, "invoice_id": seen[-1].id})


@pytest.mark.parametrize("plan", PAID, ids=lambda plan: plan.code)
def test_every_paid_plan_has_its_usage_prices_in_every_price_list_and_includes_the_same_everywhere(plan: CataloguePlan) -> None:
    priced = {(price.price_list, price.meter) for price in plan.version.usage_prices}
    meters = {meter for _, meter in priced}
    assert meters == {"messages.sent", "storage.bytes_peak"}
    assert priced == {(code, meter) for code in LISTS for meter in meters}
    for meter in meters:
        terms = {(price.included, price.per) for price in plan.version.usage_prices if price.meter == meter}
        assert len(terms) == 1
    assert all(price.amount > 0 for price in plan.version.usage_prices)


@pytest.mark.parametrize("plan", PAID, ids=lambda plan: plan.code)
def test_there_is_room_between_what_is_included_and_what_may_be_sent_at_all(plan: CataloguePlan) -> None:
    assert FEATURES["campaigns.monthly_messages"].kind == "limit"
    limit = plan.version.features["campaigns.monthly_messages"].quantity
    included = next(price.included for price in plan.version.usage_prices if price.meter == "messages.sent")
    assert limit is None or limit > included


@pytest.mark.parametrize(
    ("country", "currency", "base", "messages", "storage"),
    [("US", "USD", 2900, 80, 25), ("DE", "EUR", 2700, 75, 23), ("GB", "GBP", 2300, 65, 20), ("IN", "INR", 99_900, 2800, 900)],
)
async def test_overage_of_a_shipped_plan_stands_on_the_next_invoice(
    make_context: ContextMaker, country: str, currency: str, base: int, messages: int, storage: int
) -> None:
    here = await company(make_context, at=BEGIN, zone="UTC", country=country)
    await here.subscribed("starter")
    here.clock.move(3 * DAY)
    used = [
        ("messages.sent", 40_000),
        ("messages.sent", 12_001),
        ("storage.bytes_peak", 9 * GIGABYTE),
        ("storage.bytes_peak", 11 * GIGABYTE),
    ]
    events = [
        UsageEvent(id=f"u{number}", meter=meter, quantity=quantity, occurred_at=here.clock.now())
        for number, (meter, quantity) in enumerate(used)
    ]
    for _ in range(2):
        await api.record_usage(here.ctx, events=events)
    here.move_to((await here.seen()).period_end)
    await here.tick()
    found = await last_invoice(here)
    assert [(line.kind, line.quantity, line.net_minor) for line in found] == [
        ("subscription", 1, base),
        ("usage", 3, 3 * messages),
        ("usage", 1, storage),
    ]
    assert {(line.currency, line.whole) for line in found} == {(currency, base + 3 * messages + storage)}


async def test_within_what_is_included_nothing_is_added(make_context: ContextMaker) -> None:
    here = await company(make_context, at=BEGIN, zone="UTC")
    await here.subscribed("starter")
    event = UsageEvent(id="u", meter="messages.sent", quantity=50_000, occurred_at=here.clock.now())
    await api.record_usage(here.ctx, events=[event])
    here.move_to((await here.seen()).period_end)
    await here.tick()
    assert await here.billed() == [2700, 2700]
