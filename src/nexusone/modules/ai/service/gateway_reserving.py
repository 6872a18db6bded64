"""What a request needs before it is passed on: a model with a price, the most it can cost held, and itself on record."""

import asyncio
import json
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import cast
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic import JsonValue

from nexusone.kernel.errors import FieldError, InvalidRequest, Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.domain.answers import plain_answer
from nexusone.modules.ai.domain.catalog import cheapest_instead, offered_models
from nexusone.modules.ai.domain.lifecycle import gave_up, hold_key, purpose_of
from nexusone.modules.ai.domain.tariff import cost_nano
from nexusone.modules.ai.domain.wire import KINDS, WireFault, Wish, texts_of, wish_of
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.passage import Operation, WirePassage
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.errands import begin_errand, end_errands
from nexusone.modules.ai.service.model_overrides import ModelOverrides, adjusted
from nexusone.modules.ai.service.models import is_own, tariff_of
from nexusone.modules.ai.service.own_keys import NO_OWN, OwnVendors, own_vendors
from nexusone.modules.ai.service.refusals import NoTextModel
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
# How long another process may use an account that was changed or taken away in this one.
OWN_KEPT = timedelta(seconds=10)
OWN_MAX = 10_000
CLOSING_SECONDS = 10.0
IN_FLIGHT = b'{"error": {"message": "The first request with this key has no answer yet.", "type": "invalid_request_error", \
"param": null, "code": "idempotency_in_flight"}}'


@dataclass(frozen=True, slots=True)
class _KnownCards:
    today: date
    overrides: ModelOverrides
    cards: tuple[ModelCard, ...]


class GatewayPlaces:
    """How many requests of a workspace this process passes on, and what it heard of margins and own accounts a moment ago."""

    def __init__(self) -> None:
        self.cards: WeakKeyDictionary[WirePassage, _KnownCards] = WeakKeyDictionary()
        self.own: OrderedDict[UUID, tuple[datetime, OwnVendors]] = OrderedDict()
        self.running: Counter[UUID] = Counter()
        self.reactions: OrderedDict[tuple[UUID, str], tuple[datetime, str | None]] = OrderedDict()

    def leave(self, workspace_id: UUID) -> None:
        """One less."""
        self.running[workspace_id] -= 1
        if self.running[workspace_id] <= 0:
            del self.running[workspace_id]

    def forget_own(self, workspace_id: UUID) -> None:
        """The workspace's own accounts are others now."""
        self.own.pop(workspace_id, None)

    async def close(self) -> None:
        """Lets what follows the last answers come to its end, so that a restart leaves none of them to the clock."""
        await end_errands(seconds=CLOSING_SECONDS)


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
    return _house_passage(ctx)


async def own_passages(ctx: Context) -> OwnVendors:
    """The workspace's own accounts that requests are passed on with, as they were a moment ago."""
    kept = ctx.runtime.port(GatewayPlaces).own
    if ctx.is_test:
        return NO_OWN
    known = kept.get(ctx.workspace)
    if known is not None and known[0] > ctx.now():
        return known[1]
    own = (await own_vendors(ctx)).passages()
    kept[ctx.workspace] = (ctx.now() + OWN_KEPT, own)
    while len(kept) > OWN_MAX:
        kept.popitem(last=False)
    return own


def cards_of(ctx: Context, *, own: OwnVendors) -> tuple[ModelCard, ...]:
    """The models that can be asked for at this door.

    Raises:
        NoTextModel: no vendor is connected that speaks this wire.
    """
    passages = [cast(WirePassage, one) for one in own.by_kind.get("text", {}).values()]
    if WirePassage in ctx.runtime.ports or not passages:
        passages.insert(0, _house_passage(ctx))
    cards = {(card.vendor, card.name): card for passage in reversed(passages) for card in _cards_of(ctx, passage)}
    return tuple(cards.values())


def _house_passage(ctx: Context) -> WirePassage:
    if WirePassage not in ctx.runtime.ports:
        raise NoTextModel(headers={"Retry-After": "60"})
    return ctx.port(WirePassage)


def _cards_of(ctx: Context, passage: WirePassage) -> tuple[ModelCard, ...]:
    kept = ctx.runtime.port(GatewayPlaces).cards
    today, overrides = ctx.now().date(), ctx.runtime.port(ModelOverrides)
    known = kept.get(passage)
    # Vendors' tables and the deployment's words are read at the start; only the day changes what is offered.
    if known is None or known.today != today or known.overrides is not overrides:
        known = _KnownCards(today, overrides, offered_models(adjusted(ctx, passage.catalog()), today=today))
        kept[passage] = known
    return known.cards


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
