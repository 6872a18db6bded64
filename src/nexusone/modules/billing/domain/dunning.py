"""Dunning: an invoice that could not be collected is tried again after 2, 5, 7 and 7 days; then the subscription ends."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

RETRY_AFTER_DAYS = (2, 5, 7, 7)
ASK_AGAIN_AFTER = timedelta(days=1)

DunningState = Literal["waiting", "trying", "healed", "exhausted"]


@dataclass(frozen=True, slots=True)
class Dunning:
    """The tries to collect one invoice. `retries` were begun so far; `next_at` is when the next thing is due.

    `waiting` for the next retry, `trying` until its outcome is known, then `healed` or `exhausted`. `failures` is the
    number of the last failure that is known of, by which news that comes twice or late is told.
    """

    state: DunningState
    retries: int
    failures: int
    next_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether the invoice is still hoped for."""
        return self.state in ("waiting", "trying")


def begun(at: datetime, *, failure: int) -> Dunning:
    """After the first failure that is heard of."""
    return Dunning(state="waiting", retries=0, failures=failure, next_at=at + timedelta(days=RETRY_AFTER_DAYS[0]))


def tried(dunning: Dunning, *, at: datetime) -> Dunning:
    """A retry begins. One whose outcome is not known after a day is asked for again, which is no further retry."""
    retries = dunning.retries + 1 if dunning.state == "waiting" else dunning.retries
    return replace(dunning, state="trying", retries=retries, next_at=at + ASK_AGAIN_AFTER)


def failed(dunning: Dunning, *, at: datetime, failure: int) -> Dunning:
    """The n-th failure. Only the outcome of a retry leads on: what the customer tries in between does not shorten the grace."""
    if failure <= dunning.failures or not dunning.is_open:
        return dunning
    known = replace(dunning, failures=failure)
    if known.state == "waiting":
        return known
    if known.retries == len(RETRY_AFTER_DAYS):
        return replace(known, state="exhausted", next_at=None)
    return replace(known, state="waiting", next_at=at + timedelta(days=RETRY_AFTER_DAYS[known.retries]))


def healed(dunning: Dunning) -> Dunning:
    """The invoice was paid, by a retry or in between."""
    return replace(dunning, state="healed", next_at=None) if dunning.is_open else dunning


def given_up(dunning: Dunning) -> Dunning:
    """The subscription is over, and nobody tries any more."""
    return replace(dunning, state="exhausted", next_at=None) if dunning.is_open else dunning
