"""Closing periods of usage: what is billed stays billed, and what comes later is billed as an adjustment with the next closing."""

from dataclasses import replace
from datetime import datetime, timedelta

from nexusone.modules.billing.domain.usage import ClosedMeter, Closing, LateUsage
from nexusone.modules.billing.service.meters import meters
from nexusone.modules.billing.store import usage
from nexusone.modules.billing.store.usage import ClosingRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

LOOK_BACK = timedelta(days=800)


async def close_period(ctx: Context, tx: Transaction, *, period_start: datetime, period_end: datetime) -> Closing:
    """Closes a period of the workspace in the caller's transaction, and finds earlier ones that late usage has changed since.

    `domain.usage.lines_of` makes invoice lines of it. A period that is closed already gives what it was closed at, without late usage.
    """
    await usage.lock_closings(tx, workspace_id=ctx.workspace)
    known = await usage.list_closed(tx, workspace_id=ctx.workspace, period_start=period_start)
    if known:
        return Closing(meters=tuple(known), late=())
    changed = [
        (row, after)
        for row in await usage.list_late(tx, workspace_id=ctx.workspace, since=ctx.now() - LOOK_BACK)
        if (after := await _value(ctx, tx, row.meter, row.period_start, row.period_end)) != row.value
    ]
    closed = [ClosingRow(meter, period_start, period_end, 1, await _value(ctx, tx, meter, period_start, period_end)) for meter in meters()]
    revised = [replace(row, revision=row.revision + 1, value=after) for row, after in changed]
    await usage.insert_closings(tx, workspace_id=ctx.workspace, closings=[*closed, *revised], now=ctx.now())
    return Closing(
        meters=tuple(ClosedMeter(row.meter, row.period_start, row.period_end, row.value) for row in closed),
        late=tuple(LateUsage(row.meter, row.period_start, row.period_end, row.value, after) for row, after in changed),
    )


async def _value(ctx: Context, tx: Transaction, meter: str, since: datetime, until: datetime) -> int:
    known = meters().get(meter)
    if known is None:
        return 0
    return await usage.value_over(tx, workspace_id=ctx.workspace, meter=meter, aggregation=known.aggregation, since=since, until=until)
