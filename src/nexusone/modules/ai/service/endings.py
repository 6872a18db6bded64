"""How generations end: the outcome recorded under a row lock, then the hold settled; what is left open is attended by the clock."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast
from uuid import UUID

import structlog

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.contracts.generations import GenerationWork
from nexusone.modules.ai.domain.lifecycle import LOOK_JOB, Outcome, can_end, hold_key, metered, need_of, purpose_of
from nexusone.modules.ai.domain.tariff import Unpriced
from nexusone.modules.ai.events import GenerationCanceled, GenerationFailed, GenerationSucceeded, GenerationUnknown
from nexusone.modules.ai.events import Kind as EventKind
from nexusone.modules.ai.service.assets import PreparedAsset
from nexusone.modules.ai.service.assets import add as add_asset
from nexusone.modules.ai.service.refusals import GenerationNotFound
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Contended, Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import amend
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

SETTLED_WITHIN = timedelta(seconds=30)
# A vendor whose answer was lost may need a moment to have the request in its list.
FIRST_LOOK_AFTER = timedelta(seconds=5)
LOOKED_AT_WITHIN = timedelta(seconds=60)
# The end of what nobody knows is for the attending to find; billing's own deadline comes only after it.
KEPT_BEYOND = timedelta(days=7)
RECORD_ATTEMPTS_MAX = 5

_log = structlog.get_logger(__name__)


async def end(
    ctx: Context,
    *,
    generation_id: UUID,
    outcome: Outcome,
    if_due: bool = False,
    if_queued: bool = False,
    assets: Sequence[PreparedAsset] = (),
) -> GenerationRow:
    """Records how a generation ended with its files (`if_due`, `if_queued`: only while it is) and settles its hold; an ended one stays.

    A paid answer is in nobody's hands but ours, so a database that is away for a moment is tried again.
    """
    for attempt in range(1, RECORD_ATTEMPTS_MAX):
        try:
            row = await _record(ctx, generation_id, outcome, if_due=if_due, if_queued=if_queued, assets=assets)
            break
        except (Unavailable, UnknownOutcome) as error:
            _log.warning("generation.record_delayed", generation_id=str(generation_id), error=str(error))
            await asyncio.sleep(0.2 * 2**attempt)
    else:
        row = await _record(ctx, generation_id, outcome, if_due=if_due, if_queued=if_queued, assets=assets)
    return await settle(ctx, row)


async def settle(ctx: Context, row: GenerationRow) -> GenerationRow:
    """Pays what a generation used, gives the rest back, reports the tokens; what billing does not answer to, the clock comes back to."""
    if row.settlement != "due":
        return row
    try:
        await _pay(ctx, row)
        await generations.mark_settled(ctx, generation_id=row.id)
    except (Unavailable, UnknownOutcome, Contended) as error:
        _log.warning("generation.settle_delayed", generation_id=str(row.id), error=str(error))
        return row
    return replace(row, settlement="done")


async def keep(ctx: Context, *, generation_id: UUID) -> None:
    """Keeps the credits of a generation whose outcome is unknown until that has been looked after; running twice keeps them once."""
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None or row.due_at is None or (row.status, row.settlement) != ("unknown", "held") or row.funding is not None:
        return
    try:
        await billing.keep(ctx, key=hold_key(row.id), until=max(row.due_at, ctx.now()) + KEPT_BEYOND)
    except (billing.HoldNotFound, billing.HoldResolved) as resolved:
        # It was looked after meanwhile, or found only after its time.
        _log.info("generation.nothing_to_keep", generation_id=str(row.id), reason=resolved.code)


async def close_unknown(ctx: Context, row: GenerationRow) -> GenerationRow:
    """An answer that never came is not paid for; attempts before it, whose answers came, are."""
    async with ctx.transaction("ai") as tx:
        locked = await generations.find_locked(tx, workspace_id=ctx.workspace, generation_id=row.id)
        if locked is None or need_of(locked.status, locked.settlement) != "close_unknown" or not locked.is_due(ctx.now()):
            return locked or row
        charged = min(locked.tariff.micros(locked.usage), locked.held_micros)
        return await generations.owe(
            tx, workspace_id=ctx.workspace, generation_id=row.id, charged_micros=charged, due_at=ctx.now() + SETTLED_WITHIN
        )


async def _record(
    ctx: Context, generation_id: UUID, outcome: Outcome, *, if_due: bool, if_queued: bool, assets: Sequence[PreparedAsset]
) -> GenerationRow:
    now = ctx.now()
    async with ctx.transaction("ai") as tx:
        row = await generations.find_locked(tx, workspace_id=ctx.workspace, generation_id=generation_id)
        if row is None:
            raise GenerationNotFound
        if not can_end(row.status, row.settlement) or (row.status, outcome.status) == ("unknown", "unknown"):
            return row
        if (if_due and not row.is_due(now)) or (if_queued and row.status != "queued"):
            return row
        for prepared in assets:
            await add_asset(tx, prepared=prepared, workspace_id=ctx.workspace, created_by=row.requested_by, now=now)
        is_unknown = outcome.status == "unknown"
        is_findable = is_unknown and row.kind != "text"
        if is_findable:
            work = GenerationWork(generation_id=generation_id)
            await enqueue_named(tx, [(LOOK_JOB, work)], after=FIRST_LOOK_AFTER, key=f"{generation_id}:lost")
        kept = timedelta(seconds=ctx.setting(AiSettings).unknown_kept_seconds) if is_unknown else SETTLED_WITHIN
        ended = await generations.record_outcome(
            tx,
            workspace_id=ctx.workspace,
            generation_id=generation_id,
            outcome=outcome,
            settlement="held" if is_unknown else "due",
            charged_micros=0 if is_unknown else charge_of(row, outcome),
            now=now,
            due_at=now + (LOOKED_AT_WITHIN if is_findable else kept),
        )
        await _announce(tx, ended)
        await amend(tx, generation_of(ended))
        return ended


def charge_of(row: GenerationRow, outcome: Outcome) -> int:
    """Micro-credits for how a generation ended, at the prices it was promised at; never more than was held."""
    if outcome.is_free:
        return 0
    if outcome.is_unmeasured:
        return row.held_micros
    try:
        charge = row.tariff.micros(outcome.usage)
    except Unpriced as unit:
        # The vendor counts what its catalog has no price for: never free, so all that was promised is charged.
        _log.error("generation.unpriced", generation_id=str(row.id), model=row.model, unit=str(unit))
        charge = row.held_micros
    if charge > row.held_micros:
        _log.warning("generation.over_hold", generation_id=str(row.id), charge_micros=charge, held_micros=row.held_micros)
    return min(charge, row.held_micros)


def _usage_events(ctx: Context, row: GenerationRow) -> Iterator[billing.UsageEvent]:
    occurred_at = row.finished_at or ctx.now()
    for meter, amount in metered(row.kind, row.usage):
        yield billing.UsageEvent(id=f"generation:{row.id}:{meter}", meter=meter, quantity=amount, occurred_at=occurred_at)


def _cost_nano(row: GenerationRow) -> int:
    if row.is_own_key:
        return 0
    if row.cost_nano is not None:
        return row.cost_nano
    try:
        return row.tariff.cost_nano(row.usage)
    except Unpriced:
        return 0


async def _pay(ctx: Context, row: GenerationRow) -> None:
    key, cost_nano, events = hold_key(row.id), _cost_nano(row), tuple(_usage_events(ctx, row))
    if row.funding is None and row.charged_micros:
        await billing.settle_noting(ctx, key=key, amount_micros=row.charged_micros, cost_nano=cost_nano, events=events)
        return
    if row.funding is None:
        await _release(ctx, key)
    elif row.charged_micros:
        await billing.settle_part(ctx, key=row.funding, part_key=key, amount_micros=row.charged_micros)
    if cost_nano:
        await billing.record_cost(ctx, key=key, purpose=purpose_of(row.kind, funding=row.funding), cost_nano=cost_nano)
    if events:
        await billing.record_usage(ctx, events=events)


async def _release(ctx: Context, key: str) -> None:
    try:
        await billing.release(ctx, key=key)
    except billing.HoldNotFound:
        # A crash between recording the wish and holding credits leaves nothing to give back.
        _log.info("generation.nothing_held", key=key)


async def _announce(tx: Transaction, row: GenerationRow) -> None:
    charged, kind = credits_to_text(row.charged_micros), cast(EventKind, row.kind)
    match row.status:
        case "succeeded":
            await publish(
                tx,
                GenerationSucceeded(
                    generation_id=row.id,
                    kind=kind,
                    model=row.model,
                    locale=row.locale,
                    credits=charged,
                    input_tokens=row.input_tokens,
                    output_tokens=row.output_tokens,
                    asset_ids=tuple(row.asset_ids),
                ),
            )
        case "failed":
            failed = GenerationFailed(generation_id=row.id, kind=kind, model=row.model, error_code=row.error_code or "", credits=charged)
            await publish(tx, failed)
        case "canceled":
            await publish(tx, GenerationCanceled(generation_id=row.id, kind=kind, model=row.model, credits=charged))
        case _:
            await publish(tx, GenerationUnknown(generation_id=row.id, kind=kind, model=row.model))
