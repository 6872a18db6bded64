"""Credits that operators give and take by hand; over a limit, a second person must agree (MON-15)."""

from dataclasses import replace
from uuid import UUID

from nexusone.kernel.errors import FieldError, Forbidden
from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_from_text, credits_to_text
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.adjustments import Adjustment, AdjustmentState, NewAdjustment
from nexusone.modules.billing.events.ledger import AdjustmentDecided, AdjustmentMade
from nexusone.modules.billing.service import grants, watching
from nexusone.modules.billing.service.refusals import InsufficientCredits, KeyConflict
from nexusone.modules.billing.service.refusals_credits import (
    AdjustmentDone,
    AdjustmentNotFound,
    SecondPersonNeeded,
    SettingFaulty,
    WorkspaceUnknown,
)
from nexusone.modules.billing.settings import BillingSettings
from nexusone.modules.billing.store import adjustments, balances, caps
from nexusone.modules.billing.store.adjustments import AdjustmentRow
from nexusone.modules.identity import api as identity
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def make(ctx: Context, *, workspace_id: UUID, wanted: NewAdjustment) -> Adjustment:
    """Books an adjustment at once, or leaves it pending where it is over the limit; once per key.

    Raises:
        WorkspaceUnknown: there is no such workspace.
        SettingFaulty: a compensation takes credits away.
        InsufficientCredits: a correction takes more than is available.
        KeyConflict: the key adjusts something else.
    """
    amount = credits_from_text(wanted.amount)
    if wanted.kind == "compensation" and amount < 0:
        raise SettingFaulty(errors=(FieldError(pointer="/amount", code="negative", detail="a compensation gives credits"),))
    inside = ctx.for_workspace(workspace_id)
    if await identity.find_owner(inside) is None:
        raise WorkspaceUnknown
    is_small = abs(amount) <= credits_from_text(ctx.setting(BillingSettings).adjustment_limit)
    state: AdjustmentState = "booked" if is_small else "pending"
    row = AdjustmentRow(
        new_id(), wanted.key, wanted.kind, amount, wanted.reason, state, _person(ctx), ctx.now(), decided_by=None, decided_at=None
    )

    async def work(tx: Transaction) -> AdjustmentRow:
        if not await adjustments.insert(tx, row, workspace_id=workspace_id):
            known = await adjustments.fetch_by_key(tx, workspace_id=workspace_id, key=row.key)
            if (known.kind, known.amount_micros) != (row.kind, row.amount_micros):
                raise KeyConflict(key=row.key)
            return known
        if is_small:
            await _book(inside, tx, row)
        told = AdjustmentMade(adjustment_id=row.id, kind=row.kind, adjusted_micros=amount, is_booked=is_small)
        await publish(tx, told)
        return row

    return _shown(await inside.atomically("billing", work))


async def approve(ctx: Context, *, workspace_id: UUID, adjustment_id: UUID) -> Adjustment:
    """Books a pending adjustment of somebody else.

    Raises:
        SecondPersonNeeded: whoever asks made it.
        AdjustmentNotFound, AdjustmentDone, InsufficientCredits
    """
    return await _decide(ctx, workspace_id=workspace_id, adjustment_id=adjustment_id, is_booked=True)


async def decline(ctx: Context, *, workspace_id: UUID, adjustment_id: UUID) -> Adjustment:
    """Ends a pending adjustment without booking it; whoever made it may. Raises: AdjustmentNotFound, AdjustmentDone."""
    return await _decide(ctx, workspace_id=workspace_id, adjustment_id=adjustment_id, is_booked=False)


async def list_adjustments(ctx: Context, *, workspace_id: UUID, request: PageRequest) -> PageOf[Adjustment]:
    """Adjustments of a workspace, newest first."""
    before = UUID(request.after[0]) if request.after else None
    async with ctx.for_workspace(workspace_id).transaction("billing") as tx:
        rows = await adjustments.list_adjustments(tx, workspace_id=workspace_id, before=before, limit=request.limit + 1)
    shown = rows[: request.limit]
    next_after = (str(shown[-1].id),) if len(rows) > request.limit else None
    return PageOf(items=tuple(_shown(row) for row in shown), next_after=next_after)


async def _decide(ctx: Context, *, workspace_id: UUID, adjustment_id: UUID, is_booked: bool) -> Adjustment:
    inside, person = ctx.for_workspace(workspace_id), _person(ctx)

    async def work(tx: Transaction) -> AdjustmentRow:
        row = await adjustments.lock(tx, workspace_id=workspace_id, adjustment_id=adjustment_id)
        if row is None:
            raise AdjustmentNotFound
        if row.state != "pending":
            raise AdjustmentDone(state=row.state)
        if is_booked and row.made_by == person:
            raise SecondPersonNeeded
        state: AdjustmentState = "booked" if is_booked else "declined"
        await adjustments.decide(tx, workspace_id=workspace_id, adjustment_id=row.id, state=state, by=person, now=ctx.now())
        if is_booked:
            await _book(inside, tx, row)
        await publish(tx, AdjustmentDecided(adjustment_id=row.id, is_booked=is_booked))
        return replace(row, state=state, decided_by=person, decided_at=ctx.now())

    return _shown(await inside.atomically("billing", work))


async def _book(ctx: Context, tx: Transaction, row: AdjustmentRow) -> None:
    key = f"adjustment:{row.id}"
    if row.amount_micros > 0:
        await grants.grant(ctx, tx, key=key, source=row.kind, amount_micros=row.amount_micros, priority=None, expires_at=None)
        return
    wanted = -row.amount_micros
    await caps.lock_account(tx, workspace_id=ctx.workspace)
    if not await adjustments.take_back(tx, workspace_id=ctx.workspace, key=key, amount=wanted, transfer_id=new_id(), now=ctx.now()):
        balance = await balances.find_balance(tx, workspace_id=ctx.workspace, now=ctx.now())
        available = balance.available if balance else 0
        raise InsufficientCredits(available=credits_to_text(max(0, available)), needed=credits_to_text(wanted))
    await watching.look(ctx, tx)


def _person(ctx: Context) -> UUID:
    if ctx.principal.id is None:
        raise Forbidden
    return ctx.principal.id


def _shown(row: AdjustmentRow) -> Adjustment:
    return Adjustment(
        id=row.id,
        key=row.key,
        kind=row.kind,
        amount=credits_to_text(row.amount_micros),
        reason=row.reason,
        state=row.state,
        made_by=row.made_by,
        made_at=row.made_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )
