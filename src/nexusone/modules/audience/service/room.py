"""How many contacts a plan allows: asked where contacts are made, exactly where there is a limit."""

from nexusone.modules.audience.store import room
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

CONTACTS = "contacts.total"


async def room_for_contacts(ctx: Context) -> billing.Allowance:
    """What the plan allows, to be asked in the transaction that makes contacts. No transaction may be open."""
    return await billing.get_allowance(ctx, feature=CONTACTS)


async def wait_for_counting(ctx: Context, tx: Transaction, allowance: billing.Allowance) -> None:
    """Where there is a limit, lets nobody else in the workspace make contacts until the end of the transaction."""
    if allowance.limit is not None:
        await room.lock_counting(tx, workspace_id=ctx.workspace)


async def require_room(ctx: Context, tx: Transaction, allowance: billing.Allowance, *, quantity: int = 1) -> None:
    """Lets `quantity` contacts be made; 0 after some were made asks whether they were too many. Until the end nobody else makes any.

    Raises:
        NotInPlan: the plan does not allow them.
    """
    if allowance.limit is None:
        return
    await wait_for_counting(ctx, tx, allowance)
    allowance.require(used=await room.count_up_to(tx, workspace_id=ctx.workspace, most=allowance.limit + 1), quantity=quantity)


async def count_contacts(ctx: Context) -> int:
    """How many contacts there are."""
    async with ctx.transaction("audience") as tx:
        return await room.count_contacts(tx, workspace_id=ctx.workspace)
