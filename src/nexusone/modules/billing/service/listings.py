"""Lists of grants, of holds, and of what a grant was spent on."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from nexusone.kernel.money import credits_to_text
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.credits import GrantedCredits, HeldCredits, Spend
from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.modules.billing.service.refusals_credits import GrantNotFound
from nexusone.modules.billing.store import listings
from nexusone.modules.billing.store.listings import GrantRow, ListedHoldRow, SpendRow
from nexusone.platform.runtime import Context

R = TypeVar("R")
T = TypeVar("T")


async def list_grants(ctx: Context, *, request: PageRequest) -> PageOf[GrantedCredits]:
    """Grants, newest first."""
    before = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("billing") as tx:
        rows = await listings.list_grants(tx, workspace_id=ctx.workspace, before=before, limit=request.limit + 1)
    return _page(rows, request, key=lambda row: str(row.id), shown=_grant)


async def list_holds(ctx: Context, *, state: HoldState | None, request: PageRequest) -> PageOf[HeldCredits]:
    """Holds in the order of their keys, all or those of one state."""
    after = request.after[0] if request.after else None
    async with ctx.transaction("billing") as tx:
        rows = await listings.list_holds(tx, workspace_id=ctx.workspace, state=state, after=after, limit=request.limit + 1)
    return _page(rows, request, key=lambda row: row.key, shown=_hold)


async def list_spends(ctx: Context, *, grant_id: UUID, request: PageRequest) -> PageOf[Spend]:
    """What a grant was spent on, newest first. Raises: GrantNotFound."""
    before = int(request.after[0]) if request.after else None
    async with ctx.transaction("billing") as tx:
        if not await listings.has_grant(tx, workspace_id=ctx.workspace, grant_id=grant_id):
            raise GrantNotFound
        rows = await listings.list_spends(tx, workspace_id=ctx.workspace, grant_id=grant_id, before=before, limit=request.limit + 1)
    return _page(rows, request, key=lambda row: str(row.id), shown=_spend)


def _page(rows: Sequence[R], request: PageRequest, *, key: Callable[[R], str], shown: Callable[[R], T]) -> PageOf[T]:
    kept = rows[: request.limit]
    next_after = (key(kept[-1]),) if len(rows) > request.limit else None
    return PageOf(items=tuple(shown(row) for row in kept), next_after=next_after)


def _grant(row: GrantRow) -> GrantedCredits:
    return GrantedCredits(
        id=row.id,
        source=row.source,
        priority=row.priority,
        amount=credits_to_text(row.amount_micros),
        remaining=credits_to_text(row.remaining_micros),
        granted_at=row.created_at,
        expires_at=row.expires_at,
        rolls_over_until=row.rolls_over_until,
    )


def _hold(row: ListedHoldRow) -> HeldCredits:
    return HeldCredits(
        id=row.id,
        key=row.key,
        purpose=row.purpose,
        amount=credits_to_text(row.amount_micros),
        settled=credits_to_text(row.settled_micros),
        excess=credits_to_text(row.excess_micros),
        state=row.state,
        is_kept=row.is_kept,
        held_at=row.created_at,
        expires_at=row.expires_at,
    )


def _spend(row: SpendRow) -> Spend:
    return Spend(
        transfer_id=row.transfer_id,
        time=row.created_at,
        purpose=row.purpose,
        key=row.subject_key,
        amount=credits_to_text(row.amount_micros),
    )
