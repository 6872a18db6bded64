"""What a payment, as it was fetched from its vendor, makes of ours: the one place where money is believed to have come or gone.

Called as often as anybody tells or asks, in any order: states only move upward, and what follows from one happens once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from nexusone.modules.billing.contracts.payments import PaymentWork
from nexusone.modules.billing.domain.payments import ENDED, PAYMENT_ORDER, PaymentState, later, reference_of
from nexusone.modules.billing.events.ledger import TopUpFailed
from nexusone.modules.billing.events.payments import PaymentCaptured, PaymentEnded
from nexusone.modules.billing.ports import Trace, VendorPayment
from nexusone.modules.billing.service import invoicing
from nexusone.modules.billing.service.grants import grant
from nexusone.modules.billing.service.payments_incidents import Difference, note
from nexusone.modules.billing.service.payments_invoicing import invoice_purchase
from nexusone.modules.billing.service.payments_reversals import settle_disputes, settle_refunds
from nexusone.modules.billing.service.payments_seen import SEEN_PAYMENT
from nexusone.modules.billing.service.refusals_payments import PaymentNotFound
from nexusone.modules.billing.store import payments
from nexusone.modules.billing.store.payments import PaymentChange, PaymentRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

SYNC_METHODS_JOB = "billing.sync_payment_methods"
LOOKED_UP_EVERY = timedelta(hours=1)
APPROVED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Step:
    """From which state to which a payment went."""

    known: PaymentState
    reached: PaymentState

    @property
    def is_new(self) -> bool:
        """Whether it went anywhere."""
        return self.known != self.reached


def trace_of(row: PaymentRow) -> Trace:
    """By what the vendor finds it."""
    reference = reference_of(row.workspace_id, row.id)
    return Trace(reference=reference, subject=row.subject, customer=row.customer or None, since=row.created_at)


async def settle(ctx: Context, *, payment_id: UUID, seen: VendorPayment) -> PaymentRow:
    """Takes in how a payment stands at its vendor, with its refunds and disputes. Raises: PaymentNotFound."""

    async def work(tx: Transaction) -> PaymentRow:
        row = await _locked(ctx, tx, payment_id)
        step = Step(known=row.state, reached=later(PAYMENT_ORDER, row.state, SEEN_PAYMENT[seen.state]))
        await payments.update_payment(tx, _change(ctx, row, step, seen))
        if step.reached == "captured":
            await _compare(ctx, tx, row, seen)
        await settle_disputes(ctx, tx, row, seen)
        await settle_refunds(ctx, tx, row, seen)
        await _follow(ctx, tx, row, step, failure=seen.failure)
        return await _locked(ctx, tx, payment_id)

    return await ctx.atomically("billing", work)


async def fail(ctx: Context, *, payment_id: UUID, failure: str) -> PaymentRow:
    """Takes in that the vendor surely did not do it, and will not."""

    async def work(tx: Transaction) -> PaymentRow:
        row = await _locked(ctx, tx, payment_id)
        step = Step(known=row.state, reached=later(PAYMENT_ORDER, row.state, "failed"))
        if step.is_new:
            change = PaymentChange(row.workspace_id, row.id, step.reached, now=ctx.now(), probe_at=None, failure=failure)
            await payments.update_payment(tx, change)
            await _follow(ctx, tx, row, step, failure=failure)
        return await _locked(ctx, tx, payment_id)

    return await ctx.atomically("billing", work)


async def leave_unknown(ctx: Context, *, payment_id: UUID, probe_at: datetime) -> PaymentRow:
    """Takes in that nobody knows; the vendor is asked at that time."""

    async def work(tx: Transaction) -> PaymentRow:
        row = await _locked(ctx, tx, payment_id)
        if row.state not in ENDED:
            reached = later(PAYMENT_ORDER, row.state, "unknown")
            change = PaymentChange(row.workspace_id, row.id, reached, now=ctx.now(), probe_at=probe_at, failure=row.failure)
            await payments.update_payment(tx, change)
        return await _locked(ctx, tx, payment_id)

    return await ctx.atomically("billing", work)


async def _locked(ctx: Context, tx: Transaction, payment_id: UUID) -> PaymentRow:
    row = await payments.lock_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
    if row is None:
        raise PaymentNotFound
    return row


def _change(ctx: Context, row: PaymentRow, step: Step, seen: VendorPayment) -> PaymentChange:
    every = APPROVED_EVERY if seen.state == "approved" else LOOKED_UP_EVERY
    return PaymentChange(
        row.workspace_id,
        row.id,
        step.reached,
        now=ctx.now(),
        probe_at=None if step.reached in ENDED else ctx.now() + every,
        # A page's id stays known until there is a payment; reports name captures, which lead to the same.
        subject=seen.subject if row.subject is None or seen.state == "captured" else None,
        capture_id=seen.capture_id,
        failure=None if step.reached == "captured" else seen.failure or row.failure,
        captured_at=seen.created_at if step.reached == "captured" else None,
    )


async def _compare(ctx: Context, tx: Transaction, row: PaymentRow, seen: VendorPayment) -> None:
    if (seen.amount.amount, seen.amount.currency) == (row.amount_minor, row.currency):
        return
    difference = Difference(
        kind="amount_differs",
        subject=seen.subject,
        payment_id=row.id,
        expected=row.amount_minor,
        found=seen.amount.amount,
        currency=seen.amount.currency,
    )
    await note(ctx, tx, gateway=row.gateway, difference=difference)


async def _follow(ctx: Context, tx: Transaction, row: PaymentRow, step: Step, *, failure: str | None) -> None:
    if not step.is_new or step.reached not in ENDED:
        return
    if step.reached == "captured":
        await _follow_capture(ctx, tx, row)
        return
    if row.invoice_id is not None:
        await invoicing.mark_failed(ctx, tx, invoice_id=row.invoice_id, reason=failure or "declined")
    ended = PaymentEnded(payment_id=row.id, purpose=row.purpose, state=step.reached, failure=failure, invoice_id=row.invoice_id)
    await publish(tx, ended)
    if row.purpose == "topup" and row.credits_micros is not None:
        await publish(tx, TopUpFailed(wanted_micros=row.credits_micros, payment_id=row.id, reason=failure or "declined"))


async def _claimed(ctx: Context, tx: Transaction, row: PaymentRow, invoice_id: UUID) -> bool:
    # What a subscription still owed is paid, and yet nobody gets anything for it any more: a person says whether it goes back.
    is_paid = await invoicing.mark_paid(ctx, tx, invoice_id=invoice_id, payment_id=row.id)
    return is_paid and not await payments.is_subscription_over(tx, workspace_id=row.workspace_id, invoice_id=invoice_id)


async def _follow_capture(ctx: Context, tx: Transaction, row: PaymentRow) -> None:
    invoice_id = row.invoice_id
    if invoice_id is None and row.credits_micros is not None:
        invoice_id = await invoice_purchase(ctx, tx, row)
    elif invoice_id is not None and not await _claimed(ctx, tx, row, invoice_id):
        subject = row.subject or str(row.id)
        unclaimed = Difference("unclaimed", subject, row.id, expected=0, found=row.amount_minor, currency=row.currency)
        await note(ctx, tx, gateway=row.gateway, difference=unclaimed)
    captured = PaymentCaptured(
        payment_id=row.id, purpose=row.purpose, currency=row.currency, amount_minor=row.amount_minor, invoice_id=invoice_id
    )
    await publish(tx, captured)
    if row.flow == "checkout":
        await enqueue_named(tx, [(SYNC_METHODS_JOB, PaymentWork(payment_id=row.id))])
    if row.credits_micros is not None:
        await grant(
            ctx,
            tx,
            key=f"payment:{row.id}",
            source="purchase",
            amount_micros=row.credits_micros,
            priority=None,
            expires_at=None,
        )
