"""What vendors' states are in ours."""

from nexusone.modules.billing.domain.payments import DisputeState, PaymentState, RefundState
from nexusone.modules.billing.ports import VendorDisputeState, VendorPaymentState, VendorRefundState

SEEN_PAYMENT: dict[VendorPaymentState, PaymentState] = {
    "open": "pending",
    "approved": "pending",
    "processing": "pending",
    "needs_action": "needs_action",
    "captured": "captured",
    "failed": "failed",
    "canceled": "canceled",
}
SEEN_REFUND: dict[VendorRefundState, RefundState] = {"pending": "pending", "succeeded": "succeeded", "failed": "failed"}
SEEN_DISPUTE: dict[VendorDisputeState, DisputeState] = {"open": "open", "won": "won", "lost": "lost"}
