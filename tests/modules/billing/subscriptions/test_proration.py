"""Proration: exact in sum, the same there and back, never more given back than was billed."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.modules.billing.domain.periods import Period
from nexusone.modules.billing.domain.proration import prorate, rest_of

amounts = st.integers(0, 10**13)
BEGIN = datetime(2027, 1, 31, 9, 30, 15, tzinfo=UTC)


@st.composite
def periods_with_instants(draw: st.DrawFn, count: int = 1) -> tuple[Period, list[datetime]]:
    seconds = draw(st.integers(1, 366 * 86_400))
    micros = st.integers(0, seconds * 1_000_000 - 1)
    instants = sorted(BEGIN + timedelta(microseconds=draw(micros)) for _ in range(count))
    return Period(BEGIN, BEGIN + timedelta(seconds=seconds)), instants


@given(old=amounts, new=amounts, when=periods_with_instants())
@settings(max_examples=3000, deadline=None)
def test_a_change_and_the_change_back_at_the_same_instant_sum_to_zero(old: int, new: int, when: tuple[Period, list[datetime]]) -> None:
    period, (at,) = when
    there = prorate(old_amount=old, new_amount=new, billed=old, period=period, at=at)
    back = prorate(old_amount=new, new_amount=old, billed=old + there.net, period=period, at=at)
    assert there.net + back.net == 0


@given(prices=st.lists(amounts, min_size=2, max_size=6), when=periods_with_instants(count=5))
@settings(max_examples=3000, deadline=None)
def test_no_chain_of_changes_gives_back_more_than_was_billed(prices: list[int], when: tuple[Period, list[datetime]]) -> None:
    period, instants = when
    billed = prices[0]
    for old, new, at in zip(prices, prices[1:], instants, strict=False):
        change = prorate(old_amount=old, new_amount=new, billed=billed, period=period, at=at)
        assert change.credit >= 0
        assert change.charge >= 0
        # The ceiling is there for cases that do not come up: what is unused was always billed.
        assert change.credit == rest_of(old, period=period, at=at)
        billed += change.net
        assert billed >= 0


@given(amount=amounts, when=periods_with_instants())
@settings(max_examples=1000, deadline=None)
def test_used_part_and_rest_are_the_price(amount: int, when: tuple[Period, list[datetime]]) -> None:
    period, (at,) = when
    rest = rest_of(amount, period=period, at=at)
    assert 0 <= rest <= amount
    assert rest_of(amount, period=period, at=period.starts_at) == amount
    assert rest_of(amount, period=period, at=period.ends_at) == 0


@settings(deadline=None)
@given(amount=amounts, when=periods_with_instants(count=2))
def test_the_rest_never_grows(amount: int, when: tuple[Period, list[datetime]]) -> None:
    period, (earlier, later) = when
    assert rest_of(amount, period=period, at=earlier) >= rest_of(amount, period=period, at=later)


def test_half_a_month_up_from_20_to_50_costs_15() -> None:
    period = Period(BEGIN, BEGIN + timedelta(days=30))
    change = prorate(old_amount=2000, new_amount=5000, billed=2000, period=period, at=BEGIN + timedelta(days=15))
    assert (change.credit, change.charge, change.net) == (1000, 2500, 1500)


def test_what_was_not_billed_is_not_given_back() -> None:
    period = Period(BEGIN, BEGIN + timedelta(days=30))
    assert prorate(old_amount=2000, new_amount=0, billed=300, period=period, at=BEGIN).credit == 300
