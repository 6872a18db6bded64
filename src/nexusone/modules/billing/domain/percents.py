"""Percentages as whole hundredths of a percent, and as text."""

from decimal import Decimal

HUNDREDTHS = 100


def hundredths_from_text(text: str) -> int:
    """ "12.5" is 1250. Raises ValueError where more than two places are given."""
    hundredths = Decimal(text) * HUNDREDTHS
    if hundredths != hundredths.to_integral_value():
        raise ValueError("a percentage has at most two places")
    return int(hundredths)


def hundredths_to_text(hundredths: int) -> str:
    """The inverse, in the shortest way."""
    whole, part = divmod(hundredths, HUNDREDTHS)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") if part else str(whole)
