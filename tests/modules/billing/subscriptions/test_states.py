"""The subscription as a state machine, as pure code: no step can be skipped, repeated or reversed (API-15)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.domain import dunning, subscriptions
from nexusone.modules.billing.domain.coupons import CouponTerms
from nexusone.modules.billing.domain.dunning import Dunning
from nexusone.modules.billing.domain.periods import Interval
from nexusone.modules.billing.domain.subscriptions import ALLOWED, OVER, State, Step, StepRefused, Subscription, Terms
from nexusone.modules.billing.domain.subscriptions_changes import NothingChanges, OnlyAtPeriodEnd, allowance_on_change, quote

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def terms(amount: int = 2000, *, interval: Interval = "month", quantity: int = 1) -> Terms:
    return Terms(plan_version_id=new_id(), currency="EUR", interval=interval, unit_amount=amount, quantity=quantity)


def begun(*, trial_days: int = 0, coupon: CouponTerms | None = None, of: Terms | None = None) -> Subscription:
    return subscriptions.start(terms=of or terms(), at=NOON, zone="Europe/Berlin", trial_days=trial_days, coupon=coupon)


def active(of: Terms | None = None) -> Subscription:
    return subscriptions.pay(begun(of=of), is_all_paid=True)


STEPS: dict[Step, Callable[[Subscription], Subscription]] = {
    "pay": lambda known: subscriptions.pay(known, is_all_paid=True),
    "fail": subscriptions.fail,
    "expire": subscriptions.expire,
    "remind": subscriptions.remind,
    "exhaust": subscriptions.exhaust,
    "turn": lambda known: subscriptions.turn(known, at=known.period.ends_at),
    "pause": lambda known: subscriptions.pause(known, when="now"),
    "resume": lambda known: subscriptions.resume(known, at=known.period.ends_at, owes=False),
    "cancel": lambda known: subscriptions.cancel(known, when="now"),
    "change": lambda known: quote(known, terms=terms(9000), when=None, billed=known.price, at=known.period.starts_at).after,
}


@pytest.mark.parametrize("state", sorted(ALLOWED))
@pytest.mark.parametrize("step", sorted(STEPS))
def test_api_15_a_state_takes_the_steps_it_allows_and_no_other(state: State, step: Step) -> None:
    known = replace(active(), state=state)
    if step in ALLOWED[state] and not (step == "resume" and state != "paused") and (step, state) != ("turn", "past_due"):
        STEPS[step](known)
        return
    with pytest.raises(StepRefused):
        STEPS[step](known)


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=20), st.integers(0, 14))
@settings(max_examples=1000, deadline=None)
def test_api_15_no_walk_leaves_an_end_or_goes_back_in_time(walk: list[Step], trial_days: int) -> None:
    known = begun(trial_days=trial_days)
    for step in walk:
        before = known
        try:
            known = STEPS[step](known)
        except StepRefused:
            continue
        assert before.state not in OVER
        assert known.period.starts_at >= before.period.starts_at
        assert known.period == before.period or known.period.starts_at >= before.period.ends_at or step == "change"
        assert known.paid_periods in (before.paid_periods, before.paid_periods + 1)
        assert before.state in ("incomplete", "trialing") or known.state not in ("incomplete", "trialing", "expired")


def test_a_start_waits_for_its_payment_unless_there_is_nothing_to_pay() -> None:
    assert begun().state == "incomplete"
    assert begun(of=terms(0)).state == "active"
    assert begun(coupon=CouponTerms(kind="percent", duration="once", percent_hundredths=10_000)).state == "active"
    assert begun(trial_days=14).state == "trialing"


def test_who_waits_for_a_payment_expires_after_23_hours() -> None:
    assert subscriptions.due(begun(), retry_at=None) == subscriptions.Due("expire", NOON + timedelta(hours=23))


def test_a_trial_is_announced_three_days_before_its_end_and_turns_into_the_first_paid_period() -> None:
    known = begun(trial_days=14)
    ends_at = datetime(2027, 2, 14, 23, tzinfo=UTC)
    assert known.period.ends_at == ends_at
    assert subscriptions.due(known, retry_at=None) == subscriptions.Due("remind", ends_at - 3 * DAY)
    reminded = subscriptions.remind(known)
    assert subscriptions.due(reminded, retry_at=None) == subscriptions.Due("turn", ends_at)
    turned = subscriptions.turn(reminded, at=ends_at)
    assert (turned.state, turned.paid_periods, turned.price) == ("active", 1, 2000)
    assert turned.period.starts_at == ends_at
    with pytest.raises(StepRefused):
        subscriptions.remind(reminded)


def test_a_period_does_not_turn_before_its_end() -> None:
    known = active()
    with pytest.raises(StepRefused):
        subscriptions.turn(known, at=known.period.ends_at - timedelta(seconds=1))


def test_a_coupon_of_two_periods_holds_for_two_paid_periods_and_not_in_the_trial() -> None:
    known = begun(trial_days=7, coupon=CouponTerms(kind="percent", duration="repeating", periods=2, percent_hundredths=5000))
    prices = [known.price]
    for _ in range(3):
        assert known.renewal_price == (1000 if len(prices) < 3 else 2000)
        known = subscriptions.turn(known, at=known.period.ends_at)
        prices.append(known.price)
    assert prices == [0, 1000, 1000, 2000]


def test_another_interval_at_renewal_keeps_the_anchor_day() -> None:
    known = active()
    later = quote(known, terms=replace(known.terms, interval="year"), when="period_end", billed=2000, at=NOON + DAY)
    turned = subscriptions.turn(later.after, at=known.period.ends_at)
    assert [turned.calendar.boundary(number).isoformat() for number in (0, 1)] == [
        "2027-02-27T23:00:00+00:00",
        "2028-02-28T23:00:00+00:00",
    ]


def test_more_is_billed_now_less_waits_for_the_renewal() -> None:
    known = active()
    at = known.period.starts_at + known.period.seconds // 2 * timedelta(seconds=1)
    more = quote(known, terms=terms(5000), when=None, billed=2000, at=at)
    assert (more.when, more.proration.credit, more.proration.charge) == ("now", 1000, 2500)
    less = quote(known, terms=terms(500), when=None, billed=2000, at=at)
    assert (less.when, less.proration.net, less.after.next_terms is not None, less.after.terms) == ("period_end", 0, True, known.terms)
    with pytest.raises(OnlyAtPeriodEnd):
        quote(known, terms=terms(500), when="now", billed=2000, at=at)


def test_what_is_chosen_already_is_no_change_and_the_present_terms_call_a_planned_change_off() -> None:
    known = active()
    with pytest.raises(NothingChanges):
        quote(known, terms=known.terms, when=None, billed=2000, at=NOON)
    planned = quote(known, terms=terms(500), when=None, billed=2000, at=NOON).after
    assert quote(planned, terms=known.terms, when=None, billed=2000, at=NOON).after.next_terms is None


def test_a_year_at_once_begins_a_new_period_and_gives_the_rest_of_the_month_back() -> None:
    known = active()
    at = known.period.starts_at + known.period.seconds // 2 * timedelta(seconds=1)
    change = quote(known, terms=terms(20_000, interval="year"), when=None, billed=2000, at=at)
    assert (change.is_new_period, change.proration.credit, change.proration.charge) == (True, 1000, 20_000)
    assert change.after.period.starts_at == at


def test_a_larger_plan_gives_its_credits_for_the_rest_and_a_smaller_takes_none() -> None:
    period = active().period
    at = period.starts_at + period.seconds // 2 * timedelta(seconds=1)
    assert allowance_on_change(old_micros=100, new_micros=300, period=period, at=at) == 100
    assert allowance_on_change(old_micros=300, new_micros=100, period=period, at=at) == 0


def test_a_pause_within_a_paid_period_goes_on_with_it_and_after_it_begins_a_new_one() -> None:
    known = active()
    paused = subscriptions.pause(known, when="now")
    assert subscriptions.resume(paused, at=NOON + DAY, owes=False) == known
    assert subscriptions.resume(paused, at=NOON + DAY, owes=True).state == "past_due"
    later = subscriptions.resume(paused, at=NOON + 90 * DAY, owes=False)
    assert (later.state, later.period.starts_at, later.paid_periods) == ("active", NOON + 90 * DAY, 2)


def test_a_planned_end_or_pause_can_be_called_off() -> None:
    known = active()
    assert subscriptions.resume(subscriptions.cancel(known, when="period_end"), at=NOON, owes=False) == known
    assert subscriptions.resume(subscriptions.pause(known, when="period_end"), at=NOON, owes=False) == known
    with pytest.raises(StepRefused):
        subscriptions.resume(known, at=NOON, owes=False)


def test_while_past_due_nothing_renews_and_a_planned_end_still_comes() -> None:
    known = subscriptions.fail(active())
    retry_at = known.period.ends_at + DAY
    assert subscriptions.due(known, retry_at=retry_at) == subscriptions.Due("retry", retry_at)
    ending = subscriptions.cancel(known, when="period_end")
    assert subscriptions.due(ending, retry_at=retry_at) == subscriptions.Due("turn", known.period.ends_at)
    assert subscriptions.turn(ending, at=known.period.ends_at).state == "ended"


def test_dunning_tries_again_after_2_5_7_and_7_days_and_then_gives_up() -> None:
    waited, known, at = [], dunning.begun(NOON, failure=1), NOON
    while known.state == "waiting":
        assert known.next_at is not None
        waited.append((known.next_at - at).days)
        at = known.next_at
        known = dunning.failed(dunning.tried(known, at=at), at=at, failure=known.failures + 1)
    assert (waited, known.state, known.next_at) == ([2, 5, 7, 7], "exhausted", None)


@pytest.mark.parametrize("state", ["waiting", "trying"])
def test_a_payment_in_between_heals(state: str) -> None:
    known = dunning.begun(NOON, failure=1) if state == "waiting" else dunning.tried(dunning.begun(NOON, failure=1), at=NOON)
    assert dunning.healed(known).state == "healed"


def test_a_try_of_the_customers_own_that_fails_does_not_shorten_the_grace() -> None:
    known = dunning.begun(NOON, failure=1)
    assert dunning.failed(known, at=NOON + DAY, failure=2) == replace(known, failures=2)


def test_a_failure_that_is_told_twice_counts_once() -> None:
    trying = dunning.tried(dunning.begun(NOON, failure=1), at=NOON + 2 * DAY)
    assert dunning.failed(trying, at=NOON + 2 * DAY, failure=1) == trying
    once = dunning.failed(trying, at=NOON + 2 * DAY, failure=2)
    assert dunning.failed(once, at=NOON + 3 * DAY, failure=2) == once


def test_a_retry_without_an_answer_is_asked_for_again_and_counts_once() -> None:
    tried = dunning.tried(dunning.begun(NOON, failure=1), at=NOON + 2 * DAY)
    assert dunning.tried(tried, at=NOON + 3 * DAY) == Dunning(state="trying", retries=1, failures=1, next_at=NOON + 4 * DAY)
