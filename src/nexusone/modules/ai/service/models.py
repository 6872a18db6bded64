"""The models there are, and the one to use."""

from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts import Model
from nexusone.modules.ai.domain.catalog import cheapest_instead, find_model, offered_models
from nexusone.modules.ai.domain.lifecycle import PURPOSE
from nexusone.modules.ai.domain.tariff import TOKENS_PER_PRICE, Tariff, Usage
from nexusone.modules.ai.ports import ModelCard, TextModel
from nexusone.modules.ai.service.refusals import ModelUnknown, NoTextModel
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Context


def text_model(ctx: Context) -> TextModel:
    """The vendor that writes.

    Raises:
        NoTextModel: none is connected.
    """
    if TextModel not in ctx.runtime.ports:
        raise NoTextModel(headers={"Retry-After": "60"})
    return ctx.port(TextModel)


def list_models(ctx: Context) -> list[Model]:
    """The models that can be asked for, with their prices.

    Raises:
        NoTextModel: none is connected.
    """
    return [_model(card, tariff_of(ctx, card)) for card in _offered(ctx)]


def get_model(ctx: Context, *, name: str | None) -> ModelCard:
    """The named model, or the default.

    Raises:
        ModelUnknown: there is none of that name, or it has no price.
        NoTextModel: none is connected.
    """
    card = find_model(_offered(ctx), name=name)
    if card is None:
        raise ModelUnknown(model=name or "to use by default")
    return card


def reroute(ctx: Context, asked: ModelCard, *, bound: Usage, output_tokens_max: int) -> ModelCard:
    """The cheapest model that can write the same instead.

    Raises:
        PurposeStopped: none is cheaper.
    """
    card = cheapest_instead(_offered(ctx), asked=asked, bound=bound, output_tokens_max=output_tokens_max)
    if card is None:
        raise billing.PurposeStopped(purpose=PURPOSE)
    return card


def tariff_of(ctx: Context, card: ModelCard) -> Tariff:
    """What a model costs at the present settings."""
    settings = ctx.setting(AiSettings)
    return Tariff(card.input_price_micros, card.output_price_micros, settings.credits_per_dollar, settings.margin_percent)


def _offered(ctx: Context) -> tuple[ModelCard, ...]:
    return offered_models(text_model(ctx).catalog(), today=ctx.now().date())


def _model(card: ModelCard, tariff: Tariff) -> Model:
    return Model(
        name=card.name,
        kind=card.kind,
        context_tokens=card.context_tokens,
        output_tokens_max=card.output_tokens_max,
        input_credits_per_million=credits_to_text(tariff.micros(Usage(input_tokens=TOKENS_PER_PRICE))),
        output_credits_per_million=credits_to_text(tariff.micros(Usage(output_tokens=TOKENS_PER_PRICE))),
        is_default=card.is_default,
        retires_on=card.retires_on,
    )
