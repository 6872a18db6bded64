"""What is announced of payments, refunds, disputes and ways to pay."""

from typing import ClassVar

from nexusone.kernel.contract import Id
from nexusone.kernel.money import MicroCredits
from nexusone.platform.events import Event


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
