"""The features a plan may give: each is a kind, and what is counted is counted in a window of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

FeatureKind = Literal["boolean", "limit", "metered"]
FeatureWindow = Literal["standing", "calendar_month", "plan_month"]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the one window of what is counted without end begins."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A thing plans differ in. `standing` counts what there is, the other windows count what was used since they began."""

    kind: FeatureKind
    window: FeatureWindow
    meaning: str


FEATURES: Mapping[str, Feature] = {
    "agency": Feature("boolean", "standing", "Further workspaces for clients, a common pool of credits, rebilling"),
    "ai.generations": Feature("metered", "plan_month", "Generations with the AI"),
    "campaigns.monthly_messages": Feature("limit", "calendar_month", "Messages sent by campaigns in a month"),
    "contacts.total": Feature("limit", "standing", "Contacts"),
    "members.seats": Feature("limit", "standing", "Members, and invitations that are open"),
    "sso": Feature("boolean", "standing", "Sign-in through the company's own identity provider"),
}


def feature_of(name: str) -> Feature:
    """The feature of a name; to ask for one that is not there is a fault of the caller. Raises: KeyError."""
    return FEATURES[name]


@dataclass(frozen=True, slots=True)
class FeatureTerms:
    """What one version of a plan says of one feature; a `quantity` of None is without limit.

    Metered: `quantity` is included, and every one beyond costs `overage_micros`; None ends it there.
    """

    is_included: bool
    quantity: int | None = None
    overage_micros: int | None = None


ABSENT = FeatureTerms(is_included=False, quantity=0)
"""What a version does not speak of, it does not give."""


def most(kind: FeatureKind, terms: FeatureTerms) -> int | None:
    """How much may be used at the most; None: without limit."""
    if not terms.is_included:
        return 0
    if kind == "boolean" or (kind == "metered" and terms.overage_micros is not None):
        return None
    return terms.quantity


def allows(kind: FeatureKind, terms: FeatureTerms, *, used: int, quantity: int) -> bool:
    """Whether `quantity` more may be used where `used` are."""
    limit = most(kind, terms)
    return limit is None or used + quantity <= limit


def overage(terms: FeatureTerms, *, used_before: int, quantity: int) -> int:
    """How many of `quantity` lie beyond what is included."""
    if terms.quantity is None:
        return 0
    return max(0, used_before + quantity - terms.quantity) - max(0, used_before - terms.quantity)


def window_start(window: FeatureWindow, *, now: datetime, since: datetime | None) -> datetime:
    """Where the present window began. A month of a plan begins on the day of `since`, or on the last of a shorter month."""
    if window == "standing":
        return BEGINNING
    if window == "calendar_month" or since is None or since > now:
        return datetime(now.year, now.month, 1, tzinfo=UTC)
    start = _month_later(since, (now.year - since.year) * 12 + now.month - since.month)
    return start if start <= now else _month_later(since, (now.year - since.year) * 12 + now.month - since.month - 1)


def window_end(window: FeatureWindow, *, now: datetime, since: datetime | None) -> datetime | None:
    """Where the next window begins; None where there is but one."""
    start = window_start(window, now=now, since=since)
    if window == "standing":
        return None
    if window == "calendar_month" or since is None or since > now:
        return _month_later(start, 1)
    return _month_later(since, (start.year - since.year) * 12 + start.month - since.month + 1)


def _month_later(since: datetime, months: int) -> datetime:
    year, month = divmod(since.year * 12 + since.month - 1 + months, 12)
    return since.replace(year=year, month=month + 1, day=min(since.day, _days(year, month + 1)))


def _days(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return (following - datetime(year, month, 1, tzinfo=UTC)).days
