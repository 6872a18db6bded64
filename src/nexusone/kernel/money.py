"""Money in minor units, credits in micro-credits: integers inside, exact on the wire."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from nexusone.kernel.contract import Contract

MICROS_PER_CREDIT = 1_000_000
BIGINT_MAX = 2**63 - 1

CreditsText = Annotated[str, StringConstraints(pattern=r"^-?\d{1,13}(\.\d{1,6})?$")]
"""Credits on the wire: a decimal string with at most six places."""

MicroCredits = Annotated[int, Field(ge=-BIGINT_MAX, le=BIGINT_MAX)]
"""Credits inside: an integer of millionths."""


class Money(Contract):
    """An amount in ISO 4217 minor units: 19.99 EUR is `{"amount": 1999, "currency": "EUR"}`."""

    amount: Annotated[int, Field(ge=-BIGINT_MAX, le=BIGINT_MAX)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def credits_to_text(micros: int) -> str:
    """Micro-credits as the shortest exact decimal: 1_500_000 is "1.5"."""
    sign = "-" if micros < 0 else ""
    whole, part = divmod(abs(micros), MICROS_PER_CREDIT)
    fraction = f".{part:06d}".rstrip("0") if part else ""
    return f"{sign}{whole}{fraction}"


def credits_from_text(text: str) -> int:
    """The inverse of `credits_to_text`; raises ValueError where more than six places are given."""
    micros = Decimal(text) * MICROS_PER_CREDIT
    if micros != micros.to_integral_value():
        raise ValueError("credits have at most six decimal places")
    return int(micros)
