"""What making costs: from what vendors count to micro-credits, in whole numbers, always rounded up."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction

from nexusone.modules.ai.ports.models import Price, Unit

TOKENS_PER_PRICE = 1_000_000
FRAMING_TOKENS = 256
# What a repair adds to the prompt: the former answer and its faults, cut to this many bytes.
REPAIR_BYTES_MAX = 12_000


class Unpriced(ValueError):
    """What was used has no price; it would be free."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used, in the units that vendors count."""

    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    seconds: int = 0
    characters: int = 0
    requests: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(Usage)))

    def of(self, unit: Unit) -> int:
        """How much of one unit."""
        found: int = getattr(self, f"{unit}s")
        return found


def usage_of(quantities: Mapping[Unit, int]) -> Usage:
    """What a vendor says was used."""
    return Usage(**{f"{unit}s": amount for unit, amount in quantities.items()})


@dataclass(frozen=True, slots=True)
class Tariff:
    """A model's prices for requests of these traits (size, quality); `margin_percent` is put on top.

    Where a workspace's own key pays the vendor (`is_own_key`), there is no cost, and `margin_percent` of it is all that is charged.
    """

    prices: tuple[Price, ...]
    credits_per_dollar: int
    margin_percent: int
    traits: Mapping[str, str] = field(default_factory=dict)
    is_own_key: bool = False

    def cost_nano(self, usage: Usage) -> int:
        """What the vendor charges the house, in billionths of a dollar.

        Raises:
            Unpriced: something was used that has no price.
        """
        if self.is_own_key:
            return 0
        return cost_nano(usage, prices=self.prices, traits=self.traits)

    def micros(self, usage: Usage) -> int:
        """Micro-credits for what was used.

        Raises:
            Unpriced: something was used that has no price.
        """
        cost = _micro_dollars(usage, self.prices, self.traits)
        percent = self.margin_percent if self.is_own_key else 100 + self.margin_percent
        return _ceil(cost * self.credits_per_dollar * percent / 100)


def cost_nano(usage: Usage, *, prices: Sequence[Price], traits: Mapping[str, str]) -> int:
    """What a vendor with these prices charges, in billionths of a dollar."""
    return _ceil(_micro_dollars(usage, prices, traits) * 1000)


def usage_bound(
    *, instructions: str, prompt: str, output_schema: Mapping[str, object] | None, output_tokens_max: int, repairs_max: int
) -> Usage:
    """The most tokens that a generation with all its repairs can use.

    Tokens are pieces of at least one byte, so a text has no more tokens than bytes; a schema counts twice because
    vendors may rewrite it for their models.
    """
    schema_bytes = 0 if output_schema is None else len(json.dumps(output_schema))
    first = len(instructions.encode()) + len(prompt.encode()) + 2 * schema_bytes + FRAMING_TOKENS
    return Usage(
        input_tokens=first + repairs_max * (first + REPAIR_BYTES_MAX),
        output_tokens=output_tokens_max * (1 + repairs_max),
    )


def priced_units(prices: Iterable[Price], traits: Mapping[str, str]) -> frozenset[Unit]:
    """The units that cost something for requests of these traits."""
    return frozenset(price.unit for price in prices if _holds(price, traits))


def _micro_dollars(usage: Usage, prices: Sequence[Price], traits: Mapping[str, str]) -> Fraction:
    total = Fraction(0)
    for part in fields(Usage):
        amount = getattr(usage, part.name)
        if amount:
            price = _price_of(part.name.removesuffix("s"), prices, traits)
            total += Fraction(amount * price.micros, price.per)
    return total


def _price_of(unit: str, prices: Sequence[Price], traits: Mapping[str, str]) -> Price:
    """The price that says most about such a request."""
    fitting = [price for price in prices if price.unit == unit and _holds(price, traits)]
    if not fitting:
        raise Unpriced(unit)
    return max(fitting, key=lambda price: len(price.when))


def _holds(price: Price, traits: Mapping[str, str]) -> bool:
    return all(traits.get(trait) == value for trait, value in price.when.items())


def _ceil(amount: Fraction) -> int:
    return -(-amount.numerator // amount.denominator)
