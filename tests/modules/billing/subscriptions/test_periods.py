"""Periods: a partition of the time line at local midnights, counted from the anchor, for any zone and day (MON-13)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.modules.billing.domain.periods import Calendar, Interval, local_midnight, trial_end

SECOND = timedelta(seconds=1)
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("posix/", "right/")))
TRICKY = ["America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Berlin"]
zones = st.one_of(st.sampled_from(TRICKY), st.sampled_from(ZONES))
instants = st.integers(0, 65 * 365 * 86_400 * 10**6).map(lambda micros: datetime(1995, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))
intervals: st.SearchStrategy[Interval] = st.sampled_from(["month", "year"])


def days_of(calendar: Calendar, count: int) -> list[date]:
    return [calendar.boundary(number).astimezone(ZoneInfo(calendar.zone)).date() for number in range(count)]


@given(at=instants, zone=zones, interval=intervals, number=st.integers(0, 60))
@settings(max_examples=2000, deadline=None)
def test_mon_13_periods_part_the_time_line_without_gap_or_overlap(at: datetime, zone: str, interval: Interval, number: int) -> None:
    calendar = Calendar.beginning(at, zone=zone, interval=interval)
    before, after = calendar.period(number), calendar.period(number + 1)
    assert before.ends_at == after.starts_at
    assert before.starts_at < before.ends_at
    for instant, expected in ((before.starts_at, number), (before.ends_at - SECOND, number), (before.ends_at, number + 1)):
        assert calendar.number_at(instant) == expected
    assert before.rest_seconds(before.starts_at) == before.seconds
    assert before.rest_seconds(before.ends_at) == 0


@given(at=instants, zone=zones, interval=intervals, number=st.integers(1, 60))
@settings(max_examples=2000, deadline=None)
def test_mon_13_every_later_period_begins_with_its_local_day_on_the_anchor(
    at: datetime, zone: str, interval: Interval, number: int
) -> None:
    calendar = Calendar.beginning(at, zone=zone, interval=interval)
    where = ZoneInfo(zone)
    boundary, first = calendar.boundary(number), calendar.starts_at.astimezone(where).date()
    day = boundary.astimezone(where).date()
    assert (boundary - SECOND).astimezone(where).date() < day
    wanted = first.year * 12 + first.month - 1 + number * (1 if interval == "month" else 12)
    last = (date(wanted // 12 + (wanted % 12 == 11), (wanted + 1) % 12 + 1, 1) - timedelta(days=1)).day
    expected = date(wanted // 12, wanted % 12 + 1, min(first.day, last))
    # A day that a zone skipped altogether begins with the next.
    assert day in (expected, expected + timedelta(days=1))
    assert day == expected or local_midnight(expected, zone=zone) == local_midnight(day, zone=zone)


def test_mon_13_the_31st_becomes_the_last_day_of_short_months_and_comes_back() -> None:
    calendar = Calendar.beginning(datetime(2027, 1, 31, 12, tzinfo=UTC), zone="Europe/Berlin", interval="month")
    assert days_of(calendar, 15) == [
        date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31),
        date(2027, 6, 30), date(2027, 7, 31), date(2027, 8, 31), date(2027, 9, 30), date(2027, 10, 31),
        date(2027, 11, 30), date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31),
    ]  # fmt: skip


def test_mon_13_a_leap_day_is_kept_every_fourth_year() -> None:
    calendar = Calendar.beginning(datetime(2028, 2, 29, 12, tzinfo=UTC), zone="UTC", interval="year")
    days = [date(2028, 2, 29), date(2029, 2, 28), date(2030, 2, 28), date(2031, 2, 28), date(2032, 2, 29)]
    assert days_of(calendar, 5) == days


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        (datetime(2027, 2, 28, 23, tzinfo=UTC), (31 * 24 - 1) * 3600),
        (datetime(2027, 9, 30, 22, tzinfo=UTC), (31 * 24 + 1) * 3600),
    ],
)
def test_mon_13_a_month_with_a_clock_change_is_an_hour_shorter_or_longer(start: datetime, seconds: int) -> None:
    assert Calendar.beginning(start, zone="Europe/Berlin", interval="month").period(0).seconds == seconds


def test_mon_13_where_clocks_jump_over_midnight_the_day_begins_after_the_jump() -> None:
    assert local_midnight(date(2018, 11, 4), zone="America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert local_midnight(date(2024, 4, 26), zone="Africa/Cairo") == datetime(2024, 4, 25, 22, tzinfo=UTC)


def test_mon_13_of_two_midnights_the_first_begins_the_day() -> None:
    assert local_midnight(date(2026, 11, 1), zone="America/Havana") == datetime(2026, 11, 1, 4, tzinfo=UTC)


@given(at=instants, zone=zones, days=st.integers(1, 90))
@settings(max_examples=500, deadline=None)
def test_a_trial_lasts_its_full_days_and_ends_at_midnight(at: datetime, zone: str, days: int) -> None:
    start = at.replace(microsecond=0)
    end, where = trial_end(start, days=days, zone=zone), ZoneInfo(zone)
    assert (end - SECOND).astimezone(where).date() < end.astimezone(where).date()
    assert timedelta(days=days) - timedelta(hours=25) < end - start < timedelta(days=days + 2)
    assert end.astimezone(where).date() - start.astimezone(where).date() >= timedelta(days=days)


def test_an_instant_before_the_calendar_has_no_period() -> None:
    calendar = Calendar.beginning(datetime(2027, 1, 31, tzinfo=UTC), zone="UTC", interval="month")
    with pytest.raises(ValueError, match="begins later"):
        calendar.number_at(datetime(2027, 1, 30, tzinfo=UTC))
