"""The vendor's models as data, read from models.toml."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nexusone.modules.ai.ports.models import ModelCard, token_prices

MODELS = Path(__file__).with_name("models.toml")

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]


class ListedModel(BaseModel):
    """One entry of models.toml; what is None is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    context_tokens: int | None = None
    output_tokens_max: int | None = None
    input_price_micros: int | None = None
    output_price_micros: int | None = None
    reasoning_effort: ReasoningEffort | None = None
    is_default: bool = False
    retires_on: str | None = None


class _ModelList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: tuple[ListedModel, ...]


@lru_cache(maxsize=1)
def listed_models() -> tuple[ListedModel, ...]:
    """Every model of models.toml, with or without a price."""
    return _ModelList.model_validate(tomllib.loads(MODELS.read_text(encoding="utf-8"))).models


@lru_cache(maxsize=1)
def priced_models() -> tuple[ModelCard, ...]:
    """The models that can be offered: those whose limits and prices are known."""
    return tuple(card for listed in listed_models() if (card := _card(listed)) is not None)


def reasoning_effort(model: str) -> ReasoningEffort | None:
    """How hard the model is told to think; None for a model that is not listed."""
    return next((listed.reasoning_effort for listed in listed_models() if listed.name == model), None)


def _card(listed: ListedModel) -> ModelCard | None:
    if (
        listed.context_tokens is None
        or listed.output_tokens_max is None
        or listed.input_price_micros is None
        or listed.output_price_micros is None
    ):
        return None
    return ModelCard(
        name=listed.name,
        vendor="openai",
        kind="text",
        context_tokens=listed.context_tokens,
        output_tokens_max=listed.output_tokens_max,
        prices=token_prices(input_micros=listed.input_price_micros, output_micros=listed.output_price_micros),
        is_default=listed.is_default,
        retires_on=listed.retires_on,
    )
