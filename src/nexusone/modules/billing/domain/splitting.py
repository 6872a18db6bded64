"""Sharing out a whole among parts so that nothing is lost: the method of the largest remainder."""

from collections.abc import Sequence
from fractions import Fraction

Rank = tuple[str | int, ...]


def split(whole: int, shares: Sequence[Fraction], ranks: Sequence[Rank]) -> tuple[int, ...]:
    """Rounds exact shares to integers that sum to `whole`, which is their exact sum, rounded up or down.

    Each is rounded down, and what is left goes by ones to the largest remainders; among equal ones the rank decides, so
    that the order of the parts does not matter.
    """
    floors = [share.numerator // share.denominator for share in shares]
    left = whole - sum(floors)
    if not 0 <= left <= len(shares):
        raise ValueError(f"{whole} is not the sum of the shares, rounded")
    order = sorted(range(len(shares)), key=lambda part: (shares[part] - floors[part], ranks[part]), reverse=True)
    for part in order[:left]:
        floors[part] += 1
    return tuple(floors)


def split_by_weights(whole: int, weights: Sequence[int], ranks: Sequence[Rank]) -> tuple[int, ...]:
    """Shares out `whole` in proportion to weights that are not negative and not all zero."""
    total = sum(weights)
    return split(whole, [Fraction(whole * weight, total) for weight in weights], ranks)


def half_up(exact: Fraction) -> int:
    """The nearest integer; of two equally near ones the greater."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
