"""Holding credits and resolving holds."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing.contracts.credits import Hold
from nexusone.modules.billing.contracts.usage import UsageEvent
from nexusone.modules.billing.domain.amounts import check_amount, check_key, check_purpose
from nexusone.modules.billing.domain.resolution import Request, Standing, Verdict, judge
from nexusone.modules.billing.events.ledger import CreditsSettled, HoldKept
from nexusone.modules.billing.service import caps, watching
from nexusone.modules.billing.service.bookings import Overtaken, book, repay
from nexusone.modules.billing.service.margins import check_cost
from nexusone.modules.billing.service.overdraft import settle_beyond
from nexusone.modules.billing.service.refusals import HoldNotFound, HoldResolved, InsufficientCredits, KeyConflict, SettleExceedsHold
from nexusone.modules.billing.service.usage import own_events
from nexusone.modules.billing.store import balances, holds, resolutions
from nexusone.modules.billing.store import caps as caps_store
from nexusone.modules.billing.store.holds import HoldRow, NewHold
from nexusone.modules.billing.store.margins import insert_cost
from nexusone.modules.billing.store.resolutions import Noted, Resolution
from nexusone.modules.billing.store.usage import insert_events
from nexusone.platform.database import Transaction
from nexusone.platform.events import fact_parameters, publish
from nexusone.platform.runtime import Context


async def hold(ctx: Context, *, key: str, amount_micros: int, purpose: str, expires_in: timedelta, job: str | None = None) -> Hold:
    """Sets credits aside; see `api.hold`."""
    check_key(key)
    check_purpose(purpose)
    check_amount(amount_micros, least=1)
    if expires_in <= timedelta(0):
        raise ValueError("a hold expires later than now")
    now = ctx.now()
    wanted = NewHold(
        workspace_id=ctx.workspace,
        key=key,
        purpose=purpose,
        amount=amount_micros,
        now=now,
        expires_at=now + expires_in,
        hold_id=new_id(),
        transfer_id=new_id(),
        subjects=caps.stands_for(ctx, job),
    )
    return _contract(await _hold(ctx, wanted, job))


async def settle(ctx: Context, *, key: str, amount_micros: int) -> Hold:
    """Books what was used and gives the rest back; see `api.settle`."""
    check_amount(amount_micros)
    return await _resolve(ctx, _resolution(ctx, key=key, used=amount_micros))


async def settle_noting(ctx: Context, *, key: str, amount_micros: int, cost_nano: int, events: Sequence[UsageEvent]) -> Hold:
    """Books what was used, what it cost and what is metered at once; see `api.settle_noting`."""
    check_amount(amount_micros)
    check_cost(cost_nano)
    noted = Noted(cost_nano, own_events(ctx, events))
    return await _resolve(ctx, _resolution(ctx, key=key, used=amount_micros), noted)


async def settle_part(ctx: Context, *, key: str, part_key: str, amount_micros: int) -> Hold:
    """Books a part; see `api.settle_part`."""
    check_key(part_key)
    check_amount(amount_micros)
    whole = _resolution(ctx, key=key, used=amount_micros)
    return await _resolve(ctx, replace(whole, state="held", is_final=False, kind="part", transfer_suffix=f":part:{part_key}"))


async def release(ctx: Context, *, key: str) -> Hold:
    """Gives back what was not used; see `api.release`."""
    whole = _resolution(ctx, key=key, used=0)
    return await _resolve(ctx, replace(whole, state="released", kind="release", transfer_suffix=":release"))


async def keep(ctx: Context, *, key: str, until: datetime) -> Hold:
    """Keeps a hold whose work has an unknown outcome; see `api.keep`."""
    if until <= ctx.now():
        raise ValueError("a hold is kept until later than now")

    async def work(tx: Transaction) -> HoldRow:
        known = await resolutions.lock_hold(tx, workspace_id=ctx.workspace, key=key)
        if known is None:
            raise HoldNotFound(key=key)
        kept = await holds.keep(tx, workspace_id=ctx.workspace, key=key, until=until, now=ctx.now())
        if kept is None:
            raise HoldResolved(key=key, state=known.state)
        await publish(tx, HoldKept(hold_id=kept.id, key=key, purpose=kept.purpose, until=kept.expires_at))
        return kept

    return _contract(await ctx.atomically("billing", work))


async def _hold(ctx: Context, wanted: NewHold, job: str | None) -> HoldRow:
    async def work(tx: Transaction) -> HoldRow:
        return await _hold_at_length(ctx, tx, wanted, job)

    row = await holds.hold_in_one_trip(ctx, wanted)
    if row is None:
        row = await book(ctx, work)
    if row.amount_micros != wanted.amount or row.purpose != wanted.purpose:
        raise KeyConflict(key=wanted.key)
    return row


async def _hold_at_length(ctx: Context, tx: Transaction, wanted: NewHold, job: str | None) -> HoldRow:
    has_caps = await caps_store.lock_account(tx, workspace_id=wanted.workspace_id)
    if has_caps and wanted.purpose not in caps.UNCAPPED_PURPOSES:
        if (known := await holds.find_hold(tx, workspace_id=wanted.workspace_id, key=wanted.key)) is not None:
            return known
        wanted = replace(wanted, counted=await caps.count(ctx, tx, amount=wanted.amount, job=job))
    attempt = await holds.hold_from_first_grant(tx, wanted)
    if attempt.is_short:
        attempt = await holds.hold_across_grants(tx, wanted)
    if attempt.is_overtaken:
        raise Overtaken
    if attempt.hold is None:
        await _refuse_hold(tx, wanted)
        raise Overtaken
    return attempt.hold


async def _refuse_hold(tx: Transaction, wanted: NewHold) -> None:
    known = await resolutions.lock_hold(tx, workspace_id=wanted.workspace_id, key=wanted.key)
    if known is None:
        balance = await balances.find_balance(tx, workspace_id=wanted.workspace_id, now=wanted.now)
        available = balance.available if balance else 0
        raise InsufficientCredits(available=credits_to_text(available), needed=credits_to_text(wanted.amount))


def _resolution(ctx: Context, *, key: str, used: int) -> Resolution:
    return Resolution(
        workspace_id=ctx.workspace,
        key=key,
        used=used,
        state="settled",
        is_final=True,
        kind="settle",
        transfer_id=new_id(),
        transfer_suffix=":settle",
        now=ctx.now(),
    )


async def _resolve(ctx: Context, wanted: Resolution, noted: Noted | None = None) -> Hold:
    async def work(tx: Transaction) -> HoldRow:
        row = await _resolve_at_length(ctx, tx, wanted)
        if noted is not None:
            await _note(tx, row, wanted, noted)
        return row

    # A fact with subscribers leaves jobs behind, which takes a transaction; a part of nothing leaves no transfer that would tell that
    # its key is known.
    if not ctx.subscribers(CreditsSettled.name) and (wanted.is_final or wanted.used):
        fact = _fact(ctx, wanted)
        if noted is None:
            row = await resolutions.resolve_in_one_trip(ctx, wanted, fact=fact)
        else:
            row = await resolutions.resolve_noting_in_one_trip(ctx, wanted, noted, fact=fact)
        if row is not None:
            return _contract(row)
    return _contract(await book(ctx, work))


async def _resolve_at_length(ctx: Context, tx: Transaction, wanted: Resolution) -> HoldRow:
    resolved = await resolutions.resolve(tx, wanted)
    if resolved is None:
        return await _resolve_otherwise(ctx, tx, wanted)
    if not resolved.is_booked:
        raise Overtaken
    if resolved.owes:
        await repay(ctx, tx)
    if resolved.is_low:
        await watching.look(ctx, tx)
    await _announce(tx, resolved, wanted, is_late=False)
    return resolved


async def _note(tx: Transaction, row: HoldRow, wanted: Resolution, noted: Noted) -> None:
    known = wanted.workspace_id
    if noted.cost_nano:
        await insert_cost(tx, workspace_id=known, key=wanted.key, purpose=row.purpose, cost_nano=noted.cost_nano, now=wanted.now)
    if noted.events:
        await insert_events(tx, workspace_id=known, events=noted.events, now=wanted.now)


def _fact(ctx: Context, wanted: Resolution) -> dict[str, object]:
    known = {"key": wanted.key, "amount_micros": wanted.used, "is_late": False}
    return fact_parameters(ctx, CreditsSettled, known=known)


async def _resolve_otherwise(ctx: Context, tx: Transaction, wanted: Resolution) -> HoldRow:
    row = await resolutions.lock_hold(tx, workspace_id=ctx.workspace, key=wanted.key)
    if row is None:
        raise HoldNotFound(key=wanted.key)
    match await _judge(tx, row, wanted):
        case Verdict.REPEATED:
            return row
        case Verdict.CONFLICT:
            raise KeyConflict(key=wanted.key)
        case Verdict.RESOLVED:
            raise HoldResolved(key=wanted.key, state=row.state)
        case Verdict.EXCEEDS:
            if wanted.is_final and wanted.state == "settled" and (beyond := await settle_beyond(tx, row, wanted)) is not None:
                await watching.look(ctx, tx)
                await _announce(tx, beyond, wanted, is_late=row.state == "expired")
                return beyond
            left = row.amount_micros - row.settled_micros
            raise SettleExceedsHold(key=wanted.key, held=credits_to_text(left), settled=credits_to_text(wanted.used))
        case Verdict.OPEN:
            raise Overtaken
        case Verdict.LATE:
            await caps_store.lock_account(tx, workspace_id=ctx.workspace)
            settled = await resolutions.settle_late(tx, wanted if wanted.is_final else replace(wanted, state="expired"))
            await watching.look(ctx, tx)
            await _announce(tx, settled, wanted, is_late=True)
            return settled
        case unknown:
            assert_never(unknown)


async def _judge(tx: Transaction, row: HoldRow, wanted: Resolution) -> Verdict:
    part = None
    if not wanted.is_final:
        transfer_key = f"{row.id}{wanted.transfer_suffix}"
        part = await resolutions.find_transfer_amount(tx, workspace_id=wanted.workspace_id, transfer_key=transfer_key)
    standing = Standing(row.state, row.amount_micros, row.settled_micros, row.closing_micros)
    return judge(standing, Request(wanted.state, wanted.used, is_final=wanted.is_final, part_micros=part))


async def _announce(tx: Transaction, row: HoldRow, wanted: Resolution, *, is_late: bool) -> None:
    if wanted.used > 0:
        event = CreditsSettled(hold_id=row.id, key=row.key, purpose=row.purpose, amount_micros=wanted.used, is_late=is_late)
        await publish(tx, event)


def _contract(row: HoldRow) -> Hold:
    return Hold(
        id=row.id,
        key=row.key,
        purpose=row.purpose,
        amount_micros=row.amount_micros,
        settled_micros=row.settled_micros,
        state=row.state,
        expires_at=row.expires_at,
    )
