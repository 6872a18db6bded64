"""The vendor's models as data, read from models.toml."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nexusone.modules.ai.ports.models import ModelCard, Price

MODELS = Path(__file__).with_name("models.toml")

Inputs = Mapping[str, str | int]
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$")]
MediaType = Annotated[str, Field(pattern=r"^image/(png|jpeg|webp)$")]
InputName = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]


class ListedModel(BaseModel):
    """One entry of models.toml; what is None is not known, or not understood by the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9.-]+$")
    title: str
    sizes: Mapping[Size, Inputs] = Field(min_length=1)
    formats: Mapping[MediaType, Inputs] = Field(min_length=1)
    image_price_micros: int | None = Field(default=None, gt=0)
    images_max: int = Field(default=1, ge=1, le=10)
    prompt_characters_max: int = Field(default=0, ge=0)
    count_input: InputName | None = None
    seed_input: InputName | None = None
    negative_prompt_input: InputName | None = None
    extra_inputs: Inputs = Field(default_factory=dict)
    is_default: bool = False
    retires_on: str | None = None


class _ModelList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: tuple[ListedModel, ...]


@lru_cache(maxsize=1)
def listed_models() -> Mapping[str, ListedModel]:
    """Every model of models.toml by name, with or without a price."""
    listed = _ModelList.model_validate(tomllib.loads(MODELS.read_text(encoding="utf-8"))).models
    return {model.name: model for model in listed}


@lru_cache(maxsize=1)
def priced_models() -> tuple[ModelCard, ...]:
    """The models that can be offered: those whose prices are known."""
    return tuple(card for listed in listed_models().values() if (card := _card(listed)) is not None)


def _card(listed: ListedModel) -> ModelCard | None:
    if listed.image_price_micros is None:
        return None
    return ModelCard(
        name=listed.name,
        vendor="replicate",
        kind="image",
        title=listed.title,
        prices=(Price("image", listed.image_price_micros),),
        sizes=tuple(listed.sizes),
        media_types=tuple(listed.formats),
        images_max=listed.images_max,
        prompt_characters_max=listed.prompt_characters_max,
        is_default=listed.is_default,
        retires_on=listed.retires_on,
    )
