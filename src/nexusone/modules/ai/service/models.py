"""The models there are, of every vendor that is connected, and the one to ask."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts.generations import Model, ModelPrice
from nexusone.modules.ai.domain.catalog import find_model, offered_models
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.modules.ai.ports.judging import Embedder, Moderator
from nexusone.modules.ai.ports.media import ImageModels, MediaModel, VideoModels, VoiceModels
from nexusone.modules.ai.ports.models import Kind, ModelCard, Price
from nexusone.modules.ai.ports.text import TextModel
from nexusone.modules.ai.service.refusals import ModelUnknown, NoTextModel
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context

SINGLE = (TextModel, Embedder, Moderator)
MEDIA: Mapping[str, type[ImageModels | VoiceModels | VideoModels]] = {"image": ImageModels, "voice": VoiceModels, "video": VideoModels}


class _Catalogued(Protocol):
    def catalog(self) -> tuple[ModelCard, ...]: ...


def text_model(ctx: Context) -> TextModel:
    """The vendor that writes.

    Raises:
        NoTextModel: none is connected.
    """
    if TextModel not in ctx.runtime.ports:
        raise NoTextModel(headers={"Retry-After": "60"})
    return ctx.port(TextModel)


def media_model(ctx: Context, *, kind: str, vendor: str) -> MediaModel[Any]:
    """The vendor that makes files of a kind.

    Raises:
        NoTextModel: it is not connected.
    """
    found = _media_vendors(ctx, kind).get(vendor)
    if found is None:
        raise NoTextModel(headers={"Retry-After": "60"})
    return found


def list_models(ctx: Context) -> list[Model]:
    """The models that can be asked for, with their prices.

    Raises:
        NoTextModel: none is connected.
    """
    if not (cards := offered(ctx)):
        raise NoTextModel(headers={"Retry-After": "60"})
    return [_model(ctx, card) for card in cards]


def get_model(ctx: Context, *, kind: Kind, name: str | None) -> ModelCard:
    """The named model, or the default of its kind: the first vendor's, where several offer one.

    Raises:
        ModelUnknown: there is none of that name, or it has no price.
        NoTextModel: no vendor of the kind is connected.
    """
    cards = offered(ctx)
    if all(card.kind != kind for card in cards):
        raise NoTextModel(headers={"Retry-After": "60"})
    card = find_model(cards, kind=kind, name=name)
    if card is None:
        raise ModelUnknown(model=name or "to use by default")
    return card


def offered(ctx: Context) -> tuple[ModelCard, ...]:
    """The cards of all that is connected, in the order of preference."""
    vendors: list[_Catalogued] = [cast(_Catalogued, ctx.port(port)) for port in SINGLE if port in ctx.runtime.ports]
    vendors += [vendor for kind in MEDIA for vendor in _media_vendors(ctx, kind).values()]
    cards = [card for vendor in vendors for card in vendor.catalog()]
    return offered_models(cards, today=ctx.now().date())


def tariff_of(ctx: Context, card: ModelCard, *, traits: Mapping[str, str] | None = None) -> Tariff:
    """What a model costs at the present settings."""
    settings = ctx.setting(AiSettings)
    return Tariff(card.prices, settings.credits_per_dollar, settings.margin_percent, traits or {})


def _media_vendors(ctx: Context, kind: str) -> Mapping[str, MediaModel[Any]]:
    port = MEDIA[kind]
    return ctx.port(port).by_name if port in ctx.runtime.ports else {}


def _model(ctx: Context, card: ModelCard) -> Model:
    return Model(
        name=card.name,
        title=card.title or card.name,
        provider=card.vendor,
        kind=card.kind,
        prices=tuple(_price(ctx, card, price) for price in card.prices),
        context_tokens=card.context_tokens or None,
        output_tokens_max=card.output_tokens_max or None,
        prompt_characters_max=card.prompt_characters_max or None,
        sizes=card.sizes,
        voices=card.voices,
        languages=card.languages,
        media_types=card.media_types,
        is_default=card.is_default,
        retires_on=card.retires_on,
    )


def _price(ctx: Context, card: ModelCard, price: Price) -> ModelPrice:
    micros = tariff_of(ctx, card, traits=price.when).micros(Usage(**{f"{price.unit}s": price.per}))
    return ModelPrice(unit=price.unit, per=price.per, credits=credits_to_text(micros), when=dict(price.when))
