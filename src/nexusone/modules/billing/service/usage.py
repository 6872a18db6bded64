"""Taking in usage and telling it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nexusone.modules.billing.contracts.usage import DayUsage, MeterHistory, MeterUsage, NewUsage, UsageEvent, UsageOfPeriod, UsageRecorded
from nexusone.modules.billing.domain.usage import Meter
from nexusone.modules.billing.service.meters import meters
from nexusone.modules.billing.service.refusals_usage import MeterNotFound, MeterUnknown, PeriodTooLong, UsageOutOfTime
from nexusone.modules.billing.store import usage
from nexusone.platform.audit import record as record_entry
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

AGE_MAX = timedelta(days=400)
AHEAD_MAX = timedelta(hours=1)
BATCH_MAX = 10_000
# No id from outside has white space: whoever may report usage cannot take the place of ours.
OURS = "nexusone "


async def record(ctx: Context, *, events: Sequence[UsageEvent]) -> UsageRecorded:
    """Writes a batch in one statement, each id once for all time; see `api.record_usage`."""
    ours = own_events(ctx, events)

    async def work(tx: Transaction) -> UsageRecorded:
        return await _record(ctx, tx, ours)

    return await ctx.atomically("billing", work)


def own_events(ctx: Context, events: Sequence[UsageEvent]) -> list[UsageEvent]:
    """Checked events under ids that nobody outside can take; see `api.record_usage` for what is raised."""
    _check(ctx, events)
    return [event.model_copy(update={"id": OURS + event.id}) for event in events]


async def record_request(ctx: Context, *, wanted: NewUsage) -> UsageRecorded:
    """The same for a request from outside."""
    _check(ctx, wanted.events)

    async def work(tx: Transaction) -> UsageRecorded:
        recorded = await _record(ctx, tx, wanted.events)
        await record_entry(
            tx, action="billing.usage.reported", object_kind="usage", object_id=wanted.events[0].id, after={"recorded": recorded.recorded}
        )
        await conclude(tx, recorded)
        return recorded

    return await ctx.atomically("billing", work)


async def get_usage(ctx: Context, *, since: datetime | None, until: datetime | None) -> UsageOfPeriod:
    """What all meters stand at over a period; by default the month that runs. Raises: PeriodTooLong."""
    start, end = _period(ctx, since, until)
    async with ctx.transaction("billing") as tx:
        found = [await _usage_of(ctx, tx, meter, start, end) for meter in meters().values()]
    return UsageOfPeriod(period_start=start, period_end=end, meters=found)


async def get_history(ctx: Context, *, code: str, since: datetime | None, until: datetime | None) -> MeterHistory:
    """One meter over a period and by day. Raises: MeterNotFound, PeriodTooLong."""
    meter = meters().get(code)
    if meter is None:
        raise MeterNotFound(meter=code)
    start, end = _period(ctx, since, until)
    async with ctx.transaction("billing") as tx:
        total = await _usage_of(ctx, tx, meter, start, end)
        days = await usage.values_by_day(tx, workspace_id=ctx.workspace, meter=code, aggregation=meter.aggregation, since=start, until=end)
    told = [DayUsage(day=row.day.isoformat(), value=row.value) for row in days]
    return MeterHistory(period_start=start, period_end=end, total=total, days=told)


async def _record(ctx: Context, tx: Transaction, events: Sequence[UsageEvent]) -> UsageRecorded:
    recorded = await usage.insert_events(tx, workspace_id=ctx.workspace, events=events, now=ctx.now())
    return UsageRecorded(recorded=recorded, known=len(events) - recorded)


def _check(ctx: Context, events: Sequence[UsageEvent]) -> None:
    if len(events) > BATCH_MAX:
        raise ValueError(f"a batch has at most {BATCH_MAX} events, not {len(events)}")
    oldest, newest = ctx.now() - AGE_MAX, ctx.now() + AHEAD_MAX
    for event in events:
        if event.meter not in meters():
            raise MeterUnknown(meter=event.meter)
        if not oldest <= event.occurred_at <= newest:
            raise UsageOutOfTime(id=event.id, occurred_at=event.occurred_at.isoformat())


async def _usage_of(ctx: Context, tx: Transaction, meter: Meter, since: datetime, until: datetime) -> MeterUsage:
    value = await usage.value_over(
        tx, workspace_id=ctx.workspace, meter=meter.code, aggregation=meter.aggregation, since=since, until=until
    )
    return MeterUsage(meter=meter.code, aggregation=meter.aggregation, unit=meter.unit, value=value)


def _period(ctx: Context, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    end = until or ctx.now()
    start = since or end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if not timedelta(0) <= end - start <= AGE_MAX:
        raise PeriodTooLong
    return start, end
