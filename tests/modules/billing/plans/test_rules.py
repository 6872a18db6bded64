"""The rules of plans and coupons against models that say the same in another way."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as some

from nexusone.modules.billing.domain.coupons import CouponTerms, discount, lasts
from nexusone.modules.billing.domain.features import FEATURES, FeatureTerms, FeatureWindow, allows, most, overage, window_end, window_start
from nexusone.modules.billing.domain.mark_ups import with_mark_up
from nexusone.modules.billing.domain.percents import hundredths_from_text, hundredths_to_text

AMOUNTS = some.integers(0, 10**12)
PERCENTS = some.integers(1, 10_000)
INSTANTS = some.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=some.just(UTC))  # noqa: DTZ001
WINDOWS: some.SearchStrategy[FeatureWindow] = some.sampled_from(("calendar_month", "plan_month"))
QUANTITIES = some.integers(0, 1000)

percent_coupons = some.builds(CouponTerms, kind=some.just("percent"), duration=some.just("forever"), percent_hundredths=PERCENTS)
amount_coupons = some.builds(
    CouponTerms, kind=some.just("amount"), duration=some.just("forever"), amount=some.integers(1, 10**12), currency=some.just("EUR")
)


@given(some.one_of(percent_coupons, amount_coupons), AMOUNTS)
def test_a_discount_is_never_below_nothing_nor_above_the_amount(terms: CouponTerms, amount: int) -> None:
    assert 0 <= discount(terms, amount=amount, currency="EUR", period=1) <= amount


@given(PERCENTS, AMOUNTS)
def test_a_percentage_is_rounded_half_up_as_decimals_do_it(percent: int, amount: int) -> None:
    terms = CouponTerms(kind="percent", duration="forever", percent_hundredths=percent)
    exact = (Decimal(amount) * percent / 10_000).quantize(Decimal(1), ROUND_HALF_UP)
    assert discount(terms, amount=amount, currency="JPY", period=7) == int(exact)


@given(PERCENTS, AMOUNTS, AMOUNTS)
def test_a_larger_amount_is_discounted_no_less(percent: int, one: int, other: int) -> None:
    terms = CouponTerms(kind="percent", duration="forever", percent_hundredths=percent)
    less, more = sorted((one, other))
    assert discount(terms, amount=less, currency="EUR", period=1) <= discount(terms, amount=more, currency="EUR", period=1)


@given(amount_coupons, AMOUNTS)
def test_an_amount_of_another_currency_takes_off_nothing(terms: CouponTerms, amount: int) -> None:
    assert discount(terms, amount=amount, currency="USD", period=1) == 0


@given(some.integers(1, 60), some.integers(1, 200))
def test_a_coupon_lasts_as_many_periods_as_it_says(periods: int, horizon: int) -> None:
    def counted(terms: CouponTerms) -> int:
        return sum(lasts(terms, period=period) for period in range(1, horizon + 1))

    assert counted(CouponTerms(kind="percent", duration="once", percent_hundredths=1)) == 1
    assert counted(CouponTerms(kind="percent", duration="repeating", percent_hundredths=1, periods=periods)) == min(periods, horizon)
    assert counted(CouponTerms(kind="percent", duration="forever", percent_hundredths=1)) == horizon


@given(some.one_of(some.none(), QUANTITIES), QUANTITIES, some.integers(1, 1000))
def test_a_limit_allows_what_stays_within_it(limit: int | None, used: int, quantity: int) -> None:
    terms = FeatureTerms(is_included=True, quantity=limit)
    assert allows("limit", terms, used=used, quantity=quantity) == (limit is None or quantity in range(limit - used + 1))
    assert not allows("limit", FeatureTerms(is_included=False, quantity=limit), used=used, quantity=quantity)


@given(QUANTITIES, some.lists(some.integers(1, 100), max_size=30))
def test_what_lies_beyond_the_included_adds_up_however_it_was_used(included: int, uses: list[int]) -> None:
    terms, used, beyond = FeatureTerms(is_included=True, quantity=included, overage_micros=1), 0, 0
    for quantity in uses:
        beyond += overage(terms, used_before=used, quantity=quantity)
        used += quantity
    assert beyond == max(0, sum(uses) - included)
    assert most("metered", terms) is None


@given(WINDOWS, INSTANTS, INSTANTS)
def test_an_instant_lies_in_its_window_and_the_next_begins_where_it_ends(window: FeatureWindow, since: datetime, now: datetime) -> None:
    start, end = window_start(window, now=now, since=since), window_end(window, now=now, since=since)
    assert end is not None
    assert start <= now < end
    assert timedelta(days=28) <= end - start <= timedelta(days=31)
    assert window_start(window, now=end, since=since) == end
    assert window_start(window, now=end - timedelta(microseconds=1), since=since) == start


def test_a_month_of_a_plan_that_began_on_the_last_day_ends_on_last_days() -> None:
    since = datetime(2027, 10, 31, 8, tzinfo=UTC)
    starts, at = [], since
    for _ in range(6):
        end = window_end("plan_month", now=at, since=since)
        assert end is not None
        at = end
        starts.append((at.month, at.day))
    assert starts == [(11, 30), (12, 31), (1, 31), (2, 29), (3, 31), (4, 30)]


@given(AMOUNTS, some.integers(0, 100_000))
def test_a_mark_up_is_added_and_rounded_once(micros: int, mark_up: int) -> None:
    exact = Fraction(micros) * (10_000 + mark_up) / 10_000
    assert abs(with_mark_up(micros, mark_up_hundredths=mark_up) - exact) <= Fraction(1, 2)


@given(some.integers(0, 100_000))
def test_percentages_come_back_as_they_were_written(hundredths: int) -> None:
    assert hundredths_from_text(hundredths_to_text(hundredths)) == hundredths


def test_every_feature_has_a_meaning_and_booleans_are_not_counted() -> None:
    assert all(feature.meaning for feature in FEATURES.values())
    assert {feature.window for feature in FEATURES.values() if feature.kind == "boolean"} == {"standing"}
