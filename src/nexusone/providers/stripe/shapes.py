"""The vendor's objects in the words of the port."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from nexusone.kernel.money import Money
from nexusone.modules.billing.ports import (
    FailureKind,
    SavedMethod,
    VendorDispute,
    VendorDisputeState,
    VendorPayment,
    VendorPaymentState,
    VendorRefund,
    VendorRefundState,
)
from nexusone.providers.stripe.client import failure_kind

Shape = Mapping[str, Any]

REFERENCE = "reference"
FLOW = "flow"
LOST = frozenset({"lost", "charge_refunded"})
WON = frozenset({"won", "warning_closed"})


def payment_of(intent: Shape, *, refunds: Iterable[Shape] = (), disputes: Iterable[Shape] = ()) -> VendorPayment:
    """A payment intent with what became of it."""
    return VendorPayment(
        subject=intent["id"],
        reference=intent["metadata"].get(REFERENCE),
        amount=Money(amount=intent["amount"], currency=intent["currency"].upper()),
        state=_state(intent),
        created_at=instant(intent["created"]),
        capture_id=intent["id"] if intent["status"] == "succeeded" else None,
        failure=_failure(intent),
        refunds=tuple(refund_of(refund) for refund in refunds),
        disputes=tuple(_dispute_of(dispute) for dispute in disputes),
    )


def session_payment(session: Shape) -> VendorPayment:
    """A checkout page on which nobody has paid."""
    is_over = session["status"] == "expired"
    return VendorPayment(
        subject=session["id"],
        reference=session["metadata"].get(REFERENCE),
        amount=Money(amount=session["amount_total"] or 0, currency=(session["currency"] or "eur").upper()),
        state="canceled" if is_over else "open",
        created_at=instant(session["created"]),
        failure="abandoned" if is_over else None,
    )


def charged_payment(charge: Shape) -> VendorPayment:
    """A charge, as the list of what was paid has it."""
    return VendorPayment(
        subject=charge["payment_intent"] or charge["id"],
        reference=charge["metadata"].get(REFERENCE),
        amount=Money(amount=charge["amount"], currency=charge["currency"].upper()),
        state="captured",
        created_at=instant(charge["created"]),
        capture_id=charge["payment_intent"] or charge["id"],
    )


def refund_of(refund: Shape) -> VendorRefund:
    """A refund."""
    states: dict[str, VendorRefundState] = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
    return VendorRefund(
        vendor_id=refund["id"],
        reference=(refund["metadata"] or {}).get(REFERENCE),
        amount=refund["amount"],
        state=states.get(refund["status"] or "", "pending"),
    )


def method_of(method: Shape) -> SavedMethod:
    """A saved method: of a card its brand, last digits and expiry, and nothing else."""
    card = method.get("card")
    if not isinstance(card, dict):
        return SavedMethod(vendor_id=method["id"], kind=method["type"], label=method["type"])
    label = f"{card['brand']} •••• {card['last4']}"
    return SavedMethod(vendor_id=method["id"], kind="card", label=label, expires=f"{card['exp_year']}-{card['exp_month']:02d}")


def instant(seconds: int) -> datetime:
    """Unix time as an instant."""
    return datetime.fromtimestamp(seconds, UTC)


def _state(intent: Shape) -> VendorPaymentState:
    match intent["status"]:
        case "succeeded":
            return "captured"
        case "canceled":
            return "canceled"
        case "processing" | "requires_capture":
            return "processing"
        # On its page a payer may try again after a no; a charge with nobody present is over with the first.
        case "requires_payment_method" if intent["metadata"].get(FLOW) == "charge":
            return "failed"
        case "requires_action" if intent["metadata"].get(FLOW) == "charge":
            return "needs_action"
        case _:
            return "open"


def _failure(intent: Shape) -> FailureKind | None:
    error = intent.get("last_payment_error")
    if intent["status"] == "succeeded" or not isinstance(error, dict):
        return "abandoned" if intent["status"] == "canceled" else None
    return failure_kind(error)


def _dispute_of(dispute: Shape) -> VendorDispute:
    status = dispute["status"]
    state: VendorDisputeState = "lost" if status in LOST else "won" if status in WON else "open"
    return VendorDispute(vendor_id=dispute["id"], amount=dispute["amount"], state=state, reason=dispute["reason"])
