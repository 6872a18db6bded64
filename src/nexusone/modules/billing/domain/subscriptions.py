"""The subscription as a state machine: which steps each state allows, and what becomes of it.

incomplete → active | expired          trialing → active | ended
active → past_due | paused | ended     past_due → active | ended     paused → active | past_due | ended
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from nexusone.modules.billing.domain.coupons import CouponTerms
from nexusone.modules.billing.domain.coupons import discount as discount_of
from nexusone.modules.billing.domain.periods import SECOND, Calendar, Interval, Period, trial_end, whole_second

State = Literal["incomplete", "trialing", "active", "past_due", "paused", "ended", "expired"]
Ending = Literal["cancel", "pause"]
When = Literal["now", "period_end"]
Step = Literal["pay", "fail", "expire", "remind", "turn", "exhaust", "allow", "change", "pause", "resume", "cancel"]

ALLOWED: dict[State, frozenset[Step]] = {
    "incomplete": frozenset({"pay", "fail", "expire", "cancel"}),
    "trialing": frozenset({"remind", "turn", "change", "resume", "cancel"}),
    "active": frozenset({"pay", "fail", "turn", "allow", "change", "pause", "resume", "cancel"}),
    "past_due": frozenset({"pay", "fail", "turn", "exhaust", "resume", "cancel"}),
    "paused": frozenset({"pay", "fail", "exhaust", "resume", "cancel"}),
    "ended": frozenset(),
    "expired": frozenset(),
}
OVER: frozenset[State] = frozenset({"ended", "expired"})
HOLDING: frozenset[State] = frozenset({"trialing", "active", "past_due"})
"""The states in which the workspace has what its plan gives."""
IN_CREDIT: frozenset[State] = frozenset({"active"})
"""The states in which the workspace may go into overdraft: a trial is not paid for, and who is past due owes already."""

UNPAID_FOR = timedelta(hours=23)
REMINDED_BEFORE = timedelta(days=3)


class StepRefused(Exception):
    """The state does not allow the step, or it is not its time."""

    def __init__(self, state: State, step: Step) -> None:
        super().__init__(f"{step} is not possible while {state}")
        self.state: State = state
        self.step: Step = step


@dataclass(frozen=True, slots=True)
class Terms:
    """What is subscribed to: a version of a plan at a price in minor units per piece and interval."""

    plan_version_id: UUID
    currency: str
    interval: Interval
    unit_amount: int
    quantity: int

    @property
    def amount(self) -> int:
        """The price of a whole period."""
        return self.unit_amount * self.quantity


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription as it stands. `number` counts its calendar's periods, a trial before them is -1.

    `paid_periods` counts all that cost something, the present one included: that long a coupon holds. `next_terms` are
    those from the next period on, `ending` is what comes instead of it. `allowed_until` is until when the plan's credits were granted;
    None: for all of the period.
    """

    state: State
    terms: Terms
    calendar: Calendar
    number: int
    period: Period
    created_at: datetime
    paid_periods: int
    coupon: CouponTerms | None = None
    next_terms: Terms | None = None
    ending: Ending | None = None
    is_reminded: bool = False
    allowed_until: datetime | None = None

    @property
    def month(self) -> Period:
        """The month that the plan's credits were granted for last; of a trial and where it pays by the month, the period."""
        if self.paid_periods == 0 or self.terms.interval == "month":
            return self.period
        months = self.months
        return months.period(months.number_at((self.allowed_until or self.period.ends_at) - SECOND))

    @property
    def months(self) -> Calendar:
        """The months of the calendar, whatever its interval."""
        return replace(self.calendar, interval="month")

    @property
    def discount(self) -> int:
        """What the coupon takes off the present period's price."""
        return discount_in(self, terms=self.terms, paid_period=self.paid_periods)

    @property
    def price(self) -> int:
        """What the present period costs after the discount; a trial costs nothing."""
        return 0 if self.paid_periods == 0 else self.terms.amount - self.discount

    @property
    def renewal_price(self) -> int:
        """What the next period costs after the discount."""
        terms = self.next_terms or self.terms
        return terms.amount - discount_in(self, terms=terms, paid_period=self.paid_periods + 1)


@dataclass(frozen=True, slots=True)
class Due:
    """What the clock makes of a subscription, and when."""

    step: Literal["expire", "remind", "turn", "allow", "retry"]
    at: datetime


def discount_in(subscription: Subscription, *, terms: Terms, paid_period: int) -> int:
    """What the coupon takes off the price of the n-th paid period."""
    if subscription.coupon is None or paid_period < 1:
        return 0
    return discount_of(subscription.coupon, amount=terms.amount, currency=terms.currency, period=paid_period)


def start(*, terms: Terms, at: datetime, zone: str, trial_days: int, coupon: CouponTerms | None) -> Subscription:
    """A new subscription: on trial, else waiting for its first payment, or at once active where there is nothing to pay."""
    begun_at = whole_second(at)
    if trial_days > 0:
        ends_at = trial_end(begun_at, days=trial_days, zone=zone)
        calendar = Calendar.beginning(ends_at, zone=zone, interval=terms.interval)
        return Subscription("trialing", terms, calendar, -1, Period(begun_at, ends_at), begun_at, 0, coupon)
    calendar = Calendar.beginning(begun_at, zone=zone, interval=terms.interval)
    begun = _allowed(Subscription("incomplete", terms, calendar, 0, calendar.period(0), begun_at, 1, coupon))
    return replace(begun, state="active") if begun.price == 0 else begun


def due(subscription: Subscription, *, retry_at: datetime | None) -> Due | None:
    """What comes next by the clock; `retry_at` is when the earliest open dunning wants something."""
    retry = Due("retry", retry_at) if retry_at is not None else None
    turn = Due("turn", subscription.period.ends_at)
    match subscription.state:
        case "incomplete":
            return Due("expire", subscription.created_at + UNPAID_FOR)
        case "trialing":
            return turn if subscription.is_reminded else Due("remind", subscription.period.ends_at - REMINDED_BEFORE)
        case "active":
            until = subscription.allowed_until
            return Due("allow", until) if until is not None and until < subscription.period.ends_at else turn
        case "past_due" if subscription.ending == "cancel" and (retry is None or turn.at <= retry.at):
            return turn
        case "past_due" | "paused":
            return retry
    return None


def pay(subscription: Subscription, *, is_all_paid: bool) -> Subscription:
    """An invoice was paid: the first one makes the subscription active, the last open one heals it."""
    _check(subscription, "pay")
    heals = subscription.state == "incomplete" or (subscription.state == "past_due" and is_all_paid)
    return replace(subscription, state="active") if heals else subscription


def fail(subscription: Subscription) -> Subscription:
    """An invoice could not be collected: what was active is past due; who has not begun may try again."""
    _check(subscription, "fail")
    return replace(subscription, state="past_due") if subscription.state == "active" else subscription


def expire(subscription: Subscription) -> Subscription:
    """The first payment did not come in time."""
    _check(subscription, "expire")
    return replace(subscription, state="expired")


def remind(subscription: Subscription) -> Subscription:
    """The end of the trial was announced."""
    _check(subscription, "remind")
    if subscription.is_reminded:
        raise StepRefused(subscription.state, "remind")
    return replace(subscription, is_reminded=True)


def allow(subscription: Subscription, *, at: datetime) -> Subscription:
    """Another month of a longer period begins, for which the plan's credits come. Missed months are taken one by one."""
    _check(subscription, "allow")
    until = subscription.allowed_until
    if until is None or until >= subscription.period.ends_at or at < until:
        raise StepRefused(subscription.state, "allow")
    months = subscription.months
    return replace(subscription, allowed_until=months.boundary(months.number_at(until) + 1))


def exhaust(subscription: Subscription) -> Subscription:
    """The last retry failed."""
    _check(subscription, "exhaust")
    return _ended(subscription)


def turn(subscription: Subscription, *, at: datetime) -> Subscription:
    """The period is over: it ends, pauses or renews. Missed turns are taken one by one."""
    _check(subscription, "turn")
    if at < subscription.period.ends_at or (subscription.state == "past_due" and subscription.ending != "cancel"):
        raise StepRefused(subscription.state, "turn")
    if subscription.ending == "cancel":
        return _ended(subscription)
    if subscription.ending == "pause":
        return replace(subscription, state="paused", ending=None)
    return _renewed(subscription)


def pause(subscription: Subscription, *, when: When) -> Subscription:
    """No plan and no renewals, from now or from the period's end on; nothing is given back."""
    _check(subscription, "pause")
    if when == "now":
        return replace(subscription, state="paused", ending=None)
    if subscription.ending == "pause":
        raise StepRefused(subscription.state, "pause")
    return replace(subscription, ending="pause")


def cancel(subscription: Subscription, *, when: When) -> Subscription:
    """It ends now or with the period; what waits for its first payment or is paused can only end now."""
    _check(subscription, "cancel")
    if when == "now" or subscription.state in ("incomplete", "paused"):
        return _ended(subscription)
    if subscription.ending == "cancel":
        raise StepRefused(subscription.state, "cancel")
    return replace(subscription, ending="cancel")


def resume(subscription: Subscription, *, at: datetime, owes: bool) -> Subscription:
    """A planned end or pause is called off, or a pause is over: the paid period goes on, or after it a new one begins."""
    _check(subscription, "resume")
    if subscription.state != "paused":
        if subscription.ending is None:
            raise StepRefused(subscription.state, "resume")
        return replace(subscription, ending=None)
    again = replace(subscription, state="past_due" if owes else "active")
    if at < subscription.period.ends_at:
        return again
    terms = subscription.next_terms or subscription.terms
    calendar = Calendar.beginning(at, zone=subscription.calendar.zone, interval=terms.interval)
    return _in_new_period(again, terms=terms, calendar=calendar, number=0)


def _check(subscription: Subscription, step: Step) -> None:
    if step not in ALLOWED[subscription.state]:
        raise StepRefused(subscription.state, step)


def _ended(subscription: Subscription) -> Subscription:
    return replace(subscription, state="ended", ending=None, next_terms=None)


def _renewed(subscription: Subscription) -> Subscription:
    terms, calendar = subscription.next_terms or subscription.terms, subscription.calendar
    if terms.interval == calendar.interval:
        return _in_new_period(subscription, terms=terms, calendar=calendar, number=subscription.number + 1)
    # The anchor day stays, though this month may be too short for it.
    begins = replace(calendar, starts_at=subscription.period.ends_at, interval=terms.interval)
    return _in_new_period(subscription, terms=terms, calendar=begins, number=0)


def _allowed(begun: Subscription) -> Subscription:
    months = begun.months
    return replace(begun, allowed_until=months.boundary(months.number_at(begun.period.starts_at) + 1))


def _in_new_period(subscription: Subscription, *, terms: Terms, calendar: Calendar, number: int) -> Subscription:
    begun = replace(
        subscription,
        state="active" if subscription.state == "trialing" else subscription.state,
        terms=terms,
        calendar=calendar,
        number=number,
        period=calendar.period(number),
        paid_periods=subscription.paid_periods + 1,
        next_terms=None,
    )
    return _allowed(begun)


def in_period_from(subscription: Subscription, *, terms: Terms, at: datetime) -> Subscription:
    """The subscription with another interval from an instant on, which becomes its anchor."""
    calendar = Calendar.beginning(at, zone=subscription.calendar.zone, interval=terms.interval)
    return _in_new_period(subscription, terms=terms, calendar=calendar, number=0)
