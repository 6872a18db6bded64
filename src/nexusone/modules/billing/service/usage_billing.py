"""What a subscription's usage adds to its invoices: the overage of a period that is left, and late usage of those before it."""

from nexusone.modules.billing.domain.invoices import DraftLine
from nexusone.modules.billing.domain.periods import Period
from nexusone.modules.billing.domain.usage import Closing, lines_of
from nexusone.modules.billing.service.subscriptions_billing import wording_for
from nexusone.modules.billing.service.usage_closing import close_period, foresee
from nexusone.modules.billing.service.usage_prices import prices_under
from nexusone.modules.billing.store import profiles
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def close_usage(ctx: Context, tx: Transaction, row: SubscriptionRow, *, used: Period, room: int) -> tuple[DraftLine, ...]:
    """Closes what was used of a period and gives its lines, under the subscription's lock; a trial's usage costs nothing.

    `room` is what the invoice charges already: late usage that takes more away waits. Where nobody can be billed, nothing is closed.
    """
    if used.seconds <= 0 or await profiles.find_profile(tx, workspace_id=ctx.workspace) is None:
        return ()
    prices = None if row.paid_periods == 0 else await prices_under(ctx, tx, row.standing().terms)
    closing = await close_period(
        ctx, tx, period_start=used.starts_at, period_end=used.ends_at, prices=prices, currency=row.currency, room=room
    )
    return await _lines(ctx, tx, row, closing)


async def foresee_usage(ctx: Context, tx: Transaction, row: SubscriptionRow, *, used: Period, room: int) -> tuple[DraftLine, ...]:
    """The lines that `close_usage` would give now to whoever can be billed; nothing is closed."""
    if used.seconds <= 0:
        return ()
    prices = None if row.paid_periods == 0 else await prices_under(ctx, tx, row.standing().terms)
    closing = await foresee(ctx, tx, period_start=used.starts_at, period_end=used.ends_at, prices=prices, currency=row.currency, room=room)
    return await _lines(ctx, tx, row, closing)


async def _lines(ctx: Context, tx: Transaction, row: SubscriptionRow, closing: Closing) -> tuple[DraftLine, ...]:
    words = await wording_for(ctx, tx, zone=row.zone)
    return lines_of(closing, tell=lambda kind, meter, since, until: words.usage(kind, meter, Period(since, until)))
