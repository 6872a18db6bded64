"""Closing periods of usage: what is billed stays billed, and what comes later is billed as an adjustment with the next closing."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from nexusone.modules.billing.domain.usage import ClosedMeter, Closing, LateUsage, MeterPrice, billable
from nexusone.modules.billing.service.meters import meters
from nexusone.modules.billing.store import usage
from nexusone.modules.billing.store.usage import ClosingRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

LOOK_BACK = timedelta(days=800)


async def close_period(
    ctx: Context,
    tx: Transaction,
    *,
    period_start: datetime,
    period_end: datetime,
    prices: Mapping[str, MeterPrice] | None = None,
    currency: str | None = None,
    room: int = 0,
) -> Closing:
    """Closes a period of the workspace in the caller's transaction, and finds earlier ones that late usage has changed since.

    `domain.usage.lines_of` makes invoice lines of it. A period that is closed already gives what it was closed at, without late usage,
    and says so. Of late usage, what `domain.usage.billable` leaves is found again by the next closing.
    """
    await usage.lock_closings(tx, workspace_id=ctx.workspace)
    found = await foresee(ctx, tx, period_start=period_start, period_end=period_end, prices=prices, currency=currency, room=room)
    if found.is_repeated:
        return found
    closed = [ClosingRow(meter.meter, meter.period_start, meter.period_end, 1, meter.value, meter.price) for meter in found.meters]
    revised = [ClosingRow(late.meter, late.period_start, late.period_end, late.revision + 1, late.after, late.price) for late in found.late]
    await usage.insert_closings(tx, workspace_id=ctx.workspace, closings=[*closed, *revised], now=ctx.now())
    return found


async def foresee(
    ctx: Context,
    tx: Transaction,
    *,
    period_start: datetime,
    period_end: datetime,
    prices: Mapping[str, MeterPrice] | None,
    currency: str | None,
    room: int,
) -> Closing:
    """What closing a period now would find; nothing is closed."""
    known = await usage.list_closed(tx, workspace_id=ctx.workspace, period_start=period_start)
    if known:
        return Closing(meters=tuple(known), late=(), is_repeated=True)
    closed = [
        ClosedMeter(
            meter, period_start, period_end, await _value(ctx, tx, meter, period_start, period_end), prices.get(meter) if prices else None
        )
        for meter in meters()
    ]
    late = [
        LateUsage(row.meter, row.period_start, row.period_end, row.value, after, row.price, row.revision)
        for row in await usage.list_late(tx, workspace_id=ctx.workspace, since=ctx.now() - LOOK_BACK)
        if (after := await _value(ctx, tx, row.meter, row.period_start, row.period_end)) != row.value
    ]
    return billable(Closing(meters=tuple(closed), late=tuple(late)), currency=currency, room=room)


async def _value(ctx: Context, tx: Transaction, meter: str, since: datetime, until: datetime) -> int:
    known = meters().get(meter)
    if known is None:
        return 0
    return await usage.value_over(tx, workspace_id=ctx.workspace, meter=meter, aggregation=known.aggregation, since=since, until=until)
