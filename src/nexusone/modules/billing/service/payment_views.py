"""Rows of payments as they are on the wire."""

from nexusone.kernel.money import Money, credits_to_text
from nexusone.modules.billing.contracts.payments import Payment, PaymentMethod, Refund
from nexusone.modules.billing.store.payments import PaymentRow
from nexusone.modules.billing.store.payments_methods import MethodRow
from nexusone.modules.billing.store.payments_refunds import RefundRow


def payment_view(row: PaymentRow) -> Payment:
    """A payment."""
    return Payment(
        id=row.id,
        gateway=row.gateway,
        purpose=row.purpose,
        state=row.state,
        amount=Money(amount=row.amount_minor, currency=row.currency),
        refunded=Money(amount=row.refunded_minor, currency=row.currency),
        credits=None if row.credits_micros is None else credits_to_text(row.credits_micros),
        invoice_id=row.invoice_id,
        failure=row.failure,
        created_at=row.created_at,
        captured_at=row.captured_at,
    )


def refund_view(row: RefundRow, *, currency: str) -> Refund:
    """A refund."""
    return Refund(
        id=row.id,
        payment_id=row.payment_id,
        state=row.state,
        amount=Money(amount=row.amount_minor, currency=currency),
        reason=row.reason,
        credits_due=credits_to_text(row.credits_due_micros),
        credits_taken=None if row.credits_taken_micros is None else credits_to_text(row.credits_taken_micros),
        created_at=row.created_at,
    )


def method_view(row: MethodRow) -> PaymentMethod:
    """A saved way to pay."""
    return PaymentMethod(
        id=row.id,
        gateway=row.gateway,
        kind=row.kind,
        label=row.label,
        expires=row.expires,
        is_default=row.is_default,
        created_at=row.created_at,
    )
