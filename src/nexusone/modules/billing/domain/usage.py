"""Meters, what usage of them is worth, and what late usage changes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from nexusone.modules.billing.domain.invoices import DraftLine

Aggregation = Literal["count", "sum", "max", "unique", "latest"]
Tell = Callable[[Literal["usage", "adjustment"], str, datetime, datetime], str]

ADDED_UP: frozenset[Aggregation] = frozenset({"count", "sum"})
LINE_AMOUNT_MAX = 10**12
LATE_MAX = 400
"""More lines than these an invoice does not have room for; the rest waits for the next."""


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
    currency: str


@dataclass(frozen=True, slots=True)
class ClosedMeter:
    """What a meter stood at when its period was closed; without a price it is not billed."""

    meter: str
    period_start: datetime
    period_end: datetime
    value: int
    price: MeterPrice | None = None


@dataclass(frozen=True, slots=True)
class LateUsage:
    """A period that was closed before at `before`, the last time as `revision`, and stands at `after` with what came since.

    It costs what it would have cost in time.
    """

    meter: str
    period_start: datetime
    period_end: datetime
    before: int
    after: int
    price: MeterPrice | None = None
    revision: int = 1

    @property
    def packages(self) -> int:
        """How many packages more (or, below zero, fewer) were begun than were billed."""
        return packages(self.after, self.price) - packages(self.before, self.price) if self.price else 0

    @property
    def amount(self) -> int:
        """What is to be billed of it."""
        return self.packages * self.price.unit_amount if self.price else 0


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closing found: the period's meters, and earlier periods that late usage changed.

    `is_repeated`: the period was closed, and billed, before.
    """

    meters: tuple[ClosedMeter, ...]
    late: tuple[LateUsage, ...]
    is_repeated: bool = False


def packages(value: int, price: MeterPrice) -> int:
    """How many packages beyond what is included were begun, as far as a line of an invoice can bear them."""
    begun = -(-max(0, value - price.included) // price.per)
    return min(begun, LINE_AMOUNT_MAX // max(1, price.unit_amount))


def included_in(quantity: int, aggregation: Aggregation, *, months: int, pieces: int) -> int:
    """What a period includes: for each piece, and for each month of what is counted or added up; a level stays the same over time."""
    return quantity * pieces * (months if aggregation in ADDED_UP else 1)


def billable(closing: Closing, *, currency: str | None, room: int) -> Closing:
    """A closing with that of its late usage which one invoice can bear.

    Such is what costs nothing, what is in the invoice's currency, and of what gives back only what leaves the invoice above zero
    with `room` and all that it charges.
    """
    left = room + sum(line.amount for line in _usage_lines(closing, lambda *_: ""))
    borne = []
    for late in sorted(closing.late, key=lambda late: -late.amount)[:LATE_MAX]:
        if late.price is not None and late.amount and (late.price.currency != currency or (late.amount < 0 and left + late.amount <= 0)):
            continue
        left += late.amount
        borne.append(late)
    borne.sort(key=lambda late: (late.meter, late.period_start))
    return replace(closing, late=tuple(borne))


def lines_of(closing: Closing, *, tell: Tell) -> tuple[DraftLine, ...]:
    """The lines of a closing on the next invoice: usage of the period, and one adjustment for each earlier period that changed.

    A period that was closed before gives none: they were billed.
    """
    if closing.is_repeated:
        return ()
    late = []
    for changed in closing.late:
        if changed.price is not None and changed.amount:
            description = tell("adjustment", changed.meter, changed.period_start, changed.period_end)
            late.append(DraftLine("adjustment", description, changed.packages, changed.price.unit_amount, changed.amount))
    return (*_usage_lines(closing, tell), *late)


def _usage_lines(closing: Closing, tell: Tell) -> list[DraftLine]:
    lines = []
    for closed in closing.meters:
        price = closed.price
        if price is not None and (amount := (count := packages(closed.value, price)) * price.unit_amount):
            description = tell("usage", closed.meter, closed.period_start, closed.period_end)
            lines.append(DraftLine("usage", description, count, price.unit_amount, amount))
    return lines


def margin_bps(*, earned_nano: int, cost_nano: int) -> int | None:
    """What is left of what was earned after the vendors' part, in basis points; None where nothing was earned.

    A cost without earnings is a loss of all of it and more: it has no margin, so the caller treats it as below every floor.
    """
    return (earned_nano - cost_nano) * 10_000 // earned_nano if earned_nano > 0 else None


def is_below(*, earned_nano: int, cost_nano: int, floor_bps: int) -> bool:
    """Whether less is left than the floor wants; what costs nothing never is."""
    return cost_nano > 0 and (earned_nano - cost_nano) * 10_000 < floor_bps * earned_nano
