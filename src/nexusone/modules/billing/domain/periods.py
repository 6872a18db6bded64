"""The periods of a subscription: where each begins and ends, counted from an anchor day in a zone, never drifting.

The first period begins at the second of the start; every later one at local midnight, which is where the one before ends.
"""

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Interval = Literal["month", "year"]

MONTHS_OF: dict[Interval, int] = {"month": 1, "year": 12}
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """The time from `starts_at` until before `ends_at`, both whole seconds in UTC."""

    starts_at: datetime
    ends_at: datetime

    @property
    def seconds(self) -> int:
        """How long it is."""
        return (self.ends_at - self.starts_at) // SECOND

    def rest_seconds(self, at: datetime) -> int:
        """How much of it is left; a second that has begun is used."""
        inside = min(max(at, self.starts_at), self.ends_at)
        return (self.ends_at - inside) // SECOND


@dataclass(frozen=True, slots=True)
class Calendar:
    """Months or years from `starts_at` on. `anchor_day` (1 to 31) is the day of the month that short months cannot always have."""

    starts_at: datetime
    zone: str
    interval: Interval
    anchor_day: int

    @classmethod
    def beginning(cls, at: datetime, *, zone: str, interval: Interval) -> "Calendar":
        """One whose anchor is the local day of an instant."""
        starts_at = whole_second(at)
        return cls(starts_at=starts_at, zone=zone, interval=interval, anchor_day=starts_at.astimezone(ZoneInfo(zone)).day)

    def boundary(self, number: int) -> datetime:
        """Where period `number` (0, 1, …) begins."""
        if number == 0:
            return self.starts_at
        first = self.starts_at.astimezone(ZoneInfo(self.zone)).date()
        year, month = divmod(first.year * 12 + first.month - 1 + number * MONTHS_OF[self.interval], 12)
        return local_midnight(day_in_month(year, month + 1, self.anchor_day), zone=self.zone)

    def period(self, number: int) -> Period:
        """Period `number`."""
        return Period(starts_at=self.boundary(number), ends_at=self.boundary(number + 1))

    def number_at(self, instant: datetime) -> int:
        """Which period an instant lies in. Raises ValueError for one before the first."""
        if instant < self.starts_at:
            raise ValueError("the calendar begins later")
        first, then = (moment.astimezone(ZoneInfo(self.zone)) for moment in (self.starts_at, instant))
        number = ((then.year - first.year) * 12 + then.month - first.month) // MONTHS_OF[self.interval]
        while number > 0 and self.boundary(number) > instant:
            number -= 1
        while self.boundary(number + 1) <= instant:
            number += 1
        return number


def whole_second(instant: datetime) -> datetime:
    """The beginning of the second, in UTC."""
    return instant.astimezone(UTC).replace(microsecond=0)


def day_in_month(year: int, month: int, day: int) -> date:
    """The day of a month, or its last day where it is shorter."""
    return date(year, month, min(day, months.monthrange(year, month)[1]))


def trial_end(starts_at: datetime, *, days: int, zone: str) -> datetime:
    """The local midnight at which `days` full days are over; the rest of the first day comes on top."""
    first = starts_at.astimezone(ZoneInfo(zone)).date()
    begins_with_the_day = local_midnight(first, zone=zone) == starts_at
    return local_midnight(first + timedelta(days=days if begins_with_the_day else days + 1), zone=zone)


@lru_cache(maxsize=4096)
def local_midnight(day: date, *, zone: str) -> datetime:
    """The first instant of a day in a zone, in UTC; of a day that a zone skipped, the first of the next."""
    where = ZoneInfo(zone)
    named = datetime.combine(day, time(), tzinfo=where)
    instant = named.astimezone(UTC)
    if instant.astimezone(where).replace(tzinfo=None) == named.replace(tzinfo=None):
        return instant
    return _end_of_gap(day, where, before=instant - 2 * DAY, after=instant + 2 * DAY)


def _end_of_gap(day: date, where: ZoneInfo, *, before: datetime, after: datetime) -> datetime:
    # Clocks were put forward over midnight: the day begins where they were.
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(where).date() >= day:
            after = middle
        else:
            before = middle
    return after
