"""How generations end: the outcome recorded under a row lock, then the hold settled; what is left open is attended by the clock."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Refusal, Unavailable
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.domain.lifecycle import METERS, PURPOSE, Outcome, can_end, gave_up, hold_key, lost, need_of
from nexusone.modules.ai.events import GenerationFailed, GenerationSucceeded, GenerationUnknown
from nexusone.modules.ai.service.refusals import GenerationNotFound
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Contended, Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import amend
from nexusone.platform.runtime import Context

SETTLED_WITHIN = timedelta(seconds=30)
# The end of what nobody knows is for the attending to find; billing's own deadline comes only after it.
KEPT_BEYOND = timedelta(days=7)
DUE_MAX = 500
RECORD_ATTEMPTS_MAX = 5

_log = structlog.get_logger(__name__)


async def end(ctx: Context, *, generation_id: UUID, outcome: Outcome, if_due: bool = False) -> GenerationRow:
    """Records how a generation ended (with `if_due`: only while it is due) and settles its hold; an ended one stays as it is.

    A paid answer is in nobody's hands but ours, so a database that is away for a moment is tried again.
    """
    for attempt in range(1, RECORD_ATTEMPTS_MAX):
        try:
            row = await _record(ctx, generation_id, outcome, if_due=if_due)
            break
        except (Unavailable, UnknownOutcome) as error:
            _log.warning("generation.record_delayed", generation_id=str(generation_id), error=str(error))
            await asyncio.sleep(0.2 * 2**attempt)
    else:
        row = await _record(ctx, generation_id, outcome, if_due=if_due)
    return await settle(ctx, row)


async def settle(ctx: Context, row: GenerationRow) -> GenerationRow:
    """Pays what a generation used, gives the rest back, reports the tokens; what billing does not answer to, the clock comes back to."""
    if row.settlement != "due":
        return row
    key = hold_key(row.id)
    try:
        if row.charged_micros:
            await billing.settle(ctx, key=key, amount_micros=row.charged_micros)
        else:
            await _release(ctx, key)
        if cost_nano := row.tariff.cost_nano(row.usage):
            await billing.record_cost(ctx, key=key, purpose=PURPOSE, cost_nano=cost_nano)
        if events := tuple(_usage_events(ctx, row)):
            await billing.record_usage(ctx, events=events)
        async with ctx.transaction("ai") as tx:
            await generations.mark_settled(tx, workspace_id=ctx.workspace, generation_id=row.id)
    except (Unavailable, UnknownOutcome, Contended) as error:
        _log.warning("generation.settle_delayed", generation_id=str(row.id), error=str(error))
        return row
    return replace(row, settlement="done")


async def keep(ctx: Context, *, generation_id: UUID) -> None:
    """Keeps the credits of a generation whose outcome is unknown until that has been looked after; running twice keeps them once."""
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None or row.due_at is None or (row.status, row.settlement) != ("unknown", "held"):
        return
    try:
        await billing.keep(ctx, key=hold_key(row.id), until=max(row.due_at, ctx.now()) + KEPT_BEYOND)
    except (billing.HoldNotFound, billing.HoldResolved) as resolved:
        # It was looked after meanwhile, or found only after its time.
        _log.info("generation.nothing_to_keep", generation_id=str(row.id), reason=resolved.code)


async def attend_due(ctx: Context) -> None:
    """Looks after every generation whose time has come, workspace by workspace."""
    async with ctx.transaction("system") as tx:
        rows = await generations.list_due(tx, now=ctx.now(), limit=DUE_MAX)
    for row in rows:
        try:
            await attend(ctx.for_workspace(row.workspace_id), generation_id=row.id)
        except (Refusal, UnknownOutcome) as error:
            _log.error("generation.attending_failed", generation_id=str(row.id), error=str(error))


async def attend(ctx: Context, *, generation_id: UUID) -> None:
    """Does what one due generation needs; a model is never asked here."""
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None or not row.is_due(ctx.now()):
        return
    match need_of(row.status, row.settlement):
        case "give_up":
            await end(ctx, generation_id=row.id, outcome=gave_up(), if_due=True)
        case "declare_unknown":
            await end(ctx, generation_id=row.id, outcome=lost(row.usage, "nobody knows whether the model answered"), if_due=True)
        case "close_unknown":
            await settle(ctx, await _close_unknown(ctx, row))
        case "settle":
            await settle(ctx, row)
        case None:
            return


async def _record(ctx: Context, generation_id: UUID, outcome: Outcome, *, if_due: bool) -> GenerationRow:
    now = ctx.now()
    async with ctx.transaction("ai") as tx:
        row = await generations.find_locked(tx, workspace_id=ctx.workspace, generation_id=generation_id)
        if row is None:
            raise GenerationNotFound
        if not can_end(row.status, row.settlement) or (row.status, outcome.status) == ("unknown", "unknown"):
            return row
        if if_due and not row.is_due(now):
            return row
        is_unknown = outcome.status == "unknown"
        kept = timedelta(seconds=ctx.setting(AiSettings).unknown_kept_seconds) if is_unknown else SETTLED_WITHIN
        ended = await generations.record_outcome(
            tx,
            workspace_id=ctx.workspace,
            generation_id=generation_id,
            outcome=outcome,
            settlement="held" if is_unknown else "due",
            charged_micros=0 if is_unknown else _charge(row, outcome),
            now=now,
            due_at=now + kept,
        )
        await _announce(tx, ended)
        await amend(tx, generation_of(ended))
        return ended


def _charge(row: GenerationRow, outcome: Outcome) -> int:
    charge = row.tariff.micros(outcome.usage)
    if charge > row.held_micros:
        _log.warning("generation.over_hold", generation_id=str(row.id), charge_micros=charge, held_micros=row.held_micros)
    return min(charge, row.held_micros)


async def _close_unknown(ctx: Context, row: GenerationRow) -> GenerationRow:
    """An answer that never came is not paid for; attempts before it, whose answers came, are."""
    async with ctx.transaction("ai") as tx:
        locked = await generations.find_locked(tx, workspace_id=ctx.workspace, generation_id=row.id)
        if locked is None or need_of(locked.status, locked.settlement) != "close_unknown" or not locked.is_due(ctx.now()):
            return locked or row
        charged = min(locked.tariff.micros(locked.usage), locked.held_micros)
        return await generations.owe(
            tx, workspace_id=ctx.workspace, generation_id=row.id, charged_micros=charged, due_at=ctx.now() + SETTLED_WITHIN
        )


def _usage_events(ctx: Context, row: GenerationRow) -> Iterator[billing.UsageEvent]:
    occurred_at, used = row.finished_at or ctx.now(), row.usage
    for meter, tokens in zip(METERS, (used.input_tokens + used.output_tokens, used.input_tokens, used.output_tokens), strict=True):
        if tokens:
            yield billing.UsageEvent(id=f"generation:{row.id}:{meter}", meter=meter, quantity=tokens, occurred_at=occurred_at)


async def _release(ctx: Context, key: str) -> None:
    try:
        await billing.release(ctx, key=key)
    except billing.HoldNotFound:
        # A crash between recording the wish and holding credits leaves nothing to give back.
        _log.info("generation.nothing_held", key=key)


async def _announce(tx: Transaction, row: GenerationRow) -> None:
    charged = credits_to_text(row.charged_micros)
    match row.status:
        case "succeeded":
            await publish(
                tx,
                GenerationSucceeded(
                    generation_id=row.id,
                    kind="text",
                    model=row.model,
                    locale=row.locale,
                    credits=charged,
                    input_tokens=row.input_tokens,
                    output_tokens=row.output_tokens,
                ),
            )
        case "failed":
            await publish(
                tx, GenerationFailed(generation_id=row.id, kind="text", model=row.model, error_code=row.error_code or "", credits=charged)
            )
        case _:
            await publish(tx, GenerationUnknown(generation_id=row.id, kind="text", model=row.model))
