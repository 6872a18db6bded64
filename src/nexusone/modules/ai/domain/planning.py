"""What a wish needs of a model, and the most that it can cost."""

import math
from collections.abc import Mapping

from nexusone.kernel.errors import FieldError
from nexusone.modules.ai.contracts.generations import NewImage, NewMedia, NewVideo, NewVoice
from nexusone.modules.ai.domain.tariff import Usage, priced_units
from nexusone.modules.ai.ports.models import ModelCard, Unit

# The slowest that a text is read aloud, so that a film of it is never longer than what was held for it.
CHARACTERS_PER_SECOND_MIN = 5
FILM_SECONDS_SPARE = 5
# What vendors with several qualities make where none is asked for.
QUALITY_DEFAULT = "medium"


def traits_of(wanted: NewMedia) -> dict[str, str]:
    """What prices may depend on."""
    if isinstance(wanted, NewImage):
        return {"size": f"{wanted.width}x{wanted.height}", "quality": wanted.quality or QUALITY_DEFAULT}
    return {}


def media_bound(card: ModelCard, wanted: NewMedia, *, audio_seconds: int = 0) -> Usage:
    """The most of everything that has a price; `audio_seconds` is the length of a sound that a film is made of."""
    prompt = wanted.prompt or ""
    amounts: Mapping[Unit, int] = {
        "input_token": len(prompt.encode()) + 256,
        "output_token": card.output_tokens_max,
        "image": wanted.count if isinstance(wanted, NewImage) else 0,
        "character": len(prompt) * 2 + 16 if isinstance(wanted, NewVoice) else len(prompt),
        "second": film_seconds_max(card, prompt, audio_seconds),
        "request": 1,
    }
    units = priced_units(card.prices, traits_of(wanted))
    return Usage(**{f"{unit}s": _in_blocks(card, unit, amount) for unit, amount in amounts.items() if unit in units})


def _in_blocks(card: ModelCard, unit: Unit, amount: int) -> int:
    """Films are charged in begun blocks of seconds."""
    per = max((price.per for price in card.prices if price.unit == unit), default=1) if unit == "second" else 1
    return -(-amount // per) * per


def film_seconds_max(card: ModelCard, prompt: str, audio_seconds: int) -> int:
    """How long a film can become."""
    spoken = audio_seconds or math.ceil(len(prompt) / CHARACTERS_PER_SECOND_MIN)
    longest = spoken + FILM_SECONDS_SPARE
    return min(longest, card.seconds_max) if card.seconds_max else longest


def misfits(card: ModelCard, wanted: NewMedia) -> tuple[FieldError, ...]:
    """What of a wish the model cannot do; empty where it can do all."""
    found = []
    if card.prompt_characters_max and wanted.prompt and len(wanted.prompt) > card.prompt_characters_max:
        found.append(_error("/prompt", "too_long", f"{card.name} takes at most {card.prompt_characters_max} characters"))
    if isinstance(wanted, NewImage):
        size = f"{wanted.width}x{wanted.height}"
        if card.sizes and size not in card.sizes:
            found.append(_error("/width", "size_not_offered", f"{card.name} draws {', '.join(card.sizes)}"))
        if wanted.count > card.images_max:
            found.append(_error("/count", "too_many", f"{card.name} draws at most {card.images_max} at once"))
    if isinstance(wanted, NewImage | NewVoice) and card.media_types and wanted.media_type not in card.media_types:
        found.append(_error("/media_type", "not_offered", f"{card.name} makes {', '.join(card.media_types)}"))
    if isinstance(wanted, NewVoice | NewVideo) and wanted.locale and card.languages:
        language = wanted.locale.partition("-")[0]
        if language not in card.languages:
            found.append(_error("/locale", "not_spoken", f"{card.name} speaks {', '.join(card.languages)}"))
    return tuple(found)


def _error(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)
