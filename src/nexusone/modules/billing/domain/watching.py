"""When a workspace is told that its credits run low, and when more are bought for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Threshold:
    """`is_armed`: not crossed since the credits were last at it or above."""

    micros: int
    is_armed: bool


@dataclass(frozen=True, slots=True)
class TopUpTerms:
    """Buy `amount` whenever fewer than `threshold` are unspent; `wanted` counts what was asked for in `month` (its first day)."""

    is_enabled: bool
    threshold: int
    amount: int
    monthly_max: int
    is_armed: bool
    month: date
    wanted: int


def crossed(thresholds: Sequence[Threshold], *, unspent: int) -> list[Threshold]:
    """The armed thresholds that the credits are below of, the highest first."""
    found = [threshold for threshold in thresholds if threshold.is_armed and unspent < threshold.micros]
    return sorted(found, key=lambda threshold: -threshold.micros)


def rearmed(thresholds: Sequence[Threshold], *, unspent: int) -> list[Threshold]:
    """All of them as they stand now: armed exactly where the credits are not below."""
    return [Threshold(threshold.micros, is_armed=unspent >= threshold.micros) for threshold in thresholds]


def topped_up(terms: TopUpTerms, *, unspent: int, today: date) -> tuple[TopUpTerms, int]:
    """The terms as they stand now, and how many credits to buy: 0 for none.

    Once asked, nothing more is bought until the credits were at the threshold again, or another month began.
    """
    month = today.replace(day=1)
    is_new_month = month != terms.month
    wanted = 0 if is_new_month else terms.wanted
    is_below = unspent < terms.threshold
    is_armed = terms.is_armed or is_new_month or not is_below
    is_due = terms.is_enabled and is_armed and is_below
    buys = terms.amount if is_due and wanted + terms.amount <= terms.monthly_max else 0
    after = TopUpTerms(terms.is_enabled, terms.threshold, terms.amount, terms.monthly_max, is_armed and not is_due, month, wanted + buys)
    return after, buys


def watch_below(thresholds: Sequence[Threshold], terms: TopUpTerms | None) -> int:
    """The highest number of unspent credits below which something is to be done; 0 for nothing."""
    armed = [threshold.micros for threshold in thresholds if threshold.is_armed]
    if terms is not None and terms.is_enabled and terms.is_armed:
        armed.append(terms.threshold)
    return max(armed, default=0)
