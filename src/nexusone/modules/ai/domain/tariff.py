"""What writing costs: from tokens to micro-credits, in integers, always rounded up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

TOKENS_PER_PRICE = 1_000_000
FRAMING_TOKENS = 256
# What a repair adds to the prompt: the former answer and its faults, cut to this many bytes.
REPAIR_BYTES_MAX = 12_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices are micro-dollars per million tokens; `margin_percent` is put on top."""

    input_price_micros: int
    output_price_micros: int
    credits_per_dollar: int
    margin_percent: int

    def cost_nano(self, usage: Usage) -> int:
        """What the vendor charges for the tokens, in billionths of a dollar."""
        return cost_nano(usage, input_price_micros=self.input_price_micros, output_price_micros=self.output_price_micros)

    def micros(self, usage: Usage) -> int:
        """Micro-credits for the tokens."""
        dollars = usage.input_tokens * self.input_price_micros + usage.output_tokens * self.output_price_micros
        return -(-dollars * self.credits_per_dollar * (100 + self.margin_percent) // (TOKENS_PER_PRICE * 100))


def cost_nano(usage: Usage, *, input_price_micros: int, output_price_micros: int) -> int:
    """What a vendor with these prices charges for the tokens, in billionths of a dollar."""
    dollars = usage.input_tokens * input_price_micros + usage.output_tokens * output_price_micros
    return -(-dollars * 1000 // TOKENS_PER_PRICE)


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
