"""The words of subscriptions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from nexusone.kernel.contract import Contract, Id, Instant, Key
from nexusone.kernel.money import CreditsText, Money
from nexusone.modules.billing.contracts.coupons import CouponCode
from nexusone.modules.billing.contracts.plans import Interval

SubscriptionState = Literal["incomplete", "trialing", "active", "past_due", "paused", "ended", "expired"]
SubscriptionMoment = Literal["now", "period_end"]
SubscriptionEnding = Literal["cancel", "pause"]
SubscriptionMailKind = Literal["trial_ending", "payment_failed", "ended_unpaid"]
Pieces = Annotated[int, Field(ge=1, le=10_000)]


class NewSubscription(Contract):
    """What to subscribe to. `is_trial` false: without the plan's trial, which a workspace has once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plan": "starter", "every": "month", "quantity": 1, "coupon": "SPRING20"}]})

    plan: Key
    every: Interval = "month"
    quantity: Pieces = 1
    coupon: CouponCode | None = None
    is_trial: bool = True


class SubscriptionChange(Contract):
    """What is to be different. No `when`: at once where the change costs something, else with the next period."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plan": "growth", "quantity": 2, "when": "now"}]})

    plan: Key | None = None
    every: Interval | None = None
    quantity: Pieces | None = None
    when: SubscriptionMoment | None = None


class SubscriptionPause(Contract):
    """When the plan is to rest; nothing is given back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"when": "period_end"}]})

    when: SubscriptionMoment = "period_end"


class SubscriptionCancellation(Contract):
    """When it is to end; nothing is given back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"when": "period_end"}]})

    when: SubscriptionMoment = "period_end"


class SubscriptionTerms(Contract):
    """A plan with its price before taxes: `unit_price` for each piece and interval, `price` for all without a discount."""

    plan: Key
    plan_name: str
    plan_version: int
    every: Interval
    quantity: int
    unit_price: Money
    price: Money


class Subscription(Contract):
    """A workspace's subscription. Amounts are before taxes.

    `period_price` is what the present period costs after the discount, `renewal_price` the next one. `next` are other terms
    from the next period on, `ending` what comes instead of it. `retry_at` is when an unpaid invoice is tried again.
    `pay_until` is until when the first invoice (`invoice_id`) has to be paid.
    """

    id: Id
    state: SubscriptionState
    terms: SubscriptionTerms
    period_start: Instant
    period_end: Instant
    period_price: Money
    renewal_price: Money
    coupon: str | None
    next: SubscriptionTerms | None
    ending: SubscriptionEnding | None
    retry_at: Instant | None
    invoice_id: Id | None
    pay_until: Instant | None
    created_at: Instant
    ended_at: Instant | None


class SubscriptionPreview(Contract):
    """What a change would bill at `at`, before taxes: `credit` is given back, `charge` is new, `due_now` their difference.

    Where another period begins with it, `usage` is what was used of the old one beyond what it includes; `due_now` contains it.
    `credits` come with it at once. `renewal_price` is what the period from `renews_at` on will cost, before usage.
    """

    when: SubscriptionMoment
    at: Instant
    terms: SubscriptionTerms
    credit: Money
    charge: Money
    usage: Money
    due_now: Money
    credits: CreditsText
    renews_at: Instant
    renewal_price: Money


class SubscriptionStep(Contract):
    """Something that happened to a subscription, with what it was afterwards; `billed` before taxes by the invoice, if any."""

    id: Id
    subscription_id: Id
    time: Instant
    step: str
    state: SubscriptionState
    plan: Key
    every: Interval
    quantity: int
    billed: Money
    invoice_id: Id | None
    period_start: Instant
    period_end: Instant


class SubscriptionWork(Contract):
    """A subscription for which the clock has something."""

    subscription_id: Id


class SubscriptionMailOrder(Contract):
    """A mail to whoever pays for a subscription; `day` is the one it speaks of."""

    kind: SubscriptionMailKind
    plan_version_id: Id
    zone: str
    day: Instant | None
