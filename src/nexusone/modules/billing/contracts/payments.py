"""The words of payments: what was paid, given back, disputed; saved methods; buying credits."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Text
from nexusone.kernel.money import CreditsText, Money

GatewayName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
PaymentStateName = Literal["created", "unknown", "pending", "needs_action", "canceled", "failed", "captured"]
PaymentPurposeName = Literal["purchase", "topup", "invoice", "method"]
RefundStateName = Literal["created", "unknown", "pending", "succeeded", "failed"]
DisputeStateName = Literal["open", "won", "lost"]
FailureName = Literal[
    "declined", "insufficient_funds", "needs_authentication", "method_expired", "method_gone", "suspected_fraud", "abandoned", "other"
]
ReturnUrl = Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^https?://[!-~]+$")]
Reason = Annotated[Text, StringConstraints(max_length=300)]


class Payment(Contract):
    """A payment. `unknown`: the vendor did not answer and is being asked. `credits`: what it buys; `failure`: why it did not work."""

    id: Id
    gateway: GatewayName
    purpose: PaymentPurposeName
    state: PaymentStateName
    amount: Money
    refunded: Money
    credits: CreditsText | None
    invoice_id: Id | None
    failure: FailureName | None
    created_at: Instant
    captured_at: Instant | None


class CreditPack(Contract):
    """Credits at a price before tax."""

    name: str
    credits: CreditsText
    price: Money


class CreditPacks(Contract):
    """What can be bought, and through which gateways."""

    packs: list[CreditPack]
    gateways: list[GatewayName]


class NewPurchase(Contract):
    """Credits to be bought: a pack by its name, or any number of credits. The vendor's page leads back to `return_url`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pack": "small", "currency": "EUR", "return_url": "https://app.example/billing"}]}
    )

    pack: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")] | None = None
    credits: Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,8}$")] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    gateway: GatewayName | None = None
    return_url: ReturnUrl
    cancel_url: ReturnUrl | None = None
    saves_method: bool = False


class Purchase(Contract):
    """A purchase that waits for its payment at `checkout_url`."""

    payment: Payment
    checkout_url: str


class PaymentMethod(Contract):
    """A saved way to pay; the default one is charged for invoices."""

    id: Id
    gateway: GatewayName
    kind: str
    label: str
    expires: str | None
    is_default: bool
    created_at: Instant


class NewPaymentMethod(Contract):
    """A way to pay that a person is to save on the vendor's page."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"return_url": "https://app.example/billing"}]})

    gateway: GatewayName | None = None
    return_url: ReturnUrl
    cancel_url: ReturnUrl | None = None


class PaymentMethodSetup(Contract):
    """Where a person saves a way to pay."""

    setup_url: str


class NewRefund(Contract):
    """What is to be given back: a part in minor units, or all that is left."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 500, "reason": "half of it was not used"}]})

    amount: Annotated[int, Field(gt=0, le=10**15)] | None = None
    reason: Reason = ""


class Refund(Contract):
    """Money given back. `credits_taken` of `credits_due` were still unspent and went back with it, once that is done."""

    id: Id
    payment_id: Id
    state: RefundStateName
    amount: Money
    reason: str
    credits_due: CreditsText
    credits_taken: CreditsText | None
    created_at: Instant


class WebhookTaken(Contract):
    """The vendor's news was taken in."""

    received: bool = True


class PaymentWork(Contract):
    """The order to do something about a payment."""

    payment_id: Id


class RefundWork(Contract):
    """The order to do something about a refund."""

    refund_id: Id


class DisputeWork(Contract):
    """The order to do something about a dispute."""

    dispute_id: Id


class WebhookWork(Contract):
    """The order to look into what a vendor told."""

    gateway: GatewayName
    event_id: str
