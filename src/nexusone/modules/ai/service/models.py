"""The models there are, of every vendor that is connected, and the one to ask."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, cast

from nexusone.kernel.money import credits_to_text
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.contracts.generations import Model, ModelPrice
from nexusone.modules.ai.domain.catalog import find_model, offered_models
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.modules.ai.ports.judging import Embedder, Moderator
from nexusone.modules.ai.ports.media import ImageModels, MediaModel, VideoModels, VoiceModels
from nexusone.modules.ai.ports.models import Kind, ModelCard, Price
from nexusone.modules.ai.ports.text import TextModel, TextModels
from nexusone.modules.ai.service.model_overrides import adjusted
from nexusone.modules.ai.service.own_keys import NO_OWN, OwnVendors, own_vendors
from nexusone.modules.ai.service.refusals import ModelNotFound, ModelUnknown, NoTextModel
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

SINGLE = (Embedder, Moderator)
MADE: Mapping[Kind, type[TextModels | ImageModels | VoiceModels | VideoModels]] = {
    "text": TextModels,
    "image": ImageModels,
    "voice": VoiceModels,
    "video": VideoModels,
}


class _Catalogued(Protocol):
    def catalog(self) -> tuple[ModelCard, ...]: ...


async def text_model(ctx: Context, row: GenerationRow) -> TextModel:
    """The vendor that writes it, by whose account it was promised.

    Raises:
        NoTextModel: it is not connected (any more).
    """
    return cast(TextModel, await _client(ctx, row))


async def media_model(ctx: Context, row: GenerationRow) -> MediaModel[Any]:
    """The vendor that makes the file, by whose account it was promised.

    Raises:
        NoTextModel: it is not connected (any more).
    """
    return cast(MediaModel[Any], await _client(ctx, row))


async def list_models(ctx: Context, *, kind: Kind | None = None) -> list[Model]:
    """The models that can be asked for, with their prices for this workspace.

    Raises:
        NoTextModel: no vendor is connected.
    """
    own = await own_vendors(ctx)
    if not (cards := offered(ctx, own=own)):
        raise NoTextModel(headers={"Retry-After": "60"})
    return [_model(ctx, card, own) for card in cards if kind in (None, card.kind)]


async def show_model(ctx: Context, *, name: str) -> Model:
    """The model of that name.

    Raises:
        ModelNotFound: there is none.
    """
    own = await own_vendors(ctx)
    for card in offered(ctx, own=own):
        if card.name == name:
            return _model(ctx, card, own)
    raise ModelNotFound


def get_model(ctx: Context, *, kind: Kind, name: str | None, own: OwnVendors = NO_OWN) -> ModelCard:
    """The named model, or the default of its kind: the first vendor's, where several offer one.

    Raises:
        ModelUnknown: there is none of that name, or it has no price.
        NoTextModel: no vendor of the kind is connected.
    """
    cards = offered(ctx, own=own)
    if all(card.kind != kind for card in cards):
        raise NoTextModel(headers={"Retry-After": "60"})
    card = find_model(cards, kind=kind, name=name)
    if card is None:
        raise ModelUnknown(model=name or "to use by default")
    return card


def offered(ctx: Context, *, own: OwnVendors = NO_OWN) -> tuple[ModelCard, ...]:
    """The cards of all that is connected, and of what the workspace connected itself, in the order of preference."""
    return offered_models(catalog(ctx, own=own), today=ctx.now().date())


def catalog(ctx: Context, *, own: OwnVendors = NO_OWN) -> tuple[ModelCard, ...]:
    """The same with those that may not be used: unpriced and retired ones."""
    return adjusted(ctx, unchanged_catalog(ctx, own=own))


def unchanged_catalog(ctx: Context, *, own: OwnVendors = NO_OWN) -> list[ModelCard]:
    """All cards as the vendors' tables have them."""
    vendors: list[object] = [ctx.port(port) for port in SINGLE if port in ctx.runtime.ports]
    for kind in MADE:
        by_name = {**house_vendors(ctx, kind), **own.by_kind.get(kind, {})}
        vendors += [by_name[name] for name in sorted(by_name)]
    return [card for vendor in vendors for card in cast(_Catalogued, vendor).catalog()]


def is_own(card: ModelCard, own: OwnVendors) -> bool:
    """Whether the workspace pays this model's vendor itself."""
    return own.find(card.kind, card.vendor) is not None


def tariff_of(ctx: Context, card: ModelCard, *, traits: Mapping[str, str] | None = None, own: OwnVendors = NO_OWN) -> Tariff:
    """What a model costs at the present settings; through the workspace's own account nothing but the fee."""
    settings, is_paid = ctx.setting(AiSettings), is_own(card, own)
    percent = settings.own_key_fee_percent if is_paid else settings.margin_percent
    return Tariff(card.prices, settings.credits_per_dollar, percent, traits or {}, is_own_key=is_paid)


def house_vendors(ctx: Context, kind: Kind) -> Mapping[str, object]:
    """The vendors that the deployment connected, by name."""
    port = MADE[kind]
    return ctx.port(port).by_name if port in ctx.runtime.ports else {}


@contextmanager
def surely_connected() -> Iterator[None]:
    """A vendor that is not connected any more was surely not asked."""
    try:
        yield
    except NoTextModel as gone:
        raise DefiniteFailure(code="vendor.not_connected", detail="the vendor is not connected any more", is_retryable=False) from gone


async def _client(ctx: Context, row: GenerationRow) -> object:
    own = await own_vendors(ctx) if row.is_own_key else None
    found = house_vendors(ctx, row.kind).get(row.vendor) if own is None else own.find(row.kind, row.vendor)
    if found is None:
        raise NoTextModel(headers={"Retry-After": "60"})
    return found


def _model(ctx: Context, card: ModelCard, own: OwnVendors) -> Model:
    return Model(
        name=card.name,
        title=card.title or card.name,
        provider=card.vendor,
        kind=card.kind,
        prices=tuple(_price(ctx, card, price, own) for price in card.prices),
        context_tokens=card.context_tokens or None,
        output_tokens_max=card.output_tokens_max or None,
        prompt_characters_max=card.prompt_characters_max or None,
        sizes=card.sizes,
        voices=card.voices,
        languages=card.languages,
        media_types=card.media_types,
        is_default=card.is_default,
        is_own_key=is_own(card, own),
        retires_on=card.retires_on,
    )


def _price(ctx: Context, card: ModelCard, price: Price, own: OwnVendors) -> ModelPrice:
    micros = tariff_of(ctx, card, traits=price.when, own=own).micros(Usage(**{f"{price.unit}s": price.per}))
    return ModelPrice(unit=price.unit, per=price.per, credits=credits_to_text(micros), when=dict(price.when))
