"""Usage is counted once, comes together as the meter says, and is billed late where it comes late."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import ContextMaker

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.usage import UsageEvent
from nexusone.modules.billing.domain.usage import Aggregation, Closing, LateUsage, MeterPrice, lines_of, packages
from nexusone.modules.billing.service import usage, usage_closing
from nexusone.modules.billing.service.meters import meters
from nexusone.modules.billing.service.refusals_usage import MeterNotFound, MeterUnknown, PeriodTooLong, UsageOutOfTime
from nexusone.modules.billing.store import usage as stored
from nexusone.platform.runtime import Context

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=10)
METERS: dict[Aggregation, str] = {
    "count": "api.requests",
    "sum": "messages.sent",
    "max": "storage.bytes_peak",
    "unique": "contacts.active",
    "latest": "contacts.stored",
}
USES = st.lists(
    st.builds(
        UsageEvent,
        id=st.integers(0, 30).map(lambda number: f"e{number}"),
        meter=st.just("messages.sent"),
        quantity=st.integers(0, 10**12),
        subject=st.one_of(st.none(), st.sampled_from(["a", "b", "c"])),
        occurred_at=st.integers(-2 * 24, 12 * 24).map(lambda hours: BEGIN + timedelta(hours=hours)),
    ),
    max_size=40,
)


def use(
    number: int = 0, *, meter: str = "messages.sent", quantity: int = 1, at: datetime = BEGIN, subject: str | None = None
) -> UsageEvent:
    """One event."""
    return UsageEvent(id=f"{meter}:{number}", meter=meter, quantity=quantity, occurred_at=at, subject=subject)


def expected(aggregation: Aggregation, events: Sequence[UsageEvent]) -> int:
    """What the events come to, in plain words."""
    inside = [event for event in events if BEGIN <= event.occurred_at < END]
    match aggregation:
        case "count":
            return len(inside)
        case "sum":
            return sum(event.quantity for event in inside)
        case "max":
            return max((event.quantity for event in inside), default=0)
        case "unique":
            return len({event.subject for event in inside if event.subject is not None})
        case "latest":
            return max(inside, key=lambda event: (event.occurred_at, event.id)).quantity if inside else 0


@pytest.mark.parametrize("aggregation", METERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(USES, max_size=3))
async def test_a_meter_stands_at_what_its_events_come_to(
    make_context: ContextMaker, aggregation: Aggregation, batches: list[list[UsageEvent]]
) -> None:
    ctx = make_context()
    known: dict[str, UsageEvent] = {}
    for batch in batches:
        events = [event.model_copy(update={"meter": METERS[aggregation]}) for event in batch]
        new = {event.id: event for event in reversed(events) if event.id not in known}
        recorded = await api.record_usage(ctx, events=events)
        assert (recorded.recorded, recorded.known) == (len(new), len(events) - len(new))
        known |= new
    async with ctx.transaction("billing") as tx:
        value = await stored.value_over(
            tx, workspace_id=ctx.workspace, meter=METERS[aggregation], aggregation=aggregation, since=BEGIN, until=END
        )
        days = await stored.values_by_day(
            tx, workspace_id=ctx.workspace, meter=METERS[aggregation], aggregation=aggregation, since=BEGIN, until=END
        )
    assert value == expected(aggregation, list(known.values()))
    if aggregation in ("count", "sum"):
        assert sum(row.value for row in days) == value


async def test_the_same_batch_sent_by_ten_at_once_counts_once(ctx: Context) -> None:
    batch = [use(number) for number in range(200)]
    answers = await asyncio.gather(*(api.record_usage(ctx, events=batch) for _ in range(10)))
    assert sum(answer.recorded for answer in answers) == 200
    assert (await usage.get_history(ctx, code="messages.sent", since=BEGIN, until=END)).total.value == 200


async def test_what_is_not_metered_or_out_of_time_is_refused_whole(ctx: Context) -> None:
    with pytest.raises(MeterUnknown):
        await api.record_usage(ctx, events=[use(), use(meter="no.such")])
    for at in (ctx.now() - timedelta(days=401), ctx.now() + timedelta(hours=2)):
        with pytest.raises(UsageOutOfTime):
            await api.record_usage(ctx, events=[use(), use(1, at=at)])
    with pytest.raises(PeriodTooLong):
        await usage.get_usage(ctx, since=END, until=BEGIN)
    with pytest.raises(MeterNotFound):
        await usage.get_history(ctx, code="no.such", since=None, until=None)
    assert {meter.value for meter in (await usage.get_usage(ctx, since=BEGIN, until=END)).meters} == {0}


async def close(ctx: Context, start: datetime) -> Closing:
    """Closes the ten days from then."""
    async with ctx.transaction("billing") as tx:
        return await usage_closing.close_period(ctx, tx, period_start=start, period_end=start + timedelta(days=10))


async def test_late_usage_is_told_by_the_next_closing_and_once(ctx: Context) -> None:
    first = BEGIN - timedelta(days=20)
    await api.record_usage(ctx, events=[use(1, quantity=100, at=first)])
    closed = await close(ctx, first)
    assert {meter.meter: meter.value for meter in closed.meters}["messages.sent"] == 100
    await api.record_usage(ctx, events=[use(2, quantity=30, at=first + timedelta(days=1))])
    assert await close(ctx, first) == replace(closed, is_repeated=True)
    second = await close(ctx, first + timedelta(days=10))
    assert second.late == (LateUsage("messages.sent", first, first + timedelta(days=10), 100, 130),)
    await api.record_usage(ctx, events=[use(3, quantity=5, at=first + timedelta(days=2))])
    third = await close(ctx, first + timedelta(days=20))
    assert [(late.before, late.after) for late in third.late] == [(130, 135)]
    assert (await close(ctx, first + timedelta(days=30))).late == ()


async def test_two_closings_at_once_are_one(ctx: Context) -> None:
    await api.record_usage(ctx, events=[use(at=BEGIN)])
    one, other = await asyncio.gather(close(ctx, BEGIN), close(ctx, BEGIN))
    assert one.meters == other.meters
    assert {one.is_repeated, other.is_repeated} == {True, False}


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5), st.integers(1, 1000), st.integers(0, 10**4))
def test_an_adjustment_makes_up_exactly_for_what_came_late(before: int, late: int, included: int, per: int, amount: int) -> None:
    price = MeterPrice(included, per, amount, "EUR")
    closing = Closing((), (LateUsage("messages.sent", BEGIN, END, before, before + late, price),))
    lines = lines_of(closing, tell=lambda kind, meter, since, until: meter)
    assert sum(line.amount for line in lines) == (packages(before + late, price) - packages(before, price)) * amount
    assert all(line.kind == "adjustment" and line.quantity > 0 for line in lines)


def test_every_kind_of_aggregation_has_a_meter() -> None:
    assert {meters()[code].aggregation for code in METERS.values()} == set(METERS)


async def test_another_workspace_has_its_own_ids(ctx: Context, make_context: ContextMaker) -> None:
    other = make_context(workspace_id=new_id())
    assert (await api.record_usage(ctx, events=[use()])).recorded == 1
    assert (await api.record_usage(other, events=[use()])).recorded == 1
