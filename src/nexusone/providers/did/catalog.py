"""The vendor's models and voices as data, read from models.toml."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nexusone.modules.ai.ports.models import ModelCard, Price

MODELS = Path(__file__).with_name("models.toml")
VIDEO = "video/mp4"

VoiceProvider = Literal["microsoft", "elevenlabs"]


class ListedModel(BaseModel):
    """One model of models.toml; without a price it is not offered. A block is what the vendor charges at least."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    block_seconds: int = Field(gt=0)
    block_price_micros: int | None = Field(default=None, gt=0)
    prompt_characters_max: int = Field(gt=0)
    seconds_max: int = Field(gt=0)
    image_bytes_max: int = Field(gt=0)
    audio_bytes_max: int = Field(gt=0)
    is_default: bool = False
    retires_on: str | None = None


class ListedVoice(BaseModel):
    """One voice of models.toml: whose it is, and the language it was made for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    provider: VoiceProvider
    language: str


class _Lists(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: tuple[ListedModel, ...]
    voices: tuple[ListedVoice, ...] = Field(min_length=1)


@lru_cache(maxsize=1)
def offered_models() -> tuple[ModelCard, ...]:
    """The models that can be offered: those whose price is known."""
    return tuple(card for listed in _lists().models if (card := _card(listed)) is not None)


def find_model(name: str) -> ListedModel | None:
    """The model of that name, where it has a price."""
    return next((listed for listed in _lists().models if listed.name == name and listed.block_price_micros is not None), None)


def charged_seconds(seconds: float) -> int:
    """What the vendor takes for a video so long: whole blocks, at least one."""
    block = _lists().models[0].block_seconds
    return max(1, -int(-seconds // block)) * block


def find_voice(name: str | None, *, language: str | None) -> ListedVoice | None:
    """The voice of that name, or where none is named the one that speaks that language; None for a name that says nothing."""
    voices = _lists().voices
    if name is None:
        return _speaking(voices, language or "")
    for listed in voices:
        if listed.name == name:
            return listed
    match name.split(":", 1):
        case ["microsoft", voice] if voice:
            return ListedVoice(name=voice, provider="microsoft", language="")
        case ["elevenlabs", voice] if voice:
            return ListedVoice(name=voice, provider="elevenlabs", language="")
        case _:
            return None


def _speaking(voices: tuple[ListedVoice, ...], language: str) -> ListedVoice:
    wanted = language.lower().replace("_", "-")
    same = [voice for voice in voices if voice.language.lower() == wanted]
    near = [voice for voice in voices if voice.language.lower().split("-")[0] == wanted.split("-", maxsplit=1)[0]]
    return next(iter([*same, *near, *voices]))


@lru_cache(maxsize=1)
def _lists() -> _Lists:
    return _Lists.model_validate(tomllib.loads(MODELS.read_text(encoding="utf-8")))


def _card(listed: ListedModel) -> ModelCard | None:
    if listed.block_price_micros is None:
        return None
    return ModelCard(
        name=listed.name,
        vendor="did",
        kind="video",
        prices=(Price("second", listed.block_price_micros, listed.block_seconds),),
        title=listed.title,
        prompt_characters_max=listed.prompt_characters_max,
        voices=tuple(voice.name for voice in _lists().voices),
        media_types=(VIDEO,),
        seconds_max=listed.seconds_max,
        is_default=listed.is_default,
        retires_on=listed.retires_on,
    )
