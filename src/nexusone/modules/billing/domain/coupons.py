"""What a coupon takes off an amount."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

CouponKind = Literal["percent", "amount"]
CouponDuration = Literal["once", "repeating", "forever"]
CouponFault = Literal["ended", "expired", "used_up", "other_plan", "other_currency"]

WHOLE = 10_000
"""A hundred percent, in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """What a coupon gives: hundredths of a percent, or an amount in minor units of one currency; for how many periods."""

    kind: CouponKind
    duration: CouponDuration
    percent_hundredths: int | None = None
    amount: int | None = None
    currency: str | None = None
    periods: int | None = None


@dataclass(frozen=True, slots=True)
class CouponStanding:
    """Whether a coupon can still be used: no `plan_codes` means every plan."""

    plan_codes: tuple[str, ...]
    redeem_by: datetime | None
    uses_max: int | None
    uses: int
    ended_at: datetime | None


def discount(terms: CouponTerms, *, amount: int, currency: str, period: int) -> int:
    """What is taken off `amount` (minor units, not below zero) in the period of that number, counted from 1.

    Never more than the amount; a percentage is rounded half up; an amount of another currency takes off nothing.
    """
    if not lasts(terms, period=period):
        return 0
    if terms.percent_hundredths is not None:
        return (amount * terms.percent_hundredths + WHOLE // 2) // WHOLE
    return min(amount, terms.amount or 0) if terms.currency == currency else 0


def lasts(terms: CouponTerms, *, period: int) -> bool:
    """Whether the coupon still counts in the period of that number, counted from 1."""
    if period < 1:
        raise ValueError("periods are counted from 1")
    match terms.duration:
        case "once":
            return period == 1
        case "repeating":
            return period <= (terms.periods or 0)
        case "forever":
            return True


def fault_of(terms: CouponTerms, standing: CouponStanding, *, plan_code: str, currency: str | None, now: datetime) -> CouponFault | None:
    """Why a coupon cannot be redeemed for a plan now; None where it can."""
    if standing.ended_at is not None and standing.ended_at <= now:
        return "ended"
    if standing.redeem_by is not None and standing.redeem_by <= now:
        return "expired"
    if standing.uses_max is not None and standing.uses >= standing.uses_max:
        return "used_up"
    if standing.plan_codes and plan_code not in standing.plan_codes:
        return "other_plan"
    if currency is not None and terms.currency is not None and terms.currency != currency:
        return "other_currency"
    return None
