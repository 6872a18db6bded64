"""What is announced of subscriptions."""

from typing import ClassVar

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.platform.events import Event


class SubscriptionFact(Contract):
    """What all news of a subscription says: its state and what it is to, as it is now."""

    subscription_id: Id
    state: str
    plan: str
    plan_version_id: Id
    quantity: int
    period_start: Instant
    period_end: Instant


class SubscriptionStarted(SubscriptionFact, Event):
    """A workspace has a plan: on trial, or paid for."""

    name: ClassVar[str] = "billing.subscription.started.v1"


class SubscriptionRenewed(SubscriptionFact, Event):
    """A further period began; after a trial it is the first one that is billed."""

    name: ClassVar[str] = "billing.subscription.renewed.v1"


class SubscriptionChanged(SubscriptionFact, Event):
    """Plan, quantity or interval are others, or will be with the next period (`is_later`)."""

    name: ClassVar[str] = "billing.subscription.changed.v1"

    is_later: bool


class SubscriptionPaused(SubscriptionFact, Event):
    """The plan rests, or will from the period's end on (`is_later`)."""

    name: ClassVar[str] = "billing.subscription.paused.v1"

    is_later: bool


class SubscriptionResumed(SubscriptionFact, Event):
    """A pause is over, or a planned pause or end was called off."""

    name: ClassVar[str] = "billing.subscription.resumed.v1"


class SubscriptionCanceled(SubscriptionFact, Event):
    """Somebody ended it, now or with the period (`is_later`)."""

    name: ClassVar[str] = "billing.subscription.canceled.v1"

    is_later: bool


class SubscriptionEnded(SubscriptionFact, Event):
    """It is over; `reason` is canceled, unpaid or expired (never paid for)."""

    name: ClassVar[str] = "billing.subscription.ended.v1"

    reason: str


class SubscriptionPastDue(SubscriptionFact, Event):
    """An invoice could not be collected; the plan holds until the last retry."""

    name: ClassVar[str] = "billing.subscription.past_due.v1"

    invoice_id: Id


class SubscriptionRecovered(SubscriptionFact, Event):
    """All that was past due is paid."""

    name: ClassVar[str] = "billing.subscription.recovered.v1"


class TrialEnding(SubscriptionFact, Event):
    """A trial ends in three days."""

    name: ClassVar[str] = "billing.subscription.trial_ending.v1"
