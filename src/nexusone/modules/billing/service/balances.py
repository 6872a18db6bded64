"""Reading balances and the lines behind them."""

from nexusone.kernel.money import credits_to_text
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.credits import Balance, Credits, LedgerEntry
from nexusone.modules.billing.store import balances
from nexusone.modules.billing.store.balances import BalanceRow, EntryRow
from nexusone.platform.runtime import Context

NOTHING = BalanceRow(granted=0, available=0, held=0, spent=0, overdraft=0, expired=0)


async def get_balance(ctx: Context) -> Balance:
    """The balance in micro-credits; zeros where nothing was ever granted."""
    row = await _row(ctx)
    return Balance(
        available_micros=row.available,
        held_micros=row.held,
        spent_micros=row.spent,
        expired_micros=row.expired,
        overdraft_micros=row.overdraft,
        granted_micros=row.granted,
    )


async def get_credits(ctx: Context) -> Credits:
    """The balance as it is on the wire."""
    row = await _row(ctx)
    return Credits(
        available=credits_to_text(row.available),
        held=credits_to_text(row.held),
        spent=credits_to_text(row.spent),
        expired=credits_to_text(row.expired),
        overdraft=credits_to_text(row.overdraft),
        granted=credits_to_text(row.granted),
    )


async def list_entries(ctx: Context, *, request: PageRequest) -> PageOf[LedgerEntry]:
    """Lines of the ledger, newest first."""
    before = int(request.after[0]) if request.after else None
    async with ctx.transaction("billing") as tx:
        rows = await balances.list_entries(tx, workspace_id=ctx.workspace, before=before, limit=request.limit + 1)
    shown = rows[: request.limit]
    next_after = (str(shown[-1].id),) if len(rows) > request.limit else None
    return PageOf(items=tuple(_entry(row) for row in shown), next_after=next_after)


async def _row(ctx: Context) -> BalanceRow:
    return await balances.find_balance_in_one_trip(ctx, now=ctx.now()) or NOTHING


def _entry(row: EntryRow) -> LedgerEntry:
    return LedgerEntry(
        transfer_id=row.transfer_id,
        time=row.created_at,
        kind=row.kind,
        purpose=row.purpose,
        key=row.subject_key,
        amount=credits_to_text(row.amount_micros),
        account=row.account,
    )
