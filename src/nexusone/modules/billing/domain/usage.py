"""Meters, what usage of them is worth, and what late usage changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nexusone.modules.billing.domain.invoices import DraftLine

Aggregation = Literal["count", "sum", "max", "unique", "latest"]


@dataclass(frozen=True, slots=True)
class Meter:
    """Something that is metered: how its events come together over a period, and in which unit."""

    code: str
    aggregation: Aggregation
    unit: str


@dataclass(frozen=True, slots=True)
class MeterPrice:
    """Beyond `included`, every begun package of `per` units costs `unit_amount` minor units."""

    included: int
    per: int
    unit_amount: int


@dataclass(frozen=True, slots=True)
class ClosedMeter:
    """What a meter stood at when its period was closed."""

    meter: str
    period_start: datetime
    period_end: datetime
    value: int


@dataclass(frozen=True, slots=True)
class LateUsage:
    """A period that was closed before at `before`, and stands at `after` with what came since."""

    meter: str
    period_start: datetime
    period_end: datetime
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closing found: the period's meters, and earlier periods that late usage changed."""

    meters: tuple[ClosedMeter, ...]
    late: tuple[LateUsage, ...]


def packages(value: int, price: MeterPrice) -> int:
    """How many packages beyond what is included were begun."""
    return -(-max(0, value - price.included) // price.per)


def lines_of(closing: Closing, *, prices: Mapping[str, MeterPrice], names: Mapping[str, str]) -> tuple[DraftLine, ...]:
    """The lines of a closing on the next invoice: usage of the period, and one adjustment for each earlier period that changed."""
    return (*_usage_lines(closing.meters, prices, names), *_adjustments(closing.late, prices, names))


def _usage_lines(meters: Sequence[ClosedMeter], prices: Mapping[str, MeterPrice], names: Mapping[str, str]) -> list[DraftLine]:
    lines = []
    for closed in meters:
        price = prices.get(closed.meter)
        if price is not None and (count := packages(closed.value, price)):
            lines.append(DraftLine("usage", names.get(closed.meter, closed.meter), count, price.unit_amount, count * price.unit_amount))
    return lines


def _adjustments(late: Sequence[LateUsage], prices: Mapping[str, MeterPrice], names: Mapping[str, str]) -> list[DraftLine]:
    lines = []
    for changed in late:
        price = prices.get(changed.meter)
        if price is not None and (count := packages(changed.after, price) - packages(changed.before, price)):
            days = f"{changed.period_start:%Y-%m-%d} – {changed.period_end:%Y-%m-%d}"
            description = f"{names.get(changed.meter, changed.meter)} ({days})"
            lines.append(DraftLine("adjustment", description, count, price.unit_amount, count * price.unit_amount))
    return lines


def margin_bps(*, earned_nano: int, cost_nano: int) -> int | None:
    """What is left of what was earned after the vendors' part, in basis points; None where nothing was earned.

    A cost without earnings is a loss of all of it and more: it has no margin, so the caller treats it as below every floor.
    """
    return (earned_nano - cost_nano) * 10_000 // earned_nano if earned_nano > 0 else None


def is_below(*, earned_nano: int, cost_nano: int, floor_bps: int) -> bool:
    """Whether less is left than the floor wants; what costs nothing never is."""
    return cost_nano > 0 and (earned_nano - cost_nano) * 10_000 < floor_bps * earned_nano
