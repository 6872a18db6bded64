"""How requests that were passed on end: on record before the client has the whole answer, then paid for, then judged."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import structlog

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.domain.answers import plain_answer
from nexusone.modules.ai.domain.lifecycle import Outcome
from nexusone.modules.ai.events import GatewayCallEnded
from nexusone.modules.ai.service.assets import PreparedAsset
from nexusone.modules.ai.service.assets import add as add_asset
from nexusone.modules.ai.service.endings import SETTLED_WITHIN, charge_of, end, settle
from nexusone.modules.ai.service.errands import begin_errand
from nexusone.modules.ai.service.gateway_reserving import Call
from nexusone.modules.ai.service.safety import judge
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import gateway
from nexusone.modules.ai.store.gateway import EndedCall
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.events import fact_parameters, publish
from nexusone.platform.idempotency import amend_with, withdraw
from nexusone.platform.runtime import Context

OUTPUT_CHARACTERS_MAX = 2_000

_log = structlog.get_logger(__name__)


async def finish(
    ctx: Context,
    call: Call,
    outcome: Outcome,
    *,
    written: bytes = b"",
    answer: bytes | None = None,
    assets: Sequence[PreparedAsset] = (),
) -> None:
    """Records how a request ended, with its files, and lets it be paid for.

    `written` is all that a model made, `answer` what a repetition is told.

    The payment follows by itself: what is recorded as owed is paid, if need be by the attending.
    """
    if outcome.status == "unknown":
        await end(replace(ctx, idempotency=None), generation_id=call.row.id, outcome=outcome)
        return
    ended = EndedCall(
        outcome=replace(outcome, output=_kept(outcome.output)),
        output_hash=sha256(written).digest() if written else None,
        charged_micros=charge_of(call.row, outcome),
        now=ctx.now(),
        due_at=ctx.now() + SETTLED_WITHIN,
    )
    row = await _record(ctx, call, ended, answer, assets)
    if row is not None:
        begin_errand(_close(ctx, row, texts=(*call.texts, outcome.output or "")))


async def _record(
    ctx: Context, call: Call, ended: EndedCall, answer: bytes | None, assets: Sequence[PreparedAsset]
) -> GenerationRow | None:
    try:
        if ctx.idempotency is None and not assets and not ctx.subscribers(GatewayCallEnded.name):
            fact = fact_parameters(ctx, GatewayCallEnded, known=_known(call, ended))
            row = await gateway.end_in_one_trip(ctx, call.row.id, ended, fact=fact)
            if row is not None:
                return row
        return await _record_at_length(ctx, call, ended, answer, assets)
    except (Unavailable, UnknownOutcome) as error:
        _log.warning("generation.record_delayed", generation_id=str(call.row.id), error=str(error))
        await asyncio.sleep(0)
        await end(replace(ctx, idempotency=None), generation_id=call.row.id, outcome=ended.outcome, assets=assets)
        return None


async def _record_at_length(
    ctx: Context, call: Call, ended: EndedCall, answer: bytes | None, assets: Sequence[PreparedAsset]
) -> GenerationRow | None:
    async def work() -> GenerationRow | None:
        async with ctx.transaction("ai") as tx:
            row = await gateway.end(tx, call.row.id, ended, workspace_id=ctx.workspace)
            if row is None:
                return None
            for prepared in assets:
                await add_asset(tx, prepared=prepared, workspace_id=ctx.workspace, created_by=row.requested_by, now=ended.now)
            await publish(tx, GatewayCallEnded.model_validate({**_known(call, ended), "generation_id": row.id}))
            await (withdraw(tx) if answer is None else amend_with(tx, answer))
            return row

    return await work()


def _known(call: Call, ended: EndedCall) -> dict[str, object]:
    outcome = ended.outcome
    return {
        "kind": call.row.kind,
        "model": call.row.model,
        "status": outcome.status,
        "credits": credits_to_text(ended.charged_micros),
        "input_tokens": outcome.usage.input_tokens,
        "output_tokens": outcome.usage.output_tokens,
        "images": outcome.usage.images,
        "error_code": outcome.error_code,
    }


async def _close(ctx: Context, row: GenerationRow, *, texts: Sequence[str]) -> None:
    await settle(ctx, row)
    # What the policy refuses was judged before anybody saw it; what it only marks need not keep anybody waiting.
    if row.safety is None and ctx.setting(AiSettings).moderation == "flag":
        safety = await judge(ctx, texts=texts)
        if safety is not None:
            await gateway.note_safety(ctx, generation_id=row.id, safety=safety)


def _kept(output: str | None) -> str | None:
    return None if output is None else plain_answer(output[:OUTPUT_CHARACTERS_MAX])
