"""What billing refuses about payments."""

from nexusone.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable, Unprocessable


class PaymentNotFound(NotFound):
    """There is no such payment in this workspace."""

    code = "billing.payment_not_found"


class PaymentMethodNotFound(NotFound):
    """There is no such saved way to pay in this workspace."""

    code = "billing.payment_method_not_found"


class GatewayUnknown(Unprocessable):
    """There is no gateway of that name; `known` lists those there are."""

    code = "billing.gateway_unknown"


class PurchaseNotPriced(Unprocessable):
    """These credits have no price in this currency, or are none of the packs."""

    code = "billing.purchase_not_priced"


class ReturnAddressRefused(Unprocessable):
    """The address to come back to is neither https nor on this machine."""

    code = "billing.return_address_refused"


class PaymentsNotForTests(Conflict):
    """A test key moves no money, and in live mode there are no simulated gateways to buy from."""

    code = "billing.payments_not_for_tests"


class CheckoutRefused(Conflict):
    """The vendor would not open its page: `reason`."""

    code = "billing.checkout_refused"


class CheckoutUnavailable(Unavailable):
    """The vendor does not answer; nothing was paid, try again with the same key."""

    code = "billing.checkout_unavailable"


class NotRefundable(Conflict):
    """The payment was not captured, so there is nothing to give back."""

    code = "billing.not_refundable"


class RefundExceedsPayment(Unprocessable):
    """More would be given back than was paid: `left` minor units can be."""

    code = "billing.refund_exceeds_payment"


class RefundRefused(Conflict):
    """The vendor would not give the money back: `reason`."""

    code = "billing.refund_refused"


class WebhookNotVerified(InvalidRequest):
    """The signature is missing, false or too old."""

    code = "billing.webhook_not_verified"


class WebhookEndpointNotFound(NotFound):
    """Nobody listens there."""

    code = "billing.webhook_endpoint_not_found"


class WebhookSubjectMissing(Conflict):
    """What the vendor told of is not here yet; it is looked for again."""

    code = "billing.webhook_subject_missing"
