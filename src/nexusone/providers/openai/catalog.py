"""The vendor's models as data, read from models.toml: what writes, draws, compares and judges."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from nexusone.modules.ai.ports.models import Kind, ModelCard, Price, token_prices

MODELS = Path(__file__).with_name("models.toml")
VENDOR = "openai"
TOKENS_PER_PRICE = 1_000_000
# What the vendor's image models put out; the same for all of them.
IMAGE_MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp")

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
Quality = Literal["low", "medium", "high"]
Size = Annotated[str, Field(pattern=r"^\d{2,4}x\d{2,4}$")]


class _Listed(BaseModel):
    """What every entry may say; a price that is None is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1)
    title: str | None = None
    is_default: bool = False
    retires_on: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")


class ListedTextModel(_Listed):
    """A model that writes. Prices are micro-dollars per million tokens."""

    kind: Literal["text"]
    context_tokens: PositiveInt | None = None
    output_tokens_max: PositiveInt | None = None
    input_price_micros: PositiveInt | None = None
    output_price_micros: PositiveInt | None = None
    reasoning_effort: ReasoningEffort | None = None

    def card(self) -> ModelCard | None:
        """None where a limit or a price is not known."""
        if (
            self.context_tokens is None
            or self.output_tokens_max is None
            or self.input_price_micros is None
            or self.output_price_micros is None
        ):
            return None
        return ModelCard(
            name=self.name,
            title=self.title,
            vendor=VENDOR,
            kind=self.kind,
            context_tokens=self.context_tokens,
            output_tokens_max=self.output_tokens_max,
            prices=token_prices(input_micros=self.input_price_micros, output_micros=self.output_price_micros),
            is_default=self.is_default,
            retires_on=self.retires_on,
        )


class ListedImageModel(_Listed):
    """A model that draws: micro-dollars per million tokens of the prompt, and for a picture of each size and quality."""

    kind: Literal["image"]
    prompt_characters_max: PositiveInt
    images_max: PositiveInt
    input_price_micros: PositiveInt | None = None
    image_price_micros: dict[Size, dict[Quality, PositiveInt]] = {}

    def card(self) -> ModelCard | None:
        """None where a price is not known."""
        if self.input_price_micros is None or not self.image_price_micros:
            return None
        images = tuple(
            Price("image", micros, when={"size": size, "quality": quality})
            for size, by_quality in self.image_price_micros.items()
            for quality, micros in by_quality.items()
        )
        return ModelCard(
            name=self.name,
            title=self.title,
            vendor=VENDOR,
            kind=self.kind,
            prices=(Price("input_token", self.input_price_micros, TOKENS_PER_PRICE), *images),
            prompt_characters_max=self.prompt_characters_max,
            sizes=tuple(self.image_price_micros),
            media_types=IMAGE_MEDIA_TYPES,
            images_max=self.images_max,
            is_default=self.is_default,
            retires_on=self.retires_on,
        )


class ListedEmbeddingModel(_Listed):
    """A model that compares. Its price is micro-dollars per million tokens."""

    kind: Literal["embedding"]
    context_tokens: PositiveInt
    dimensions: PositiveInt
    input_price_micros: PositiveInt | None = None

    def card(self) -> ModelCard | None:
        """None where the price is not known."""
        if self.input_price_micros is None:
            return None
        return ModelCard(
            name=self.name,
            title=self.title,
            vendor=VENDOR,
            kind=self.kind,
            prices=(Price("input_token", self.input_price_micros, TOKENS_PER_PRICE),),
            context_tokens=self.context_tokens,
            dimensions=self.dimensions,
            is_default=self.is_default,
            retires_on=self.retires_on,
        )


class ListedModerationModel(_Listed):
    """A model that judges. Free of charge is said in so many words: a price left out never means it."""

    kind: Literal["moderation"]
    is_free: bool = False
    request_price_micros: PositiveInt | None = None

    def card(self) -> ModelCard | None:
        """None where it is neither free nor priced."""
        micros = 0 if self.is_free else self.request_price_micros
        if micros is None:
            return None
        return ModelCard(
            name=self.name,
            title=self.title,
            vendor=VENDOR,
            kind=self.kind,
            prices=(Price("request", micros),),
            media_types=IMAGE_MEDIA_TYPES,
            is_default=self.is_default,
            retires_on=self.retires_on,
        )


ListedModel = ListedTextModel | ListedImageModel | ListedEmbeddingModel | ListedModerationModel


class _ModelList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: tuple[Annotated[ListedModel, Field(discriminator="kind")], ...]


@lru_cache(maxsize=1)
def listed_models() -> tuple[ListedModel, ...]:
    """Every model of models.toml, with or without a price."""
    return _ModelList.model_validate(tomllib.loads(MODELS.read_text(encoding="utf-8"))).models


@lru_cache(maxsize=8)
def priced_models(kind: Kind) -> tuple[ModelCard, ...]:
    """The models of a kind that can be offered: those whose limits and prices are known."""
    return tuple(card for listed in listed_models() if listed.kind == kind and (card := listed.card()) is not None)


def card_of(model: str, *, kind: Kind) -> ModelCard | None:
    """The card of a name; None for a model that is not offered here, such as a compatible server's own."""
    return next((card for card in priced_models(kind) if card.name == model), None)


def reasoning_effort(model: str) -> ReasoningEffort | None:
    """How hard the model is told to think; None for a model that is not listed."""
    return next((one.reasoning_effort for one in listed_models() if one.kind == "text" and one.name == model), None)
