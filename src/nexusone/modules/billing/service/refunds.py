"""Giving money back: never more than came in, whoever asks at once; with it go the credits it bought, as far as unspent."""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import Money
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.contracts.payments import NewRefund, Refund
from nexusone.modules.billing.domain.payments import RefundState, reference_of
from nexusone.modules.billing.events.payments import RefundBegun
from nexusone.modules.billing.ports import RefundRequest, VendorRefund
from nexusone.modules.billing.service.payment_gateways import chosen
from nexusone.modules.billing.service.payment_views import refund_view
from nexusone.modules.billing.service.payments_reversals import advance_refund
from nexusone.modules.billing.service.payments_settling import settle, trace_of
from nexusone.modules.billing.service.purchases import key_of_request
from nexusone.modules.billing.service.refusals_payments import NotRefundable, PaymentNotFound, RefundExceedsPayment, RefundRefused
from nexusone.modules.billing.store import payments, payments_refunds
from nexusone.modules.billing.store.payments import DueRow, PaymentRow
from nexusone.modules.billing.store.payments_refunds import NewRefundRow, RefundRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

PROBE_AFTER = timedelta(seconds=60)
DUE_MAX = 500


async def refund(ctx: Context, *, payment_id: UUID, wanted: NewRefund) -> Refund:
    """Gives back a part of a payment or all that is left. `unknown` in the answer: the vendor is being asked.

    Raises:
        PaymentNotFound, NotRefundable, RefundExceedsPayment: nothing was begun.
        RefundRefused: the vendor said no.
    """

    async def begin(tx: Transaction) -> tuple[PaymentRow, RefundRow]:
        payment = await payments.lock_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
        if payment is None:
            raise PaymentNotFound
        return payment, await _begun(ctx, tx, payment, wanted)

    payment, begun = await ctx.atomically("billing", begin)
    failure = await pursue(ctx, payment=payment, refund_id=begun.id)

    async def work(tx: Transaction) -> Refund | None:
        row = await _row(ctx, tx, begun.id)
        if row.state == "failed":
            return None
        answer = refund_view(row, currency=payment.currency)
        await conclude(tx, answer)
        return answer

    answer = await ctx.atomically("billing", work)
    if answer is None:
        raise RefundRefused(reason=failure.code if failure else "vendor.rejected")
    return answer


async def probe_due_refunds(ctx: Context) -> None:
    """Looks up refunds of which nobody has told in time; takes the system context."""
    async with ctx.transaction("system") as tx:
        found = await payments_refunds.list_due(tx, now=ctx.now(), limit=DUE_MAX)
    for due in found:
        await _probe_apart(ctx.for_workspace(due.workspace_id), due)


async def _probe_apart(ctx: Context, due: DueRow) -> None:
    async with ctx.transaction("billing") as tx:
        row = await _row(ctx, tx, due.id)
        payment = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=row.payment_id)
    if payment is not None:
        await pursue(ctx, payment=payment, refund_id=due.id)


async def pursue(ctx: Context, *, payment: PaymentRow, refund_id: UUID) -> DefiniteFailure | None:
    """Brings a refund as far as it can be brought now: looked up first, then asked for under the same reference."""
    _, gateway = chosen(ctx, name=payment.gateway)
    try:
        seen = await gateway.find_payment(trace_of(payment))
        if seen is not None:
            await settle(ctx, payment_id=payment.id, seen=seen)
        async with ctx.transaction("billing") as tx:
            row = await _row(ctx, tx, refund_id)
        if row.state not in ("created", "unknown"):
            return None
        request = RefundRequest(
            reference=reference_of(row.workspace_id, row.id),
            capture_id=payment.capture_id or "",
            amount=Money(amount=row.amount_minor, currency=payment.currency),
        )
        made = await gateway.refund(request)
    except UnknownOutcome:
        await _postponed(ctx, payment, refund_id, is_unknown=True)
        return None
    except DefiniteFailure as failure:
        if failure.is_retryable:
            await _postponed(ctx, payment, refund_id, is_unknown=False)
            return None
        await _advance(ctx, payment, refund_id, VendorRefund("", None, 0, "failed"))
        return failure
    await _advance(ctx, payment, refund_id, made)
    return None


async def _begun(ctx: Context, tx: Transaction, payment: PaymentRow, wanted: NewRefund) -> RefundRow:
    key = key_of_request(ctx)
    if key is not None:
        known = await payments_refunds.find_by_request(tx, workspace_id=ctx.workspace, request_key=key)
        if known is not None:
            return known
    if payment.state != "captured" or payment.capture_id is None:
        raise NotRefundable
    others = await payments_refunds.list_refunds(tx, workspace_id=ctx.workspace, payment_id=payment.id)
    left = payment.amount_minor - sum(other.amount_minor for other in others if other.state != "failed")
    amount = wanted.amount if wanted.amount is not None else left
    if amount <= 0 or amount > left:
        raise RefundExceedsPayment(left=left)
    intent = NewRefundRow(
        workspace_id=ctx.workspace,
        id=new_id(),
        payment_id=payment.id,
        vendor_id=None,
        state="created",
        amount=amount,
        reason=wanted.reason,
        request_key=key,
        now=ctx.now(),
        probe_at=ctx.now() + PROBE_AFTER,
    )
    await payments_refunds.insert_refund(tx, intent)
    await publish(tx, RefundBegun(refund_id=intent.id, payment_id=payment.id, currency=payment.currency, amount_minor=amount))
    return await _row(ctx, tx, intent.id)


async def _postponed(ctx: Context, payment: PaymentRow, refund_id: UUID, *, is_unknown: bool) -> None:
    async with ctx.transaction("billing") as tx:
        await payments.lock_payment(tx, workspace_id=ctx.workspace, payment_id=payment.id)
        row = await _row(ctx, tx, refund_id)
        if row.state in ("created", "unknown"):
            reached: RefundState = "unknown" if is_unknown else row.state
            await payments_refunds.update_refund(
                tx, row, state=reached, vendor_id=None, credits_due=0, now=ctx.now(), probe_at=ctx.now() + PROBE_AFTER
            )


async def _advance(ctx: Context, payment: PaymentRow, refund_id: UUID, seen: VendorRefund) -> None:
    async def work(tx: Transaction) -> None:
        locked = await payments.lock_payment(tx, workspace_id=ctx.workspace, payment_id=payment.id)
        known = await payments_refunds.list_refunds(tx, workspace_id=ctx.workspace, payment_id=payment.id)
        row = next(one for one in known if one.id == refund_id)
        if locked is not None:
            await advance_refund(ctx, tx, locked, known, row, seen)

    await ctx.atomically("billing", work)


async def _row(ctx: Context, tx: Transaction, refund_id: UUID) -> RefundRow:
    row = await payments_refunds.find_refund(tx, workspace_id=ctx.workspace, refund_id=refund_id)
    if row is None:
        raise LookupError("a refund that was written is not there")
    return row
