"""Overdraft: settling more than was held, where the plan allows it and up to the workspace's limit."""

from dataclasses import replace

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX, check_amount
from nexusone.modules.billing.events.ledger import OverdraftLimitChanged
from nexusone.modules.billing.store import caps, overdraft, resolutions
from nexusone.modules.billing.store.holds import HoldRow
from nexusone.modules.billing.store.resolutions import Resolution
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def set_limit(ctx: Context, tx: Transaction, *, limit_micros: int) -> None:
    """Sets how far the workspace may go below zero by settling, in the caller's transaction; its plan must allow it as well."""
    check_amount(limit_micros, most=AMOUNT_MICROS_MAX)
    before = await overdraft.find_limit(tx, workspace_id=ctx.workspace)
    if before != limit_micros:
        await overdraft.set_limit(tx, workspace_id=ctx.workspace, limit=limit_micros, now=ctx.now())
        await publish(tx, OverdraftLimitChanged(limit_micros=limit_micros, before_micros=before))


async def settle_beyond(tx: Transaction, row: HoldRow, wanted: Resolution) -> HoldRow | None:
    """Settles all that is left of a locked hold, and the excess beside it.

    None where that is not allowed: then the transaction must not commit.
    """
    await caps.lock_account(tx, workspace_id=wanted.workspace_id)
    left = row.amount_micros - row.settled_micros
    whole = replace(wanted, used=left, closing=wanted.used)
    if row.state == "expired":
        settled: HoldRow | None = await resolutions.settle_late(tx, whole)
    else:
        settled = await resolutions.resolve(tx, whole)
    if settled is None:
        return None
    is_booked = await overdraft.settle_excess(
        tx, workspace_id=wanted.workspace_id, key=wanted.key, excess=wanted.used - left, transfer_id=new_id(), now=wanted.now
    )
    return settled if is_booked else None
