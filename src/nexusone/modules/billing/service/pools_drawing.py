"""Moving credits between an agency's ledger and a client's: asked in one, paid there, granted in the other.

No transaction spans both: every step is booked once under the key of the draw, and what was left lying is gone on with.
"""

from datetime import date, timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing.contracts.credits import Hold
from nexusone.modules.billing.service import grants, holds
from nexusone.modules.billing.service.refusals import InsufficientCredits
from nexusone.modules.billing.service.refusals_credits import CapReached
from nexusone.modules.billing.store import grants as grants_store
from nexusone.modules.billing.store import pools, pools_drawing
from nexusone.modules.billing.store.pools_drawing import DrawRow, NewDraw, ReturnRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

DRAW_PURPOSE = "pool"
RETURN_PURPOSE = "pool_return"
PAID_WITHIN = timedelta(minutes=30)
LEFT_LYING_AFTER = timedelta(minutes=2)
# Others in the workspace may use what was drawn before it is held.
DRAWS_MAX = 3


async def hold_from_pool(
    ctx: Context, *, refused: InsufficientCredits, key: str, amount_micros: int, purpose: str, expires_in: timedelta, job: str | None = None
) -> Hold:
    """Holds what the workspace's own credits did not cover, after drawing exactly what is missing from its agency's pool.

    Raises:
        InsufficientCredits: the refusal before, where there is no pool, or the pool or the workspace's limit does not cover it.
    """
    async with ctx.transaction("billing") as tx:
        agency_id = await pools.find_agency(tx, workspace_id=ctx.workspace)
    if agency_id is None:
        raise refused
    for number in range(DRAWS_MAX):
        missing = credits_from_text(str(refused.data["needed"])) - credits_from_text(str(refused.data["available"]))
        if not await draw(ctx, agency_id=agency_id, key=f"{key}:{number}", amount_micros=max(1, missing)):
            raise refused
        try:
            return await holds.hold(ctx, key=key, amount_micros=amount_micros, purpose=purpose, expires_in=expires_in, job=job)
        except CapReached:
            raise
        except InsufficientCredits as again:
            refused = again
    raise refused


async def draw(ctx: Context, *, agency_id: UUID, key: str, amount_micros: int) -> bool:
    """Draws credits from the agency's pool into the workspace, once per key; whether the workspace got them."""
    agency = ctx.runtime.system(agency_id)
    wanted = NewDraw(
        workspace_id=agency_id,
        id=new_id(),
        client_id=ctx.workspace,
        key=key,
        month=month_of(ctx),
        amount=amount_micros,
        now=ctx.now(),
    )

    async def work(tx: Transaction) -> DrawRow | None:
        return await pools_drawing.begin_draw(tx, wanted)

    row = await agency.atomically("billing", work)
    if row is None or row.state != "asked":
        return row is not None and row.state == "granted"
    return await _finish_draw(agency, row)


async def return_unused(ctx: Context, *, agency_id: UUID) -> None:
    """Gives back to the agency what the workspace has left of what it drew."""
    async with ctx.transaction("billing") as tx:
        left = await pools_drawing.sum_pooled(tx, workspace_id=ctx.workspace)
        if not left:
            return
        row = ReturnRow(new_id(), agency_id, left)
        await pools_drawing.insert_return(tx, row, workspace_id=ctx.workspace, now=ctx.now())
    await _finish_return(ctx, row)


async def finish_begun(ctx: Context) -> None:
    """Goes on with draws and returns that were left lying, in every workspace."""
    before = ctx.now() - LEFT_LYING_AFTER
    async with ctx.transaction("system") as tx:
        draws = await pools_drawing.list_begun_draws(tx, before=before)
        returns = await pools_drawing.list_begun_returns(tx, before=before)
    for begun in draws:
        inside = ctx.for_workspace(begun.workspace_id)
        async with inside.transaction("billing") as tx:
            drawn = await pools_drawing.claim_draw(tx, workspace_id=inside.workspace, draw_id=begun.id, before=before, now=ctx.now())
        if drawn is not None:
            await _finish_draw(inside, drawn)
    for begun in returns:
        inside = ctx.for_workspace(begun.workspace_id)
        async with inside.transaction("billing") as tx:
            given = await pools_drawing.claim_return(tx, workspace_id=inside.workspace, return_id=begun.id, before=before, now=ctx.now())
        if given is not None:
            await _finish_return(inside, given)


def month_of(ctx: Context) -> date:
    """The first day of the present month, UTC."""
    return ctx.now().date().replace(day=1)


async def _finish_draw(agency: Context, row: DrawRow) -> bool:
    is_paid = await _pay(agency, key=f"pool:{row.id}", amount_micros=row.amount_micros, purpose=DRAW_PURPOSE)
    if is_paid:
        client = agency.runtime.system(row.client_id)
        await grants.grant_alone(client, key=f"pool:{row.id}", amount_micros=row.amount_micros, source="pool")
    async with agency.transaction("billing") as tx:
        await pools_drawing.end_draw(tx, row, workspace_id=agency.workspace, is_granted=is_paid, now=agency.now())
    return is_paid


async def _finish_return(client: Context, row: ReturnRow) -> None:
    is_paid = await _pay(client, key=f"pool_return:{row.id}", amount_micros=row.amount_micros, purpose=RETURN_PURPOSE)
    if is_paid:
        await _take_back(client.runtime.system(row.agency_id), row, client_id=client.workspace)
    async with client.transaction("billing") as tx:
        await pools_drawing.end_return(tx, workspace_id=client.workspace, return_id=row.id, is_granted=is_paid, now=client.now())


async def _take_back(agency: Context, row: ReturnRow, *, client_id: UUID) -> None:
    key = f"pool_return:{row.id}"

    async def work(tx: Transaction) -> None:
        await pools_drawing.lock_share(tx, workspace_id=agency.workspace, client_id=client_id)
        if await grants_store.is_granted(tx, workspace_id=agency.workspace, key=key):
            return
        await pools_drawing.count_return(tx, workspace_id=agency.workspace, client_id=client_id, amount=row.amount_micros)
        await grants.grant(agency, tx, key=key, source="pool_return", amount_micros=row.amount_micros, priority=None, expires_at=None)

    await agency.atomically("billing", work)


async def _pay(ctx: Context, *, key: str, amount_micros: int, purpose: str) -> bool:
    """Takes credits out of a ledger for good, once per key; False where they are not there."""
    try:
        await holds.hold(ctx, key=key, amount_micros=amount_micros, purpose=purpose, expires_in=PAID_WITHIN)
    except InsufficientCredits:
        return False
    await holds.settle(ctx, key=key, amount_micros=amount_micros)
    return True
