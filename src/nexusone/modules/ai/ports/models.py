"""Models as data: what they can do, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "image", "voice", "video", "moderation", "embedding"]
Unit = Literal["input_token", "output_token", "image", "second", "character", "request"]
"""What vendors count."""


@dataclass(frozen=True, slots=True)
class Price:
    """`micros` micro-dollars for every `per` units; it holds for requests that have the traits of `when`, such as a size."""

    unit: Unit
    micros: int
    per: int = 1
    when: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model as data. Every unit that it is charged by has a price; a model without prices is never offered.

    `sizes` are those of images and videos, as "1024x1024" (empty: any); `voices` those that speak, by the vendor's names;
    `languages` those a voice model speaks, as ISO 639-1 (empty: any).
    `prompt_characters_max` bounds what may be asked, `retires_on` is an ISO date; 0 is what does not apply.
    """

    name: str
    vendor: str
    kind: Kind
    prices: tuple[Price, ...]
    title: str | None = None
    context_tokens: int = 0
    output_tokens_max: int = 0
    prompt_characters_max: int = 0
    sizes: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    images_max: int = 1
    seconds_max: int = 0
    dimensions: int = 0
    is_default: bool = False
    retires_on: str | None = None

    def price_of(self, unit: Unit) -> Price | None:
        """What a unit costs whatever the request is like; None where it has no such price."""
        return next((price for price in self.prices if price.unit == unit and not price.when), None)


def token_prices(*, input_micros: int, output_micros: int) -> tuple[Price, ...]:
    """What tokens cost, in micro-dollars per million."""
    return Price("input_token", input_micros, 1_000_000), Price("output_token", output_micros, 1_000_000)
