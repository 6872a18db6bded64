"""Refunds and disputes as a vendor has them, taken into our books."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.payments import DisputeWork, RefundWork
from nexusone.modules.billing.domain.payments import (
    DISPUTE_ORDER,
    REFUND_ORDER,
    credits_of_refund,
    later,
    read_reference,
)
from nexusone.modules.billing.events.payments import DisputeClosed, DisputeOpened, RefundFailed, RefundSucceeded
from nexusone.modules.billing.ports import VendorDispute, VendorPayment, VendorRefund
from nexusone.modules.billing.service.payments_seen import SEEN_DISPUTE, SEEN_REFUND
from nexusone.modules.billing.store import payments, payments_refunds
from nexusone.modules.billing.store.payments import PaymentRow
from nexusone.modules.billing.store.payments_refunds import DisputeRow, NewRefundRow, RefundRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

TAKE_BACK_JOB = "billing.take_back_credits"
LOOKED_UP_EVERY = timedelta(hours=1)
FOLLOW_DISPUTE_JOB = "billing.follow_dispute"


async def settle_refunds(ctx: Context, tx: Transaction, payment: PaymentRow, seen: VendorPayment) -> None:
    """Takes in all refunds of a payment; those made at the vendor's own desk become known here. The payment is locked."""
    if not seen.refunds:
        return
    known = await payments_refunds.list_refunds(tx, workspace_id=payment.workspace_id, payment_id=payment.id)
    for refund in seen.refunds:
        row = _matching(known, refund)
        if row is None:
            row = await _made_elsewhere(ctx, tx, payment, refund)
            known.append(row)
        changed = await advance_refund(ctx, tx, payment, known, row, refund)
        known[known.index(row)] = changed


async def advance_refund(
    ctx: Context, tx: Transaction, payment: PaymentRow, known: list[RefundRow], row: RefundRow, seen: VendorRefund
) -> RefundRow:
    """One refund a step further, with what follows from it. `known` are all of the payment, which is locked."""
    reached = later(REFUND_ORDER, row.state, SEEN_REFUND[seen.state])
    if reached == row.state and row.vendor_id == seen.vendor_id:
        return row
    before = sum(other.amount_minor for other in known if other.id != row.id and other.state == "succeeded")
    due = row.credits_due_micros
    if reached == "succeeded" and row.state != "succeeded" and payment.credits_micros is not None:
        due = credits_of_refund(credits_micros=payment.credits_micros, paid=payment.amount_minor, before=before, amount=row.amount_minor)
    is_over = reached in ("succeeded", "failed")
    probe_at = None if is_over else ctx.now() + LOOKED_UP_EVERY
    await payments_refunds.update_refund(
        tx, row, state=reached, vendor_id=seen.vendor_id, credits_due=due, now=ctx.now(), probe_at=probe_at
    )
    changed = replace(row, state=reached, vendor_id=seen.vendor_id, credits_due_micros=due)
    if reached != row.state and is_over:
        refunded = before + (row.amount_minor if reached == "succeeded" else 0)
        await payments.set_refunded(tx, workspace_id=payment.workspace_id, payment_id=payment.id, refunded=refunded)
        await _announce_refund(tx, payment, changed)
    return changed


async def settle_disputes(ctx: Context, tx: Transaction, payment: PaymentRow, seen: VendorPayment) -> None:
    """Takes in all disputes over a payment, which is locked."""
    if not seen.disputes:
        return
    rows = await payments_refunds.list_disputes(tx, workspace_id=payment.workspace_id, payment_id=payment.id)
    known = {row.vendor_id: row for row in rows}
    for dispute in seen.disputes:
        await _settle_dispute(ctx, tx, payment, known.get(dispute.vendor_id), dispute)


async def _settle_dispute(ctx: Context, tx: Transaction, payment: PaymentRow, row: DisputeRow | None, seen: VendorDispute) -> None:
    state = SEEN_DISPUTE[seen.state]
    if row is None:
        row = DisputeRow(new_id(), payment.id, seen.vendor_id, "open", seen.amount, seen.reason[:200], None)
        await payments_refunds.insert_dispute(tx, row, workspace_id=payment.workspace_id, now=ctx.now())
        opened = DisputeOpened(
            dispute_id=row.id, payment_id=payment.id, amount_minor=seen.amount, currency=payment.currency, reason=row.reason
        )
        await publish(tx, opened)
        await _follow(tx, row.id)
    reached = later(DISPUTE_ORDER, row.state, state)
    if reached == row.state:
        return
    await payments_refunds.update_dispute(tx, workspace_id=payment.workspace_id, dispute_id=row.id, state=reached, now=ctx.now())
    await publish(tx, DisputeClosed(dispute_id=row.id, payment_id=payment.id, state=reached))
    await _follow(tx, row.id)


async def _follow(tx: Transaction, dispute_id: UUID) -> None:
    await enqueue_named(tx, [(FOLLOW_DISPUTE_JOB, DisputeWork(dispute_id=dispute_id))])


def _matching(known: list[RefundRow], seen: VendorRefund) -> RefundRow | None:
    ours = read_reference(seen.reference)
    for row in known:
        if row.vendor_id == seen.vendor_id or (ours is not None and row.id == ours[1]):
            return row
    return None


async def _made_elsewhere(ctx: Context, tx: Transaction, payment: PaymentRow, seen: VendorRefund) -> RefundRow:
    row = RefundRow(payment.workspace_id, new_id(), payment.id, None, "created", seen.amount, "", 0, None, ctx.now())
    wanted = NewRefundRow(
        workspace_id=row.workspace_id,
        id=row.id,
        payment_id=row.payment_id,
        vendor_id=None,
        state="created",
        amount=row.amount_minor,
        reason=row.reason,
        request_key=None,
        now=row.created_at,
        probe_at=None,
    )
    await payments_refunds.insert_refund(tx, wanted)
    return row


async def _announce_refund(tx: Transaction, payment: PaymentRow, row: RefundRow) -> None:
    if row.state == "failed":
        await publish(tx, RefundFailed(refund_id=row.id, payment_id=payment.id))
        await _move_credits(tx, row)
        return
    told = RefundSucceeded(refund_id=row.id, payment_id=payment.id, currency=payment.currency, amount_minor=row.amount_minor)
    await publish(tx, told)
    await _move_credits(tx, row)


async def _move_credits(tx: Transaction, row: RefundRow) -> None:
    if row.credits_due_micros > 0:
        await enqueue_named(tx, [(TAKE_BACK_JOB, RefundWork(refund_id=row.id))])
