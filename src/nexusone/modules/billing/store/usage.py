"""SQL of usage: taken in by batches, brought together by one statement a meter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nexusone.modules.billing.contracts.usage import UsageEvent
from nexusone.modules.billing.domain.usage import Aggregation, ClosedMeter, MeterPrice
from nexusone.platform.database import Transaction
from nexusone.platform.sql import Sql, fragment, sql

INSERT_EVENTS = sql("""
insert into billing.usage_event (workspace_id, id, meter, quantity, subject, occurred_at, recorded_at)
select %(workspace_id)s, e.id, e.meter, e.quantity, e.subject, e.occurred_at, %(now)s
from unnest(%(ids)s::text[], %(meters)s::text[], %(quantities)s::bigint[], %(subjects)s::text[], %(times)s::timestamptz[])
    as e (id, meter, quantity, subject, occurred_at)
on conflict (workspace_id, id) do nothing
""")

VALUES: Mapping[Aggregation, Sql] = {
    "count": fragment("count(*)"),
    "sum": fragment("coalesce(sum(e.quantity), 0)::bigint"),
    "max": fragment("coalesce(max(e.quantity), 0)"),
    "unique": fragment("count(distinct e.subject)"),
    # Of several at the same instant, the one with the greatest id.
    "latest": fragment("coalesce((array_agg(e.quantity order by e.occurred_at desc, e.id desc))[1], 0)"),
}

OVER_PERIOD = fragment("""
select {value}
from billing.usage_event as e
where e.workspace_id = %(workspace_id)s and e.meter = %(meter)s and e.occurred_at >= %(since)s and e.occurred_at < %(until)s
""")

BY_DAY = fragment("""
select (e.occurred_at at time zone 'UTC')::date as day, {value} as value
from billing.usage_event as e
where e.workspace_id = %(workspace_id)s and e.meter = %(meter)s and e.occurred_at >= %(since)s and e.occurred_at < %(until)s
group by 1
order by 1
""")

COUNT_OVER_PERIOD = OVER_PERIOD.fill(value=VALUES["count"])
SUM_OVER_PERIOD = OVER_PERIOD.fill(value=VALUES["sum"])
MAX_OVER_PERIOD = OVER_PERIOD.fill(value=VALUES["max"])
UNIQUE_OVER_PERIOD = OVER_PERIOD.fill(value=VALUES["unique"])
LATEST_OVER_PERIOD = OVER_PERIOD.fill(value=VALUES["latest"])

PERIOD_STATEMENTS: Mapping[Aggregation, Sql] = {
    "count": COUNT_OVER_PERIOD,
    "sum": SUM_OVER_PERIOD,
    "max": MAX_OVER_PERIOD,
    "unique": UNIQUE_OVER_PERIOD,
    "latest": LATEST_OVER_PERIOD,
}
DAY_STATEMENTS: Mapping[Aggregation, Sql] = {aggregation: BY_DAY.fill(value=value) for aggregation, value in VALUES.items()}

# Closings of a workspace follow one another: two at once would both find the same late usage.
LOCK_CLOSINGS = sql("""
select pg_advisory_xact_lock(hashtextextended('billing.usage_closing:' || %(workspace_id)s::uuid::text, 0))
""")

# Only the last closing of a period counts: what came after an earlier one is in it.
LIST_LATE = sql("""
with last as (
    select distinct on (c.meter, c.period_start)
        c.meter, c.period_start, c.period_end, c.revision, c.value, c.currency, c.included, c.per, c.unit_amount, c.closed_at
    from billing.usage_closing as c
    where c.workspace_id = %(workspace_id)s and c.period_end > %(since)s
    order by c.meter, c.period_start, c.revision desc
)
select c.meter, c.period_start, c.period_end, c.revision, c.value, c.currency, c.included, c.per, c.unit_amount
from last as c
where exists (
    select 1 from billing.usage_event as e
    where e.workspace_id = %(workspace_id)s and e.meter = c.meter and e.occurred_at >= c.period_start and e.occurred_at < c.period_end
        and e.recorded_at >= c.closed_at - interval '5 minutes'
)
order by c.meter, c.period_start
""")

INSERT_CLOSINGS = sql("""
insert into billing.usage_closing (
    workspace_id, meter, period_start, period_end, revision, value, currency, included, per, unit_amount, closed_at
)
select %(workspace_id)s, c.meter, c.period_start, c.period_end, c.revision, c.value, c.currency, c.included, c.per, c.unit_amount, %(now)s
from unnest(
    %(meters)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(revisions)s::bigint[], %(values)s::bigint[],
    %(currencies)s::text[], %(included)s::bigint[], %(pers)s::bigint[], %(amounts)s::bigint[]
) as c (meter, period_start, period_end, revision, value, currency, included, per, unit_amount)
""")

LIST_CLOSED = sql("""
select meter, period_start, period_end, value
from billing.usage_closing
where workspace_id = %(workspace_id)s and period_start = %(period_start)s and revision = 1
order by meter
""")


@dataclass(frozen=True, slots=True)
class ClosingRow:
    """The last closing of a meter's period."""

    meter: str
    period_start: datetime
    period_end: datetime
    revision: int
    value: int
    price: MeterPrice | None


@dataclass(frozen=True, slots=True)
class LateRow:
    """The last closing of a meter's period, as it is stored; without a currency it was not billed."""

    meter: str
    period_start: datetime
    period_end: datetime
    revision: int
    value: int
    currency: str | None
    included: int | None
    per: int | None
    unit_amount: int | None

    @property
    def price(self) -> MeterPrice | None:
        """What it was billed at."""
        if self.currency is None or self.included is None or self.per is None or self.unit_amount is None:
            return None
        return MeterPrice(self.included, self.per, self.unit_amount, self.currency)


@dataclass(frozen=True, slots=True)
class ClosedRow:
    """What a meter stood at when its period was first closed."""

    meter: str
    period_start: datetime
    period_end: datetime
    value: int


@dataclass(frozen=True, slots=True)
class DayRow:
    """A meter over one day."""

    day: date
    value: int


async def insert_events(tx: Transaction, *, workspace_id: UUID, events: Sequence[UsageEvent], now: datetime) -> int:
    """Writes events that are not known by their id; answers how many."""
    return await tx.execute(INSERT_EVENTS, {"workspace_id": workspace_id, "now": now, **events_parameters(events)})


def events_parameters(events: Sequence[UsageEvent]) -> dict[str, object]:
    """Events as the arrays that statements take them in."""
    return {
        "ids": [event.id for event in events],
        "meters": [event.meter for event in events],
        "quantities": [event.quantity for event in events],
        "subjects": [event.subject for event in events],
        "times": [event.occurred_at for event in events],
    }


async def value_over(tx: Transaction, *, workspace_id: UUID, meter: str, aggregation: Aggregation, since: datetime, until: datetime) -> int:
    """What a meter stands at over `since` up to before `until`."""
    asked = {"workspace_id": workspace_id, "meter": meter, "since": since, "until": until}
    return await tx.fetch_value(int, PERIOD_STATEMENTS[aggregation], asked)


async def values_by_day(
    tx: Transaction, *, workspace_id: UUID, meter: str, aggregation: Aggregation, since: datetime, until: datetime
) -> list[DayRow]:
    """The same, day by day where there is anything."""
    asked = {"workspace_id": workspace_id, "meter": meter, "since": since, "until": until}
    return await tx.fetch_all(DayRow, DAY_STATEMENTS[aggregation], asked)


async def lock_closings(tx: Transaction, *, workspace_id: UUID) -> None:
    """Waits for another closing of the workspace."""
    await tx.execute(LOCK_CLOSINGS, {"workspace_id": workspace_id})


async def list_late(tx: Transaction, *, workspace_id: UUID, since: datetime) -> list[LateRow]:
    """The closed periods that end after `since` and may have got something more, with their last closing.

    Five minutes are allowed for a batch that began before the closing and was committed after it.
    """
    return await tx.fetch_all(LateRow, LIST_LATE, {"workspace_id": workspace_id, "since": since})


async def insert_closings(tx: Transaction, *, workspace_id: UUID, closings: Sequence[ClosingRow], now: datetime) -> None:
    """Writes closings."""
    await tx.execute(
        INSERT_CLOSINGS,
        {
            "workspace_id": workspace_id,
            "now": now,
            "meters": [closing.meter for closing in closings],
            "starts": [closing.period_start for closing in closings],
            "ends": [closing.period_end for closing in closings],
            "revisions": [closing.revision for closing in closings],
            "values": [closing.value for closing in closings],
            "currencies": [closing.price.currency if closing.price else None for closing in closings],
            "included": [closing.price.included if closing.price else None for closing in closings],
            "pers": [closing.price.per if closing.price else None for closing in closings],
            "amounts": [closing.price.unit_amount if closing.price else None for closing in closings],
        },
    )


async def list_closed(tx: Transaction, *, workspace_id: UUID, period_start: datetime) -> list[ClosedMeter]:
    """What the period was closed at, where it was."""
    rows = await tx.fetch_all(ClosedRow, LIST_CLOSED, {"workspace_id": workspace_id, "period_start": period_start})
    return [ClosedMeter(row.meter, row.period_start, row.period_end, row.value) for row in rows]
