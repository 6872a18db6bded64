"""What billing announces."""

from typing import ClassVar

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.kernel.money import CreditsText, MicroCredits
from nexusone.modules.billing.contracts.caps import Cap
from nexusone.platform.events import Event


class CreditsGranted(Event):
    """A workspace got credits."""

    name: ClassVar[str] = "billing.credits.granted.v1"

    grant_id: Id
    source: str
    amount_micros: MicroCredits


class CreditsSettled(Event):
    """Held credits were used: `amount_micros` in this step. `is_late`: after the hold had expired."""

    name: ClassVar[str] = "billing.credits.settled.v1"

    hold_id: Id
    key: str
    purpose: str
    amount_micros: MicroCredits
    is_late: bool


class ExpiredHold(Contract):
    """One hold of `HoldsExpired`, with what went back. `is_kept`: the outcome of its work was never found out."""

    hold_id: Id
    key: str
    purpose: str
    returned_micros: MicroCredits
    is_kept: bool = False


class HoldsExpired(Event):
    """Holds that nobody resolved in time were released; at most 500 in one event."""

    name: ClassVar[str] = "billing.holds.expired.v1"

    holds: list[ExpiredHold]


class HoldKept(Event):
    """Whether the work of a hold was done is not known: it stays until that is found out, or until its time is over."""

    name: ClassVar[str] = "billing.hold.kept.v1"

    hold_id: Id
    key: str
    purpose: str
    until: Instant


class CapsChanged(Event):
    """The workspace has these caps now."""

    name: ClassVar[str] = "billing.caps.changed.v1"

    caps: list[Cap]


class OverdraftLimitChanged(Event):
    """How far the workspace may go below zero."""

    name: ClassVar[str] = "billing.overdraft_limit.changed.v1"

    limit_micros: MicroCredits
    before_micros: MicroCredits


class AlertsChanged(Event):
    """Below which numbers of unspent credits the workspace is told."""

    name: ClassVar[str] = "billing.alerts.changed.v1"

    thresholds: list[CreditsText]


class BalanceLow(Event):
    """Fewer credits are unspent than a threshold of the workspace; once each time it is crossed."""

    name: ClassVar[str] = "billing.balance.low.v1"

    threshold_micros: MicroCredits
    unspent_micros: MicroCredits


class TopUpChanged(Event):
    """The automatic top-up was set."""

    name: ClassVar[str] = "billing.topup.changed.v1"

    is_enabled: bool
    threshold_micros: MicroCredits
    top_up_micros: MicroCredits
    monthly_maximum_micros: MicroCredits


class TopUpWanted(Event):
    """Credits have run low, and the workspace wants more bought; within its monthly maximum."""

    name: ClassVar[str] = "billing.topup.wanted.v1"

    wanted_micros: MicroCredits
    unspent_micros: MicroCredits


class TopUpFailed(Event):
    """A wanted top-up was not bought: `reason` is why nothing could be charged, or what the payer's side said."""

    name: ClassVar[str] = "billing.topup.failed.v1"

    wanted_micros: MicroCredits
    payment_id: Id | None
    reason: str


class AdjustmentMade(Event):
    """An operator gives or takes credits; `is_booked` false: a second person must agree first."""

    name: ClassVar[str] = "billing.adjustment.made.v1"

    adjustment_id: Id
    kind: str
    adjusted_micros: MicroCredits
    is_booked: bool


class AdjustmentDecided(Event):
    """A second person agreed to an adjustment, or declined it."""

    name: ClassVar[str] = "billing.adjustment.decided.v1"

    adjustment_id: Id
    is_booked: bool


class InvoiceIssued(Event):
    """An invoice got its number; amounts are minor units of `currency`."""

    name: ClassVar[str] = "billing.invoice.issued.v1"

    invoice_id: Id
    number: str
    subscription_id: Id | None
    currency: str
    total_minor: int
    due_at: Instant


class InvoicePaid(Event):
    """An invoice was paid; `payment_id` is null where there was nothing to pay."""

    name: ClassVar[str] = "billing.invoice.paid.v1"

    invoice_id: Id
    subscription_id: Id | None
    payment_id: Id | None
    currency: str
    total_minor: int


class InvoicePaymentFailed(Event):
    """An attempt to collect an invoice failed, the `failures`-th of them; it is still open."""

    name: ClassVar[str] = "billing.invoice.payment_failed.v1"

    invoice_id: Id
    subscription_id: Id | None
    failures: int
    reason: str


class InvoiceVoided(Event):
    """An invoice is to be paid no more."""

    name: ClassVar[str] = "billing.invoice.voided.v1"

    invoice_id: Id
    subscription_id: Id | None
    state: str


class CreditNoteIssued(Event):
    """An invoice was taken back in part or whole."""

    name: ClassVar[str] = "billing.credit_note.issued.v1"

    credit_note_id: Id
    invoice_id: Id
    number: str
    currency: str
    total_minor: int


class BillingProfileChanged(Event):
    """Who is billed changed; `country` and `currency` as they are now."""

    name: ClassVar[str] = "billing.billing_profile.changed.v1"

    country: str
    currency: str
    has_vat_id: bool


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


class PaymentCaptured(Event):
    """Money came in. Amounts are minor units."""

    name: ClassVar[str] = "billing.payment.captured.v1"

    payment_id: Id
    purpose: str
    currency: str
    amount_minor: int
    invoice_id: Id | None


class PaymentEnded(Event):
    """A payment came to its end without money: `state` is failed or canceled."""

    name: ClassVar[str] = "billing.payment.ended.v1"

    payment_id: Id
    purpose: str
    state: str
    failure: str | None
    invoice_id: Id | None


class PaymentBegun(Event):
    """A payment was begun; nothing has moved yet."""

    name: ClassVar[str] = "billing.payment.begun.v1"

    payment_id: Id
    purpose: str
    gateway: str
    currency: str
    amount_minor: int


class RefundBegun(Event):
    """Somebody asked for money to be given back."""

    name: ClassVar[str] = "billing.refund.begun.v1"

    refund_id: Id
    payment_id: Id
    currency: str
    amount_minor: int


class RefundSucceeded(Event):
    """Money was given back."""

    name: ClassVar[str] = "billing.refund.succeeded.v1"

    refund_id: Id
    payment_id: Id
    currency: str
    amount_minor: int


class RefundFailed(Event):
    """Money was not given back, or came back from the payer's bank."""

    name: ClassVar[str] = "billing.refund.failed.v1"

    refund_id: Id
    payment_id: Id


class RefundCreditsTaken(Event):
    """Of the credits that went with a refund, those still unspent were taken back; `missed_micros` were spent already."""

    name: ClassVar[str] = "billing.refund.credits_taken.v1"

    refund_id: Id
    payment_id: Id
    taken_micros: MicroCredits
    missed_micros: MicroCredits


class DisputeOpened(Event):
    """A payer complained to the bank."""

    name: ClassVar[str] = "billing.dispute.opened.v1"

    dispute_id: Id
    payment_id: Id
    currency: str
    amount_minor: int
    reason: str


class DisputeClosed(Event):
    """A complaint was decided: `state` is won or lost."""

    name: ClassVar[str] = "billing.dispute.closed.v1"

    dispute_id: Id
    payment_id: Id
    state: str


class PaymentMethodSaved(Event):
    """A way to pay was saved at a vendor."""

    name: ClassVar[str] = "billing.payment_method.saved.v1"

    method_id: Id
    gateway: str
    kind: str


class PaymentMethodRemoved(Event):
    """A way to pay was removed."""

    name: ClassVar[str] = "billing.payment_method.removed.v1"

    method_id: Id


class DefaultMethodChosen(Event):
    """Another way to pay is charged from now on."""

    name: ClassVar[str] = "billing.payment_method.default_chosen.v1"

    method_id: Id


class PaymentMethodSetupBegun(Event):
    """Somebody is about to save a way to pay."""

    name: ClassVar[str] = "billing.payment_method.setup_begun.v1"

    gateway: str


class PaymentIncidentFound(Event):
    """A vendor's books and ours disagree: somebody has to look."""

    name: ClassVar[str] = "billing.payment.incident_found.v1"

    gateway: str
    kind: str
    subject: str
    payment_id: Id | None
    expected_minor: int | None
    found_minor: int | None
    currency: str


class MarginLow(Event):
    """Less than the floor was left of what a purpose earned in a day; no `margin_bps`: it earned nothing. Told once until it is over."""

    name: ClassVar[str] = "billing.margin.low.v1"

    purpose: str
    margin_bps: int | None
    floor_bps: int
    reaction: str


class MarginFloorChanged(Event):
    """The least that is to be left of what a workspace's credits earn was set by an operator."""

    name: ClassVar[str] = "billing.margin_floor.changed.v1"

    floor_bps: int
    reaction: str
