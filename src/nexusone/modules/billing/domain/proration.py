"""What a change within a period costs: integer minor units, by seconds, exact in sum."""

from dataclasses import dataclass
from datetime import datetime

from nexusone.modules.billing.domain.periods import Period
from nexusone.modules.billing.domain.splitting import split_by_weights

USED_FIRST = ((1,), (0,))
"""Of two halves of a unit, the used part gets the greater."""


@dataclass(frozen=True, slots=True)
class Proration:
    """`credit` (not below zero) for what is not used of the old, `charge` (not below zero) for the rest with the new."""

    credit: int
    charge: int

    @property
    def net(self) -> int:
        """What is to be paid; below zero where more is given back than charged."""
        return self.charge - self.credit


def rest_of(amount: int, *, period: Period, at: datetime) -> int:
    """The part of a period's price that falls on the rest of it after `at`; used part and rest add up to the price."""
    rest = period.rest_seconds(at)
    return split_by_weights(amount, (period.seconds - rest, rest), USED_FIRST)[1]


def prorate(*, old_amount: int, new_amount: int, billed: int, period: Period, at: datetime) -> Proration:
    """What it costs to go from one price of the period to another at an instant.

    `billed` is what was charged for the period so far, after credits: no more than that is ever given back.
    """
    credit = min(rest_of(old_amount, period=period, at=at), max(billed, 0))
    return Proration(credit=credit, charge=rest_of(new_amount, period=period, at=at))
