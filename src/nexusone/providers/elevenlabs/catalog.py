"""The vendor's models as data, read from models.toml."""

import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from nexusone.modules.ai.ports.models import ModelCard, Price

MODELS = Path(__file__).with_name("models.toml")
CHARACTERS_PRICED = 1_000
MEDIA_TYPES = ("audio/mpeg", "audio/wav")


class ListedModel(BaseModel):
    """One entry of models.toml; without a price it is not offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    characters_max: int = Field(gt=0)
    price_micros: int | None = Field(default=None, gt=0)
    languages: tuple[str, ...] = ()
    takes_language: bool = True
    takes_speed: bool = True
    is_default: bool = False
    retires_on: str | None = None


class Listed(BaseModel):
    """All of models.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    voices: tuple[str, ...]
    models: tuple[ListedModel, ...]


@lru_cache(maxsize=1)
def listed() -> Listed:
    """Every model with or without a price, and the voices every account has."""
    return Listed.model_validate(tomllib.loads(MODELS.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def priced_models() -> tuple[ModelCard, ...]:
    """The models that can be offered."""
    return tuple(_card(model, model.price_micros) for model in listed().models if model.price_micros is not None)


def listed_model(name: str) -> ListedModel | None:
    """The entry of that name."""
    return next((model for model in listed().models if model.name == name), None)


def _card(model: ListedModel, price_micros: int) -> ModelCard:
    return ModelCard(
        name=model.name,
        vendor="elevenlabs",
        kind="voice",
        prices=(Price("character", price_micros, CHARACTERS_PRICED),),
        title=model.title,
        prompt_characters_max=model.characters_max,
        voices=listed().voices,
        languages=model.languages,
        media_types=MEDIA_TYPES,
        is_default=model.is_default,
        retires_on=model.retires_on,
    )
