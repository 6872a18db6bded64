"""The vendor's objects in the words of the port."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import InvalidOperation
from typing import Any

from nexusone.kernel.outcomes import UnknownOutcome
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
from nexusone.providers.paypal.amounts import read

Shape = Mapping[str, Any]

CAPTURED = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
PAYMENT_CODES = ("T00",)
"""How the codes of payments begin in the vendor's reports; refunds and reversals are T11."""


@contextmanager
def readable() -> Iterator[None]:
    """An answer of another shape than the vendor's says nothing about what was done."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, InvalidOperation) as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error


def payment_of(order: Shape, *, disputes: Iterable[Shape] = ()) -> VendorPayment:
    """An order with what became of it."""
    unit = order["purchase_units"][0]
    payments = unit.get("payments") or {}
    captures = payments.get("captures") or []
    capture = captures[-1] if captures else None
    state = _state(order, capture)
    return VendorPayment(
        subject=order["id"],
        reference=unit.get("custom_id"),
        amount=read(unit["amount"]),
        state=state,
        created_at=instant(order["create_time"]),
        capture_id=capture["id"] if capture is not None and capture["status"] in CAPTURED else None,
        failure=_failure(state),
        method=_method(order),
        refunds=tuple(refund_of(refund) for refund in payments.get("refunds") or []),
        disputes=tuple(_dispute_of(dispute) for dispute in disputes),
    )


def refund_of(refund: Shape) -> VendorRefund:
    """A refund."""
    states: dict[str, VendorRefundState] = {"COMPLETED": "succeeded", "FAILED": "failed", "CANCELLED": "failed"}
    return VendorRefund(
        vendor_id=refund["id"],
        reference=refund.get("custom_id"),
        amount=read(refund["amount"]).amount,
        state=states.get(refund["status"], "pending"),
    )


def method_of(token: Shape) -> SavedMethod:
    """A saved agreement, by the address of its payer as the vendor masks it."""
    email = str((token.get("payment_source") or {}).get("paypal", {}).get("email_address") or "")
    name, _, domain = email.partition("@")
    return SavedMethod(vendor_id=token["id"], kind="wallet", label=f"{name[:1]}•••@{domain}" if domain else "wallet")


def reported_payment(row: Shape) -> VendorPayment | None:
    """A payment of the vendor's report; None for what is none."""
    told = row["transaction_info"]
    if not str(told["transaction_event_code"]).startswith(PAYMENT_CODES) or told["transaction_status"] != "S":
        return None
    money = read(told["transaction_amount"])
    return VendorPayment(
        subject=f"capture:{told['transaction_id']}",
        reference=told.get("custom_field"),
        amount=money,
        state="captured",
        created_at=instant(told["transaction_initiation_date"]),
        capture_id=told["transaction_id"],
    )


def instant(text: str) -> datetime:
    """An RFC 3339 time as an instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _state(order: Shape, capture: Shape | None) -> VendorPaymentState:
    if capture is not None:
        status = capture["status"]
        return "captured" if status in CAPTURED else "processing" if status == "PENDING" else "failed"
    states: dict[str, VendorPaymentState] = {"APPROVED": "approved", "VOIDED": "canceled", "COMPLETED": "processing"}
    return states.get(order["status"], "open")


def _failure(state: VendorPaymentState) -> FailureKind | None:
    return "declined" if state == "failed" else "abandoned" if state == "canceled" else None


def _method(order: Shape) -> SavedMethod | None:
    wallet = (order.get("payment_source") or {}).get("paypal") or {}
    vault = (wallet.get("attributes") or {}).get("vault") or {}
    if not vault.get("id"):
        return None
    return method_of({"id": vault["id"], "payment_source": {"paypal": wallet}})


def _dispute_of(dispute: Shape) -> VendorDispute:
    state: VendorDisputeState = "open"
    if dispute["status"] == "RESOLVED":
        outcome = (dispute.get("dispute_outcome") or {}).get("outcome_code", "")
        state = "lost" if outcome in ("RESOLVED_BUYER_FAVOUR", "ACCEPTED") else "won"
    return VendorDispute(
        vendor_id=dispute["dispute_id"], amount=read(dispute["dispute_amount"]).amount, state=state, reason=dispute["reason"].lower()
    )
