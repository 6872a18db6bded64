"""Requests in the wire of others, passed on as they are: paid for, bounded, on record, answered as the vendor answered."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from hashlib import sha256

from nexusone.kernel.errors import FieldError, Refusal
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.answers import plain_answer
from nexusone.modules.ai.domain.lifecycle import CLIENT_LEFT, NO_ANSWER, REFUSED_BY_MODERATION, RESULT_UNUSABLE, Outcome, lost
from nexusone.modules.ai.domain.tariff import Usage, priced_units, usage_of
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.passage import Operation, WireAnswer, WireEnd, WireRefused, WireRequest
from nexusone.modules.ai.service.breaking import check_breaker, is_the_models_fault, note_failure, note_success
from nexusone.modules.ai.service.errands import begin_errand, finish_within
from nexusone.modules.ai.service.gateway_accounts import GatewayPlaces, cards_of, own_passages
from nexusone.modules.ai.service.gateway_endings import finish
from nexusone.modules.ai.service.gateway_pictures import PicturesUnusable, keep_pictures, told_with
from nexusone.modules.ai.service.gateway_reserving import Call, begin, passage_of
from nexusone.modules.ai.service.models import tariff_of
from nexusone.modules.ai.service.refusals_gateway import (
    WireContentRefused,
    WireModelUnknown,
    WireNoAnswer,
    WireRejected,
    WireVendorBusy,
    WireVendorDown,
)
from nexusone.modules.ai.service.safety import is_refused, judge, refusal_detail
from nexusone.modules.ai.service.writing import GRACE_SECONDS, call_lifetime
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import gateway
from nexusone.modules.ai.store.generations import priced
from nexusone.platform.runtime import Context

# Fewer bytes a token than texts of any language have on average, so that an estimate is not below what was written.
BYTES_PER_TOKEN = 3
DETAIL_CHARACTERS_MAX = 1_000
RETRY_SECONDS = 5
# What follows an answer lets it go out first; the hold stands as long as it takes.
AFTER_ANSWER_SECONDS = 0.002

Events = AsyncGenerator[bytes, None]


@dataclass(slots=True)
class _Pipe:
    """What goes from the vendor to the client: pieces, then None, or what went wrong."""

    pieces: "asyncio.Queue[bytes | Refusal | None]" = field(default_factory=asyncio.Queue)
    written: list[str] = field(default_factory=list)
    is_left: bool = False


async def list_cards(ctx: Context) -> tuple[ModelCard, ...]:
    """The models that can be asked for.

    Raises:
        NoTextModel: no vendor is connected that speaks this wire.
    """
    return cards_of(ctx, own=await own_passages(ctx))


async def get_card(ctx: Context, *, name: str) -> ModelCard:
    """One of them.

    Raises:
        WireModelUnknown: there is none of that name, or it has no price.
    """
    card = next((card for card in await list_cards(ctx) if card.name == name), None)
    if card is None:
        raise WireModelUnknown(model=plain_answer(name)[:100])
    return card


async def pass_on(ctx: Context, *, operation: Operation, raw: bytes, fallbacks: Sequence[str]) -> bytes | Events:
    """The vendor's answer: whole, or (where the body asks for a stream) its events as they come.

    Raises:
        InvalidRequest, WireNotPassedOn, WireModelUnknown, WireBusy, NoTextModel, InsufficientCredits, PurposeStopped: nothing was begun.
        WireRejected, WireContentRefused, WireVendorBusy, WireVendorDown: the vendor did nothing.
        WireNoAnswer: nobody knows whether it did.
    """
    call = await begin(ctx, operation=operation, raw=raw, fallbacks=fallbacks)
    if call.wish.is_stream:
        return await _streamed(replace(ctx, idempotency=None), call)
    limit = ctx.setting(AiSettings).call_seconds_max + GRACE_SECONDS
    # The answer is paid for whether or not anybody waits for it.
    answer = await finish_within(_whole(ctx, call), seconds=limit)
    if answer is None:
        raise WireNoAnswer(headers={"Retry-After": "60"})
    return answer


async def _whole(ctx: Context, call: Call) -> bytes:
    try:
        return await _answer(ctx, call)
    finally:
        ctx.runtime.port(GatewayPlaces).leave(ctx.workspace)


async def _answer(ctx: Context, call: Call) -> bytes:
    await _judge_before(ctx, call)
    while True:
        try:
            check_breaker(ctx, call.row)
            async with asyncio.timeout(ctx.setting(AiSettings).call_seconds_max):
                answer = await passage_of(ctx, call).send(_request(ctx, call))
        except (TimeoutError, UnknownOutcome) as error:
            note_failure(ctx, call.row)
            await finish(ctx, call, lost(Usage(), _detail(error)))
            raise WireNoAnswer(headers={"Retry-After": "60"}) from error
        except DefiniteFailure as failure:
            if not await _falls_back(ctx, call, failure):
                await finish(ctx, call, _failed(failure))
                raise _refusal_of(failure) from failure
            continue
        note_success(ctx, call.row)
        return await _answered(ctx, call, answer)


async def _answered(ctx: Context, call: Call, answer: WireAnswer) -> bytes:
    outcome = _outcome(call, answer.end, answer.text)
    if ctx.setting(AiSettings).moderation == "refuse":
        safety = await judge(ctx, texts=[answer.text], images=answer.images)
        outcome = replace(outcome, safety=safety)
        if is_refused(safety):
            await finish(ctx, call, _kept_back(outcome, refusal_detail(safety)))
            raise WireContentRefused(reason=refusal_detail(safety))
    if call.row.kind == "image":
        return await _drawn(ctx, call, answer, outcome)
    written = answer.text.encode("utf-8", "surrogatepass")
    ending = finish(ctx, call, outcome, written=written or answer.body, answer=answer.body)
    if ctx.idempotency is not None:
        await ending
    else:
        # Nobody waits for the record: until it stands, the hold does, and a process that dies between leaves it to the attending.
        begin_errand(ending, after_seconds=AFTER_ANSWER_SECONDS)
    return answer.body


async def _drawn(ctx: Context, call: Call, answer: WireAnswer, outcome: Outcome) -> bytes:
    """Pictures are on record, and marked, before anybody has them."""
    try:
        kept = await keep_pictures(ctx, call, answer)
    except PicturesUnusable as unusable:
        detail = plain_answer(str(unusable))[:DETAIL_CHARACTERS_MAX]
        # The vendor charges for it, the customer is not charged for what cannot be had.
        failed = replace(outcome, status="failed", error_code=RESULT_UNUSABLE, error_detail=detail, is_free=True)
        await finish(ctx, call, failed)
        raise WireVendorDown(headers={"Retry-After": str(RETRY_SECONDS)}) from unusable
    body = await told_with(ctx, call, answer, kept=kept)
    outcome = replace(outcome, asset_ids=tuple(asset.id for asset in kept))
    await finish(ctx, call, outcome, written=b"".join(asset.sha256 for asset in kept), answer=body, assets=kept)
    return body


async def _streamed(ctx: Context, call: Call) -> Events:
    """The events; what goes wrong before the first of them is raised here, where the client can still be told by status."""
    pipe = _Pipe()
    begin_errand(_write(ctx, call, pipe))
    first = await pipe.pieces.get()
    if isinstance(first, Refusal):
        raise first
    return _read(first, pipe)


async def _read(first: bytes | None, pipe: _Pipe) -> Events:
    piece: bytes | Refusal | None = first
    try:
        while piece is not None:
            if isinstance(piece, Refusal):
                raise piece
            yield piece
            piece = await pipe.pieces.get()
    finally:
        pipe.is_left = True


async def _write(ctx: Context, call: Call, pipe: _Pipe) -> None:
    """Passes events from the vendor to the pipe to their end, whoever reads them, and always ends the pipe."""
    ending: Refusal | None = WireNoAnswer(headers={"Retry-After": "60"})
    last = b""
    try:
        await _judge_before(ctx, call)
        while True:
            try:
                check_breaker(ctx, call.row)
                async with asyncio.timeout(ctx.setting(AiSettings).call_seconds_max):
                    last, end, held = await _pumped(ctx, call, pipe)
            except (TimeoutError, UnknownOutcome) as error:
                note_failure(ctx, call.row)
                await finish(ctx, call, _broken(call, pipe, _detail(error)), written=_bytes(pipe))
                return
            except DefiniteFailure as failure:
                if pipe.written or not await _falls_back(ctx, call, failure):
                    await finish(ctx, call, _failed(failure, usage=_estimate(call, pipe)), written=_bytes(pipe))
                    ending = _refusal_of(failure)
                    return
                continue
            note_success(ctx, call.row)
            ending = await _streamed_to_the_end(ctx, call, pipe, end, held)
            return
    except Refusal as refused:
        ending = refused
    finally:
        ctx.runtime.port(GatewayPlaces).leave(ctx.workspace)
        if ending is None:
            pipe.pieces.put_nowait(last)
        pipe.pieces.put_nowait(ending)


async def _streamed_to_the_end(ctx: Context, call: Call, pipe: _Pipe, end: WireEnd | None, held: list[bytes]) -> Refusal | None:
    if end is None:
        await finish(ctx, call, _left(call, pipe), written=_bytes(pipe))
        return None
    outcome = _outcome(call, end, "".join(pipe.written))
    if ctx.setting(AiSettings).moderation == "refuse":
        safety = await judge(ctx, texts=pipe.written and ["".join(pipe.written)])
        outcome = replace(outcome, safety=safety)
        if is_refused(safety):
            await finish(ctx, call, _kept_back(outcome, refusal_detail(safety)))
            return WireContentRefused(reason=refusal_detail(safety))
    for frame in held:
        pipe.pieces.put_nowait(frame)
    await finish(ctx, call, outcome, written=_bytes(pipe))
    return None


async def _pumped(ctx: Context, call: Call, pipe: _Pipe) -> tuple[bytes, WireEnd | None, list[bytes]]:
    """The last event, what it says, and those that are kept back until they are judged; no end where the reader left."""
    is_held = ctx.setting(AiSettings).moderation == "refuse"
    held: list[bytes] = []
    async with aclosing(passage_of(ctx, call).stream(_request(ctx, call))) as pieces:  # type: ignore[type-var]  # what streams can be closed
        async for piece in pieces:
            if piece.end is not None:
                return piece.frame, piece.end, held
            if pipe.is_left:
                return b"", None, held
            if piece.text:
                pipe.written.append(piece.text)
            if is_held:
                held.append(piece.frame)
            else:
                pipe.pieces.put_nowait(piece.frame)
    raise UnknownOutcome(detail="the stream ended before its end was told")


async def _judge_before(ctx: Context, call: Call) -> None:
    if ctx.setting(AiSettings).moderation != "refuse":
        return
    safety = await judge(ctx, texts=call.texts)
    if is_refused(safety):
        await finish(ctx, call, _kept_back(Outcome(status="failed", usage=Usage(), safety=safety), refusal_detail(safety)))
        raise WireContentRefused(reason=refusal_detail(safety))


async def _falls_back(ctx: Context, call: Call, failure: DefiniteFailure) -> bool:
    """Turns to the next model where this one failed for reasons of its own; False where there is none."""
    if not is_the_models_fault(failure):
        return False
    if failure.code != "vendor.paused":
        note_failure(ctx, call.row)
    if not call.others:
        return False
    card = call.others.pop(0)
    due_at = ctx.now() + call_lifetime(ctx)
    tariff = tariff_of(ctx, card, own=call.own)
    changed = replace(
        call.row,
        vendor=card.vendor,
        model=card.name,
        prices=priced(card.prices),
        margin_percent=tariff.margin_percent,
        is_own_key=tariff.is_own_key,
        due_at=due_at,
    )
    async with replace(ctx, idempotency=None).transaction("ai") as tx:
        await gateway.turn(tx, changed, workspace_id=ctx.workspace)
    call.row, call.card = changed, card
    return True


def _request(ctx: Context, call: Call) -> WireRequest:
    end_user = sha256(f"{ctx.workspace}:{call.row.requested_by}".encode()).hexdigest()
    wish = call.wish
    return WireRequest(wish.operation, wish.body_for(call.card), tells_usage=wish.tells_usage, end_user=end_user)


def _outcome(call: Call, end: WireEnd, text: str) -> Outcome:
    usage = _usage(call, end, text)
    is_failed = end.finish_reason == "failed"
    return Outcome(
        status="failed" if is_failed else "succeeded",
        usage=usage,
        output=text or None,
        finish_reason=end.finish_reason,
        model_version=plain_answer(end.model)[:200],
        vendor_reference=None if end.vendor_reference is None else plain_answer(end.vendor_reference)[:200],
        error_code="vendor.failed" if is_failed else None,
    )


def _usage(call: Call, end: WireEnd, text: str) -> Usage:
    """What was counted, in the units that have a price; what nobody counted is estimated."""
    if end.quantities is None:
        return _estimated(call, text)
    units = priced_units(call.card.prices, call.wish.traits)
    return usage_of({unit: amount for unit, amount in end.quantities.items() if unit in units})


def _estimate(call: Call, pipe: _Pipe) -> Usage:
    return _estimated(call, "".join(pipe.written)) if pipe.written else Usage()


def _estimated(call: Call, written: str) -> Usage:
    """What reading the request and writing that much takes, at most what was promised."""
    bound = call.wish.bound_for(call.card)
    asked = sum(len(text.encode("utf-8", "replace")) for text in call.texts)
    read, told = -(-asked // BYTES_PER_TOKEN), -(-len(written.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
    return replace(bound, input_tokens=min(read, bound.input_tokens), output_tokens=min(told, bound.output_tokens))


def _left(call: Call, pipe: _Pipe) -> Outcome:
    text = "".join(pipe.written)
    used = _estimated(call, text)
    return Outcome(status="succeeded" if text else "canceled", usage=used, output=text or None, finish_reason=CLIENT_LEFT)


def _broken(call: Call, pipe: _Pipe, detail: str) -> Outcome:
    """The line went dead: without a word delivered nobody knows what was done; else what was delivered is charged."""
    if not pipe.written:
        return lost(Usage(), detail)
    text = "".join(pipe.written)
    return Outcome(status="failed", usage=_estimate(call, pipe), output=text, error_code=NO_ANSWER, error_detail=detail)


def _failed(failure: DefiniteFailure, *, usage: Usage | None = None) -> Outcome:
    detail = plain_answer(failure.detail)[:DETAIL_CHARACTERS_MAX]
    return Outcome(status="failed", usage=usage or Usage(), error_code=failure.code, error_detail=detail)


def _kept_back(outcome: Outcome, detail: str) -> Outcome:
    return replace(outcome, status="failed", output=None, error_code=REFUSED_BY_MODERATION, error_detail=detail[:DETAIL_CHARACTERS_MAX])


def _refusal_of(failure: DefiniteFailure) -> Refusal:
    if isinstance(failure, WireRefused):
        error = FieldError(pointer=failure.param or "", code=failure.reason or "", detail=failure.detail)
        return WireRejected(errors=(error,), reason=failure.detail)
    if failure.code == "vendor.refused_content":
        return WireContentRefused(reason=failure.detail)
    wait = max(1, round(failure.retry_after_seconds or RETRY_SECONDS))
    if failure.code == "vendor.rate_limited":
        return WireVendorBusy(headers={"Retry-After": str(wait)}, wait_seconds=wait)
    return WireVendorDown(headers={"Retry-After": str(wait)})


def _detail(error: Exception) -> str:
    return error.detail if isinstance(error, UnknownOutcome) else "no answer in time"


def _bytes(pipe: _Pipe) -> bytes:
    return "".join(pipe.written).encode("utf-8", "surrogatepass")
