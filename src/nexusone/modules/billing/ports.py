"""What billing needs from the world: somebody who collects money, registers of VAT ids, and what currencies are worth."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from nexusone.kernel.money import Money
from nexusone.platform.runtime import Context

VendorPaymentState = Literal["open", "approved", "needs_action", "processing", "captured", "failed", "canceled"]
VendorRefundState = Literal["pending", "succeeded", "failed"]
VendorDisputeState = Literal["open", "won", "lost"]
FailureKind = Literal[
    "declined", "insufficient_funds", "needs_authentication", "method_expired", "method_gone", "suspected_fraud", "abandoned", "other"
]


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A way to pay that the vendor keeps: its id there, and what a person knows it by (`label` such as "visa •••• 4242")."""

    vendor_id: str
    kind: str
    label: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class VendorRefund:
    """A refund as the vendor has it; `reference` is ours, None where it was made at the vendor's own desk."""

    vendor_id: str
    reference: str | None
    amount: int
    state: VendorRefundState


@dataclass(frozen=True, slots=True)
class VendorDispute:
    """A payer's complaint as the vendor has it; `amount` is what is at stake."""

    vendor_id: str
    amount: int
    state: VendorDisputeState
    reason: str


@dataclass(frozen=True, slots=True)
class VendorPayment:
    """A payment as the vendor has it, with all that became of it. Amounts are minor units of `amount.currency`.

    `subject` is what `find_payment` takes to see it again; `capture_id` is what money came by, None while none has.
    """

    subject: str
    reference: str | None
    amount: Money
    state: VendorPaymentState
    created_at: datetime
    capture_id: str | None = None
    failure: FailureKind | None = None
    method: SavedMethod | None = None
    refunds: tuple[VendorRefund, ...] = ()
    disputes: tuple[VendorDispute, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of the vendor's where a person pays; `subject` is what `find_payment` takes."""

    subject: str
    url: str


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What is to be paid on the vendor's page, or with `amount` None only a method saved. `reference` is also the idempotency key."""

    reference: str
    customer: str
    amount: Money | None
    description: str
    return_url: str
    cancel_url: str
    saves_method: bool
    locale: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What is to be charged with nobody present. `reference` is also the idempotency key."""

    reference: str
    customer: str
    method: str
    amount: Money
    description: str


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is to be given back of a capture. `reference` is also the idempotency key."""

    reference: str
    capture_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Trace:
    """By what a payment may be found again: the vendor's `subject` where it is known, else our reference since a time."""

    reference: str
    subject: str | None
    customer: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified webhook: that something happened, nothing more.

    `subject` is the payment it concerns, `customer` the payer whose saved methods may have changed; None where neither.
    """

    event_id: str
    kind: str
    subject: str | None = None
    customer: str | None = None


class WebhookRefused(Exception):
    """The signature is missing, malformed, too old or false, or the body is not the vendor's."""


class MethodKeeper(Protocol):
    """Keeps ways to pay, so that no card data ever comes here. Raises: DefiniteFailure, UnknownOutcome."""

    @property
    def saves_without_charge(self) -> bool:
        """Whether a method can be saved without a payment."""
        ...

    async def open_customer(self, *, key: str, email: str | None, name: str) -> str:
        """The vendor's id of a payer; the same key gives the same payer."""
        ...

    async def list_methods(self, *, customer: str) -> list[SavedMethod]:
        """The saved ways to pay, newest first."""
        ...

    async def remove_method(self, *, method: str) -> None:
        """Forgets a way to pay; one that is gone already is no fault."""
        ...


class PaymentGateway(MethodKeeper, Protocol):
    """Collects money. Every call that moves some carries our reference as idempotency key: repeated, it moves none again.

    Raises:
        DefiniteFailure: it surely did not happen; `code` is `payment.<FailureKind>` where the payer's side said no.
        UnknownOutcome: it may have happened; look it up before anything else.
    """

    async def start_checkout(self, request: CheckoutRequest) -> Checkout:
        """Opens the vendor's page."""
        ...

    async def complete(self, *, subject: str, reference: str) -> VendorPayment:
        """Captures what a person has approved; what needs no capture is looked up."""
        ...

    async def charge(self, request: ChargeRequest) -> VendorPayment:
        """Charges a saved method."""
        ...

    async def refund(self, request: RefundRequest) -> VendorRefund:
        """Gives money back."""
        ...

    async def find_payment(self, trace: Trace) -> VendorPayment | None:
        """The payment as it stands now, or None where the vendor knows none."""
        ...

    async def list_payments(self, *, since: datetime, until: datetime) -> list[VendorPayment]:
        """Every payment that was captured in that time, for reconciliation; refunds and disputes are left out."""
        ...

    async def read_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Verifies the signature over the raw body, then reads it; header names are lower case.

        Raises:
            WebhookRefused: it is not the vendor's.
        """
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentGateways:
    """The gateways of this process by their names; the order of preference is that of the names."""

    by_name: Mapping[str, PaymentGateway]


@dataclass(frozen=True, slots=True)
class UsageGauges:
    """How many there are now of what a plan limits, by feature; whoever has the things counts them, in a transaction of its own."""

    counters: Mapping[str, Callable[[Context], Awaitable[int]]]


@dataclass(frozen=True, slots=True)
class VatIdAnswer:
    """What is known of a VAT id; `reference` is the register's receipt for a valid one. Unknown: the register did not say."""

    outcome: Literal["valid", "invalid", "unknown"]
    reference: str | None = None


class VatIdChecker(Protocol):
    """Asks the register of a country whether a VAT id is good. Never raises for the register's sake: that is `unknown`."""

    async def check(self, *, country: str, vat_id: str, asker: str | None) -> VatIdAnswer:
        """The answer for a normalised id with its prefix; `asker` is the VAT id of whoever wants to know."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class DailyRate:
    """What one unit of `reference` bought of a currency on a day, in millionths of millionths."""

    reference: str
    currency: str
    rate_on: date
    rate_pico: int


class ExchangeRates(Protocol):
    """Publishes what currencies are worth, day by day. Raises: DefiniteFailure, UnknownOutcome."""

    @property
    def source(self) -> str:
        """Who publishes them."""
        ...

    async def rates(self, *, since: date, until: date) -> list[DailyRate]:
        """All rates of those days; days on which none are published are left out."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
