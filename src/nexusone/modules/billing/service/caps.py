"""Caps: the most that a workspace, a member, a key or a job may hold and spend in a day, a month, or ever."""

from datetime import date
from uuid import UUID

from nexusone.kernel.errors import FieldError
from nexusone.kernel.money import credits_from_text, credits_to_text
from nexusone.modules.billing.contracts.caps import Cap, Caps, CapScope, CapsWish
from nexusone.modules.billing.events.ledger import CapsChanged
from nexusone.modules.billing.service.refusals_credits import CapReached, SettingFaulty
from nexusone.modules.billing.store import caps
from nexusone.modules.billing.store.caps import CapRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

UNCAPPED_PURPOSES = frozenset({"refund", "dispute", "pool", "pool_return"})
"""Credits that move because money went back, or to another ledger: nobody spends them."""


async def list_caps(ctx: Context) -> Caps:
    """All caps of the workspace."""
    async with ctx.transaction("billing") as tx:
        rows = await caps.list_caps(tx, workspace_id=ctx.workspace, today=_today(ctx))
    return Caps(caps=[_shown(row) for row in rows])


async def put_caps(ctx: Context, *, wanted: CapsWish) -> Caps:
    """Puts caps in place of those before, which count all of their present period; holds that are held stay. Raises: SettingFaulty."""
    rows = [CapRow(cap.scope, cap.subject or "", cap.period, credits_from_text(cap.limit), 0) for cap in wanted.caps]
    _check(rows)

    async def work(tx: Transaction) -> Caps:
        # Whoever resolves a hold locks it before the account, so this does as well.
        await caps.lock_holds(tx, workspace_id=ctx.workspace)
        await caps.open_account(tx, workspace_id=ctx.workspace, now=ctx.now())
        await caps.replace_caps(tx, rows, workspace_id=ctx.workspace)
        await caps.recount(tx, workspace_id=ctx.workspace, today=_today(ctx), uncapped=sorted(UNCAPPED_PURPOSES))
        stored = await caps.list_caps(tx, workspace_id=ctx.workspace, today=_today(ctx))
        shown = Caps(caps=[_shown(row) for row in stored])
        await publish(tx, CapsChanged(caps=shown.caps))
        return shown

    return await ctx.atomically("billing", work)


async def count(ctx: Context, tx: Transaction, *, amount: int, job: str | None) -> tuple[UUID, ...]:
    """Counts a hold against every cap it stands under; answers the counters. The account is locked.

    Raises:
        CapReached: one of them does not let it through; the transaction must not commit.
    """
    counted = []
    for row in await caps.count(tx, workspace_id=ctx.workspace, today=_today(ctx), subjects=_subjects(ctx, job), amount=amount):
        if row.id is None:
            raise CapReached(
                scope=row.scope,
                period=row.period,
                limit=credits_to_text(row.limit_micros),
                available=credits_to_text(max(0, row.limit_micros - row.used_micros)),
                needed=credits_to_text(amount),
            )
        counted.append(row.id)
    return tuple(counted)


def stands_for(ctx: Context, job: str | None) -> tuple[str, ...]:
    """The member or key and the job that a hold stands for, as they are kept with it."""
    return tuple(f"{scope}:{subject}" for scope, subject in _subjects(ctx, job) if subject)


def _subjects(ctx: Context, job: str | None) -> list[tuple[CapScope, str]]:
    found: list[tuple[CapScope, str]] = [("workspace", "")]
    principal = ctx.principal
    if principal.kind == "user":
        found.append(("member", str(principal.id)))
    elif principal.kind == "api_key":
        found.append(("api_key", str(principal.id)))
    if job is not None:
        found.append(("job", job))
    return found


def _check(rows: list[CapRow]) -> None:
    faults = []
    seen: set[tuple[str, str, str]] = set()
    for number, row in enumerate(rows):
        kind = (row.scope, row.subject, row.period)
        if kind in seen:
            faults.append(FieldError(pointer=f"/caps/{number}", code="repeated", detail="there is a cap of this kind already"))
        if row.scope == "workspace" and row.subject:
            faults.append(FieldError(pointer=f"/caps/{number}/subject", code="unexpected", detail="the workspace has no subject"))
        seen.add(kind)
    if faults:
        raise SettingFaulty(errors=tuple(faults))


def _shown(row: CapRow) -> Cap:
    return Cap(
        scope=row.scope,
        subject=row.subject or None,
        period=row.period,
        limit=credits_to_text(row.limit_micros),
        used=credits_to_text(row.used_micros),
    )


def _today(ctx: Context) -> date:
    return ctx.now().date()
