"""The vendor's models as data, read from models.toml."""

import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from nexusone.modules.ai.ports.models import ModelCard, Price

MODELS = Path(__file__).with_name("models.toml")
SMALL = "512x512"
# Multiples of 64, none over a megapixel: what a picture of 1024x1024 costs is the most that any of them costs.
SIZES = (SMALL, "768x768", "1024x1024", "1152x896", "896x1152", "1216x832", "832x1216", "1344x768", "768x1344")
PROMPT_CHARACTERS_MAX = 3_000
IMAGES_MAX = 4
MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp")


class ListedModel(BaseModel):
    """One entry of models.toml; what is None is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9]+:[a-z0-9-]+@[a-z0-9.-]+$")
    title: str
    price_micros: int | None = Field(default=None, gt=0)
    small_price_micros: int | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    takes_negative_prompt: bool = False
    is_default: bool = False
    retires_on: str | None = None


class _ModelList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: tuple[ListedModel, ...]


@lru_cache(maxsize=1)
def listed_models() -> tuple[ListedModel, ...]:
    """Every model of models.toml, with or without a price."""
    return _ModelList.model_validate(tomllib.loads(MODELS.read_text(encoding="utf-8"))).models


def listed_model(name: str) -> ListedModel | None:
    """One model by its AIR id; None for one that is not listed."""
    return next((listed for listed in listed_models() if listed.name == name), None)


@lru_cache(maxsize=1)
def priced_models() -> tuple[ModelCard, ...]:
    """The models that can be offered: those whose price is known."""
    return tuple(_card(listed) for listed in listed_models() if listed.price_micros is not None)


def _card(listed: ListedModel) -> ModelCard:
    return ModelCard(
        name=listed.name,
        vendor="runware",
        kind="image",
        title=listed.title,
        prices=_prices(listed),
        prompt_characters_max=PROMPT_CHARACTERS_MAX,
        sizes=SIZES,
        media_types=MEDIA_TYPES,
        images_max=IMAGES_MAX,
        is_default=listed.is_default,
        retires_on=listed.retires_on,
    )


def _prices(listed: ListedModel) -> tuple[Price, ...]:
    small = [] if listed.small_price_micros is None else [Price("image", listed.small_price_micros, when={"size": SMALL})]
    return (*small, *([] if listed.price_micros is None else [Price("image", listed.price_micros)]))
