"""What an invoice is made of before it is issued, and the amounts that come of it. Minor units throughout."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from nexusone.kernel.money import BIGINT_MAX
from nexusone.modules.billing.domain.splitting import half_up, split

LineKind = Literal["subscription", "proration", "usage", "credits", "adjustment", "discount", "mark_up"]
InvoiceState = Literal["open", "paid", "void", "uncollectible"]

LINES_MAX = 500
BPS = 10_000


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line before tax. `amount` counts; it is negative for discounts and what is given back."""

    kind: LineKind
    description: str
    quantity: int
    unit_amount: int
    amount: int


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """What is to be charged for a period; the lines together are not below zero."""

    currency: str
    lines: tuple[DraftLine, ...]
    period_start: datetime
    period_end: datetime
    subscription_id: UUID | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of an invoice, and each line's share of the tax in the order of the lines."""

    net: int
    tax: int
    line_taxes: tuple[int, ...]

    @property
    def total(self) -> int:
        """Net and tax."""
        return self.net + self.tax


def check_draft(draft: InvoiceDraft) -> None:
    """Raises ValueError where a draft cannot become an invoice; to ask for one is a fault of the caller."""
    if not 1 <= len(draft.lines) <= LINES_MAX:
        raise ValueError(f"an invoice has 1 to {LINES_MAX} lines, not {len(draft.lines)}")
    if draft.period_end < draft.period_start:
        raise ValueError("a period ends after it starts")
    if not 0 <= sum(line.amount for line in draft.lines) <= BIGINT_MAX // BPS:
        raise ValueError("the lines of an invoice together are not below zero")


def totals_of(lines: tuple[DraftLine, ...], *, rate_bps: int) -> Totals:
    """Taxes the sum, rounds half up once, and shares the tax out; the same for each line whatever the order."""
    net = sum(line.amount for line in lines)
    tax = half_up(Fraction(net * rate_bps, BPS))
    taxes = split(tax, [Fraction(line.amount * rate_bps, BPS) for line in lines], [_rank(line) for line in lines])
    return Totals(net=net, tax=tax, line_taxes=taxes)


def _rank(line: DraftLine) -> tuple[str, str, int, int, int]:
    return line.kind, line.description, line.quantity, line.unit_amount, line.amount
