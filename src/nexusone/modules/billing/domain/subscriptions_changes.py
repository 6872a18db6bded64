"""Changing what is subscribed to: what it costs, when it can be, and what the subscription is then.

A preview and the change itself take the same quote, so that the one says exactly what the other bills.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from nexusone.modules.billing.domain.periods import Period
from nexusone.modules.billing.domain.proration import Proration, prorate, rest_of
from nexusone.modules.billing.domain.subscriptions import ALLOWED, StepRefused, Subscription, Terms, When, in_period_from


class NothingChanges(Exception):
    """The subscription has these terms already."""


class OnlyAtPeriodEnd(Exception):
    """More would be given back than charged: such a change waits for the renewal."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A change: `proration` is billed at once where it is made `now`; `after` is the subscription with it.

    `is_new_period`: a period of another interval begins with it.
    """

    when: When
    proration: Proration
    after: Subscription
    is_new_period: bool


def quote(subscription: Subscription, *, terms: Terms, when: When | None, billed: int, at: datetime) -> Quote:
    """What a change costs at an instant; `when` None: now where it costs something or nothing, else at the period's end.

    Raises:
        StepRefused: the state allows no change.
        NothingChanges: these are the terms.
        OnlyAtPeriodEnd: it was to be now, and less would be charged than given back.
    """
    if "change" not in ALLOWED[subscription.state] or at >= subscription.period.ends_at:
        raise StepRefused(subscription.state, "change")
    if terms == (subscription.next_terms or subscription.terms):
        raise NothingChanges
    if terms == subscription.terms:
        return _quote("now", Proration(0, 0), replace(subscription, next_terms=None))
    proration, after = _now(subscription, terms=terms, billed=billed, at=at)
    if when == "now" and proration.net < 0:
        raise OnlyAtPeriodEnd
    if when == "period_end" or proration.net < 0 or (when is None and _is_less(subscription, terms)):
        return _quote("period_end", Proration(0, 0), replace(subscription, next_terms=terms))
    return _quote("now", proration, after, is_new_period=after.period != subscription.period)


def unchanged(subscription: Subscription) -> Quote:
    """What it costs to change nothing."""
    return _quote("now", Proration(0, 0), subscription)


def allowance_on_change(*, old_micros: int, new_micros: int, period: Period, at: datetime) -> int:
    """The credits that a larger plan gives for the rest of a period beyond what the old one gave for it."""
    return max(0, rest_of(new_micros, period=period, at=at) - rest_of(old_micros, period=period, at=at))


def _now(subscription: Subscription, *, terms: Terms, billed: int, at: datetime) -> tuple[Proration, Subscription]:
    if subscription.state == "trialing":
        calendar = replace(subscription.calendar, interval=terms.interval)
        return Proration(0, 0), replace(subscription, terms=terms, calendar=calendar, next_terms=None)
    if terms.interval != subscription.terms.interval:
        used_up = prorate(old_amount=subscription.price, new_amount=0, billed=billed, period=subscription.period, at=at)
        after = in_period_from(subscription, terms=terms, at=at)
        return replace(used_up, charge=after.price), after
    after = replace(subscription, terms=terms, next_terms=None)
    return prorate(old_amount=subscription.price, new_amount=after.price, billed=billed, period=subscription.period, at=at), after


def _is_less(subscription: Subscription, terms: Terms) -> bool:
    return terms.interval == subscription.terms.interval and terms.amount < subscription.terms.amount


def _quote(when: When, proration: Proration, after: Subscription, *, is_new_period: bool = False) -> Quote:
    return Quote(when=when, proration=proration, after=after, is_new_period=is_new_period)
