"""What is announced of invoices, credit notes and who is billed."""

from typing import ClassVar

from nexusone.kernel.contract import Id, Instant
from nexusone.platform.events import Event


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
