"""What time takes back, by the clock, in every workspace."""

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.events.ledger import ExpiredHold, HoldsExpired
from nexusone.modules.billing.service import watching
from nexusone.modules.billing.service.bookings import repay
from nexusone.modules.billing.store import caps, expiry
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

WORKSPACES_MAX = 10_000
HOLDS_MAX = 500


async def expire_holds(ctx: Context) -> None:
    """Releases every hold past its time; what is over the limits waits for the next run."""
    async with ctx.transaction("system") as tx:
        found = await expiry.list_workspaces_with_due_holds(tx, now=ctx.now(), limit=WORKSPACES_MAX)
    for workspace in found:
        inside = ctx.for_workspace(workspace.workspace_id)
        for start in range(0, workspace.due, HOLDS_MAX):
            await _expire_some_holds(inside, count=min(HOLDS_MAX, workspace.due - start))


async def expire_grants(ctx: Context) -> None:
    """Takes what is left of grants past their time, but for what rolls over."""
    async with ctx.transaction("system") as tx:
        found = await expiry.list_workspaces_with_due_grants(tx, now=ctx.now(), limit=WORKSPACES_MAX)
    for workspace in found:
        inside = ctx.for_workspace(workspace.workspace_id)
        async with inside.transaction("billing") as tx:
            await caps.lock_account(tx, workspace_id=inside.workspace)
            is_watched = await expiry.expire_grants(
                tx, workspace_id=inside.workspace, now=ctx.now(), transfer_id=new_id(), rollover_id=new_id()
            )
            if is_watched:
                await watching.look(inside, tx)


async def _expire_some_holds(ctx: Context, *, count: int) -> None:
    async def work(tx: Transaction) -> None:
        transfer_ids = [new_id() for _ in range(count)]
        rows = await expiry.expire_holds(tx, workspace_id=ctx.workspace, now=ctx.now(), transfer_ids=transfer_ids)
        if not rows:
            return
        if rows[0].owes:
            await repay(ctx, tx)
        expired = [
            ExpiredHold(hold_id=row.id, key=row.key, purpose=row.purpose, returned_micros=row.rest, is_kept=row.is_kept) for row in rows
        ]
        await publish(tx, HoldsExpired(holds=expired))

    await ctx.atomically("billing", work)
