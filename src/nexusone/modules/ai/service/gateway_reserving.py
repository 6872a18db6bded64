"""What a request needs before it is passed on: a model with a price, the most it can cost held, and itself on record."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import cast

from pydantic import JsonValue

from nexusone.kernel.errors import FieldError, InvalidRequest, Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.domain.answers import plain_answer
from nexusone.modules.ai.domain.catalog import cheapest_instead
from nexusone.modules.ai.domain.lifecycle import gave_up, hold_key, purpose_of
from nexusone.modules.ai.domain.tariff import cost_nano
from nexusone.modules.ai.domain.wire import KINDS, WireFault, Wish, texts_of, wish_of
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.passage import Operation, WirePassage
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.errands import begin_errand
from nexusone.modules.ai.service.gateway_accounts import GatewayPlaces, cards_of, house_passage, own_passages
from nexusone.modules.ai.service.models import is_own, tariff_of
from nexusone.modules.ai.service.own_keys import OwnVendors
from nexusone.modules.ai.service.refusals_gateway import WireBusy, WireInFlight, WireModelUnknown, WireNotPassedOn
from nexusone.modules.ai.service.writing import call_lifetime
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import gateway
from nexusone.modules.ai.store.generations import GenerationRow, priced
from nexusone.modules.billing import api as billing
from nexusone.platform.idempotency import conclude_with, withdraw
from nexusone.platform.runtime import Context

PROMPT_CHARACTERS_MAX = 2_000
FALLBACKS_MAX = 3
# How long it may go unnoticed that a margin fell below its floor, which a schedule looks at every few minutes.
REACTION_KEPT = timedelta(seconds=10)
REACTIONS_MAX = 10_000
IN_FLIGHT = b'{"error": {"message": "The first request with this key has no answer yet.", "type": "invalid_request_error", \
"param": null, "code": "idempotency_in_flight"}}'


@dataclass(slots=True)
class Call:
    """A request on its way: what is asked, its record, and the models that follow where one fails."""

    wish: Wish
    row: GenerationRow
    card: ModelCard
    others: list[ModelCard]
    texts: tuple[str, ...]
    own: OwnVendors


async def begin(ctx: Context, *, operation: Operation, raw: bytes, fallbacks: Sequence[str]) -> Call:
    """A request on record, with the most that it can cost held.

    Raises:
        InvalidRequest, WireNotPassedOn, WireModelUnknown, WireBusy, NoTextModel: nothing was begun.
        InsufficientCredits: the most that it can cost is not available.
        PurposeStopped: the margin is too low, and no cheaper model can do it.
    """
    body = _parsed(raw)
    own = await own_passages(ctx)
    asked, others = _chain(ctx, operation, body, fallbacks, own=own)
    wish = _wish(ctx, operation, body, card=asked, size_bytes=len(raw))
    others = [card for card in others if wish.fits(card)]
    # What the workspace pays its vendor itself has no margin that could be too low.
    card = asked if all(is_own(one, own) for one in (asked, *others)) else await _rerouted(ctx, wish, asked, own=own)
    call = _call(ctx, wish, card=card, asked=asked, others=others, own=own)
    places = ctx.runtime.port(GatewayPlaces)
    if places.running[ctx.workspace] >= ctx.setting(AiSettings).gateway_running_max:
        raise WireBusy(headers={"Retry-After": "1"}, wait_seconds=1)
    places.running[ctx.workspace] += 1
    try:
        await _reserve(ctx, call, prompt_hash=sha256(raw).digest())
    except BaseException:
        places.leave(ctx.workspace)
        raise
    return call


def passage_of(ctx: Context, call: Call) -> WirePassage:
    """The way to the vendor of the model that is asked, by whose account it was promised.

    Raises:
        NoTextModel: none is connected that speaks this wire.
    """
    if call.row.is_own_key and (found := call.own.find(call.row.kind, call.row.vendor)) is not None:
        return cast(WirePassage, found)
    return house_passage(ctx)


def _parsed(raw: bytes) -> dict[str, JsonValue]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(reason="the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise InvalidRequest(reason="the body is not a JSON object")
    return body


def _chain(
    ctx: Context, operation: Operation, body: dict[str, JsonValue], fallbacks: Sequence[str], *, own: OwnVendors
) -> tuple[ModelCard, list[ModelCard]]:
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise _not_passed_on(WireFault(param="model", reason="missing_required_parameter", detail="'model' is a model's name"))
    known = {card.name: card for card in cards_of(ctx, own=own) if card.kind == KINDS[operation]}
    named = list(dict.fromkeys([name, *fallbacks]))
    if unknown := [one for one in named if one not in known]:
        raise WireModelUnknown(model=plain_answer(unknown[0])[:100])
    cards = [known[one] for one in named]
    return cards[0], cards[1:]


def _wish(ctx: Context, operation: Operation, body: dict[str, JsonValue], *, card: ModelCard, size_bytes: int) -> Wish:
    try:
        tokens = ctx.setting(AiSettings).output_tokens_default
        return wish_of(operation, body, card=card, size_bytes=size_bytes, tokens_default=tokens)
    except WireFault as fault:
        raise _not_passed_on(fault) from fault


def _not_passed_on(fault: WireFault) -> WireNotPassedOn:
    return WireNotPassedOn(errors=(FieldError(pointer=fault.param, code=fault.reason, detail=fault.detail),), count=1)


async def _rerouted(ctx: Context, wish: Wish, asked: ModelCard, *, own: OwnVendors) -> ModelCard:
    """The model asked for, or the cheapest that can do the same, where the margin is below a floor that says so."""
    if await _reaction(ctx, purpose_of(wish.kind)) != "reroute":
        return asked

    def cost(card: ModelCard) -> int:
        return 0 if is_own(card, own) else cost_nano(wish.bound_for(card), prices=card.prices, traits=wish.traits)

    card = cheapest_instead(cards_of(ctx, own=own), asked=asked, can=wish.fits, cost=cost)
    if card is None:
        raise billing.PurposeStopped(purpose=purpose_of(wish.kind))
    return card


async def _reaction(ctx: Context, purpose: str) -> str | None:
    """Whether the margin lets it pass, as heard a moment ago; one that stops is asked after every time."""
    heard, key = ctx.runtime.port(GatewayPlaces).reactions, (ctx.workspace, purpose)
    known = heard.get(key)
    if known is not None and known[0] > ctx.now():
        return known[1]
    reaction = await billing.check_margin(ctx, purpose=purpose)
    heard[key] = (ctx.now() + REACTION_KEPT, reaction)
    while len(heard) > REACTIONS_MAX:
        heard.popitem(last=False)
    return reaction


def _call(ctx: Context, wish: Wish, *, card: ModelCard, asked: ModelCard, others: list[ModelCard], own: OwnVendors) -> Call:
    settings, texts = ctx.setting(AiSettings), texts_of(wish.operation, wish.body)
    tariff = tariff_of(ctx, card, traits=wish.traits, own=own)
    most = max(tariff_of(ctx, one, traits=wish.traits, own=own).micros(wish.bound_for(one)) for one in (card, *others))
    row = GenerationRow(
        id=new_id(),
        kind=wish.kind,
        requested_by=ctx.principal.label,
        locale=None,
        prompt=plain_answer("\n".join(texts)[:PROMPT_CHARACTERS_MAX]),
        vendor=card.vendor,
        model=card.name,
        asked_model=None if card.name == asked.name else asked.name,
        fallbacks=[one.name for one in others],
        output_tokens_max=wish.output_tokens_max,
        prices=priced(card.prices),
        traits=dict(wish.traits),
        credits_per_dollar=settings.credits_per_dollar,
        margin_percent=tariff.margin_percent,
        # With an account of its own and no fee a workspace owes nothing, and a hold of nothing is none.
        held_micros=max(1, most),
        is_own_key=tariff.is_own_key,
        status="running",
        is_test=ctx.is_test,
        created_at=ctx.now(),
        due_at=ctx.now() + call_lifetime(ctx),
    )
    return Call(wish=wish, row=row, card=card, others=others, texts=texts, own=own)


async def _reserve(ctx: Context, call: Call, *, prompt_hash: bytes) -> None:
    """Record and hold at once: a record without a hold is ended by the attending, a hold without a record by billing."""
    row = call.row
    holding = billing.hold(
        ctx,
        key=hold_key(row.id),
        amount_micros=row.held_micros,
        purpose=purpose_of(row.kind),
        expires_in=ctx.setting(AiSettings).hold_lifetime,
        job=str(row.id),
    )
    noted, held = await asyncio.gather(_note(ctx, row, prompt_hash), holding, return_exceptions=True)
    if isinstance(noted, BaseException) or isinstance(held, BaseException):
        if isinstance(noted, BaseException):
            begin_errand(_give_back(ctx, row))
        elif isinstance(held, Refusal):
            await _forget(ctx, row)
        else:
            begin_errand(end(replace(ctx, idempotency=None), generation_id=row.id, outcome=gave_up()))
        raise noted if isinstance(noted, BaseException) else held  # type: ignore[misc]  # one of them is an exception


async def _note(ctx: Context, row: GenerationRow, prompt_hash: bytes) -> None:
    if ctx.idempotency is None and await gateway.begin_in_one_trip(ctx, row, prompt_hash=prompt_hash):
        return
    # Whoever repeats the request before it has ended is told so, instead of paying twice.
    noted = ctx if ctx.idempotency is None else replace(ctx, idempotency=replace(ctx.idempotency, status=WireInFlight.status))
    async with noted.transaction("ai") as tx:
        await gateway.begin(tx, row, workspace_id=ctx.workspace, prompt_hash=prompt_hash)
        await conclude_with(tx, IN_FLIGHT)


async def _give_back(ctx: Context, row: GenerationRow) -> None:
    with suppress(billing.HoldNotFound):
        await billing.release(ctx, key=hold_key(row.id))


async def _forget(ctx: Context, row: GenerationRow) -> None:
    async with ctx.transaction("ai") as tx:
        await gateway.forget(tx, workspace_id=ctx.workspace, generation_id=row.id)
        await withdraw(tx)
