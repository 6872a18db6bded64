"""Reading payments and their refunds."""

from uuid import UUID

from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.payments import Payment, Refund
from nexusone.modules.billing.service.payment_views import payment_view, refund_view
from nexusone.modules.billing.service.refusals_payments import PaymentNotFound
from nexusone.modules.billing.store import payments, payments_refunds
from nexusone.platform.runtime import Context

REFUNDS_MAX = 100


async def get_payment(ctx: Context, *, payment_id: UUID) -> Payment:
    """One payment. Raises: PaymentNotFound."""
    async with ctx.transaction("billing") as tx:
        row = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
    if row is None:
        raise PaymentNotFound
    return payment_view(row)


async def list_payments(ctx: Context, *, request: PageRequest) -> PageOf[Payment]:
    """Payments, newest first."""
    before = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("billing") as tx:
        rows = await payments.list_payments(tx, workspace_id=ctx.workspace, before=before, limit=request.limit + 1)
    shown = rows[: request.limit]
    next_after = (str(shown[-1].id),) if len(rows) > request.limit else None
    return PageOf(items=tuple(payment_view(row) for row in shown), next_after=next_after)


async def list_refunds(ctx: Context, *, payment_id: UUID) -> list[Refund]:
    """A payment's refunds, in the order in which they were begun. Raises: PaymentNotFound."""
    async with ctx.transaction("billing") as tx:
        row = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
        found = await payments_refunds.list_refunds(tx, workspace_id=ctx.workspace, payment_id=payment_id)
    if row is None:
        raise PaymentNotFound
    return [refund_view(refund, currency=row.currency) for refund in found[:REFUNDS_MAX]]
