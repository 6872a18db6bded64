"""What becomes of payments, refunds and disputes: states that only move upward, whoever tells of them and in what order."""

import hashlib
from typing import Literal, TypeVar
from uuid import UUID

PaymentState = Literal["created", "unknown", "pending", "needs_action", "canceled", "failed", "captured"]
RefundState = Literal["created", "unknown", "pending", "succeeded", "failed"]
DisputeState = Literal["open", "won", "lost"]
PaymentPurpose = Literal["purchase", "topup", "invoice", "method"]
PaymentFlow = Literal["checkout", "charge"]

S = TypeVar("S", PaymentState, RefundState, DisputeState)

PAYMENT_ORDER: tuple[PaymentState, ...] = ("created", "unknown", "pending", "needs_action", "canceled", "failed", "captured")
# A refund that succeeded may still come back from the payer's bank.
REFUND_ORDER: tuple[RefundState, ...] = ("created", "unknown", "pending", "succeeded", "failed")
DISPUTE_ORDER: tuple[DisputeState, ...] = ("open", "won", "lost")
ENDED: frozenset[PaymentState] = frozenset({"canceled", "failed", "captured"})


def later(order: tuple[S, ...], known: S, seen: S) -> S:
    """The state further on in an order: whatever is seen twice, late or in another order, ends in the same."""
    return seen if order.index(seen) > order.index(known) else known


def reference_of(workspace_id: UUID, identifier: UUID) -> str:
    """What a payment or refund goes by at the vendor; it is the idempotency key of the call as well."""
    return f"{workspace_id.hex}.{identifier.hex}"


def read_reference(text: str | None) -> tuple[UUID, UUID] | None:
    """Workspace and id of a reference; None where it is not one of ours."""
    workspace, _, identifier = (text or "").partition(".")
    if len(workspace) != 32 or len(identifier) != 32:
        return None
    try:
        return UUID(workspace), UUID(identifier)
    except ValueError:
        return None


def credits_of_refund(*, credits_micros: int, paid: int, before: int, amount: int) -> int:
    """The credits that go with the part of a payment from `before` on: parts add up to the whole, whatever their sizes."""
    if paid == 0:
        return 0
    until = min(paid, before + amount)
    return credits_micros * until // paid - credits_micros * min(paid, before) // paid


def request_key(*, principal: UUID | None, path: str, key: str) -> str:
    """What a request repeats itself by: a retry of one that was cut off finds what the first had begun."""
    return hashlib.sha256(f"{principal}\n{path}\n{key}".encode()).hexdigest()
