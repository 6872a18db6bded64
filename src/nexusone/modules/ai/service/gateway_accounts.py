"""Who requests can be passed on to: the house's account and the workspace's own, and the models that are asked for there."""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID
from weakref import WeakKeyDictionary

from nexusone.modules.ai.domain.catalog import offered_models
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.passage import WirePassage
from nexusone.modules.ai.service.errands import end_errands
from nexusone.modules.ai.service.model_overrides import ModelOverrides, adjusted
from nexusone.modules.ai.service.own_keys import NO_OWN, OwnVendors, own_vendors
from nexusone.modules.ai.service.refusals import NoTextModel
from nexusone.platform.runtime import Context

# How long another process may use an account that was changed or taken away in this one.
OWN_KEPT = timedelta(seconds=10)
OWN_MAX = 10_000
CLOSING_SECONDS = 10.0


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
        passages.insert(0, house_passage(ctx))
    cards = {(card.vendor, card.name): card for passage in reversed(passages) for card in _cards_of(ctx, passage)}
    return tuple(cards.values())


def house_passage(ctx: Context) -> WirePassage:
    """The way by the house's account. Raises: NoTextModel."""
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
