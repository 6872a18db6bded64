"""What is left of what credits earn after the vendors' part, and what happens where it is too little."""

from datetime import datetime, timedelta
from uuid import UUID

from nexusone.kernel.money import BIGINT_MAX, MICROS_PER_CREDIT
from nexusone.modules.billing.contracts.usage import Margin, NewMarginFloor, PurposeMargin, ReactionName
from nexusone.modules.billing.domain.amounts import check_key
from nexusone.modules.billing.domain.usage import is_below, margin_bps
from nexusone.modules.billing.events.usage import MarginFloorChanged, MarginLow
from nexusone.modules.billing.service.refusals_credits import WorkspaceUnknown
from nexusone.modules.billing.service.refusals_usage import PeriodTooLong, PurposeStopped
from nexusone.modules.billing.settings import UsageSettings
from nexusone.modules.billing.store import margins
from nexusone.modules.billing.store.margins import FloorRow, MarginRow
from nexusone.modules.identity import api as identity
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

WATCHED = timedelta(days=1)
WORKSPACES_MAX = 10_000
PERIOD_MAX = timedelta(days=400)
# Clocks of processes differ, and a transfer's id is made a moment before its row.
ID_SLACK = timedelta(days=2)
NANO_PER_DOLLAR = 10**9
# A thousand of the largest can be added up.
COST_NANO_MAX = BIGINT_MAX // 1000


async def record_cost(ctx: Context, *, key: str, purpose: str, cost_nano: int) -> None:
    """Notes what a vendor charged for a purpose, once per key; see `api.record_cost`."""
    check_key(key)
    check_cost(cost_nano)
    async with ctx.transaction("billing") as tx:
        await margins.insert_cost(tx, workspace_id=ctx.workspace, key=key, purpose=purpose, cost_nano=cost_nano, now=ctx.now())


def check_cost(cost_nano: int) -> None:
    """Raises ValueError for what no vendor charges."""
    if not 0 <= cost_nano <= COST_NANO_MAX:
        raise ValueError(f"a cost is between nothing and nine million dollars, not {cost_nano} nano-dollars")


async def find_reaction(ctx: Context, *, purpose: str) -> ReactionName | None:
    """What is to happen to a purpose now; None while it is above its floor. See `api.margin_reaction`."""
    async with ctx.transaction("billing") as tx:
        found = await margins.find_reaction(tx, workspace_id=ctx.workspace, purpose=purpose)
    return "stop" if found == "stop" else "reroute" if found == "reroute" else "tell" if found else None


async def check(ctx: Context, *, purpose: str) -> ReactionName | None:
    """Lets a purpose pass unless its margin has stopped it; see `api.check_margin`."""
    reaction = await find_reaction(ctx, purpose=purpose)
    if reaction == "stop":
        raise PurposeStopped(purpose=purpose)
    return reaction


async def get_margin(ctx: Context, *, since: datetime | None, until: datetime | None) -> Margin:
    """What each purpose earned and cost; by default over the last 30 days. Raises: PeriodTooLong."""
    end = until or ctx.now()
    start = since or end - timedelta(days=30)
    if not timedelta(0) <= end - start <= PERIOD_MAX:
        raise PeriodTooLong
    async with ctx.transaction("billing") as tx:
        rows = await _rows(ctx, tx, start, end)
        floor = await _floor(ctx, tx)
    return Margin(
        workspace_id=ctx.workspace,
        period_start=start,
        period_end=end,
        floor_bps=floor.floor_bps if floor else None,
        reaction=floor.reaction if floor else None,
        purposes=[_told(ctx, row) for row in rows],
    )


async def set_floor(ctx: Context, *, workspace_id: UUID, wanted: NewMarginFloor) -> Margin:
    """Gives a workspace a floor of its own, and looks at once whether it is kept. Raises: WorkspaceUnknown."""
    inside = ctx.for_workspace(workspace_id)
    if await identity.find_owner(inside) is None:
        raise WorkspaceUnknown
    return await put_floor(inside, wanted=wanted)


async def put_floor(ctx: Context, *, wanted: NewMarginFloor) -> Margin:
    """The same for the workspace of the context, which is known to be there."""

    async def work(tx: Transaction) -> None:
        await margins.put_floor(tx, workspace_id=ctx.workspace, floor_bps=wanted.floor_bps, reaction=wanted.reaction, now=ctx.now())
        await publish(tx, MarginFloorChanged(floor_bps=wanted.floor_bps, reaction=wanted.reaction))
        await _watch(ctx, tx)

    await ctx.atomically("billing", work)
    return await get_margin(ctx, since=None, until=None)


async def watch_margins(ctx: Context) -> None:
    """Looks at the last day of every workspace for which vendors charged something, or did the day before."""
    async with ctx.transaction("system") as tx:
        found = await margins.list_workspaces_with_costs(tx, since=ctx.now() - 2 * WATCHED, limit=WORKSPACES_MAX)
    for workspace_id in found:
        await _watch_one(ctx.for_workspace(workspace_id))


async def _watch_one(ctx: Context) -> None:
    async def work(tx: Transaction) -> None:
        await _watch(ctx, tx)

    await ctx.atomically("billing", work)


async def _watch(ctx: Context, tx: Transaction) -> None:
    floor = await _floor(ctx, tx)
    rows = await _rows(ctx, tx, ctx.now() - WATCHED, ctx.now() + timedelta(seconds=1)) if floor else []
    low = [row for row in rows if floor and is_below(earned_nano=_earned(ctx, row), cost_nano=row.cost_nano, floor_bps=floor.floor_bps)]
    await margins.close_breaches(tx, workspace_id=ctx.workspace, kept=[row.purpose for row in low])
    for row in low:
        if floor is not None:
            await _open(ctx, tx, row, floor)


async def _open(ctx: Context, tx: Transaction, row: MarginRow, floor: FloorRow) -> None:
    left = margin_bps(earned_nano=_earned(ctx, row), cost_nano=row.cost_nano)
    shown = max(left, -BIGINT_MAX) if left is not None else -BIGINT_MAX
    is_new = await margins.open_breach(
        tx, workspace_id=ctx.workspace, purpose=row.purpose, margin_bps=shown, reaction=floor.reaction, now=ctx.now()
    )
    if is_new:
        await publish(tx, MarginLow(purpose=row.purpose, margin_bps=left, floor_bps=floor.floor_bps, reaction=floor.reaction))


async def _rows(ctx: Context, tx: Transaction, since: datetime, until: datetime) -> list[MarginRow]:
    return await margins.list_margins(tx, workspace_id=ctx.workspace, first_id=_first_id(min(since, ctx.now())), since=since, until=until)


async def _floor(ctx: Context, tx: Transaction) -> FloorRow | None:
    own = await margins.find_floor(tx, workspace_id=ctx.workspace)
    settings = ctx.setting(UsageSettings)
    if own is None and settings.margin_floor_bps is not None:
        return FloorRow(settings.margin_floor_bps, settings.margin_reaction)
    return own


def _first_id(since: datetime) -> UUID:
    milliseconds = max(0, int((since - ID_SLACK).timestamp() * 1000))
    return UUID(int=milliseconds << 80)


def _earned(ctx: Context, row: MarginRow) -> int:
    return row.earned_micros * NANO_PER_DOLLAR // (MICROS_PER_CREDIT * ctx.setting(UsageSettings).credits_per_dollar)


def _told(ctx: Context, row: MarginRow) -> PurposeMargin:
    earned = _earned(ctx, row)
    return PurposeMargin(
        purpose=row.purpose,
        earned_nano=earned,
        cost_nano=row.cost_nano,
        margin_bps=margin_bps(earned_nano=earned, cost_nano=row.cost_nano),
        breached_since=row.breached_since,
        reaction=row.reaction,
    )
