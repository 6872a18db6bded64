"""Rows of one company in the tables of payments."""

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.ports import SavedMethod
from nexusone.modules.billing.store import payments, payments_methods, payments_refunds
from nexusone.modules.billing.store.payments import NewPayment
from nexusone.modules.billing.store.payments_refunds import DisputeRow, NewRefundRow
from nexusone.platform.runtime import Context


async def fill_payments(ctx: Context) -> dict[str, str]:
    """A payment with a refund and a dispute, a payer and a saved way to pay; values for the parameters of paths."""
    workspace_id, payment_id, now = ctx.workspace, new_id(), ctx.now()
    async with ctx.transaction("billing") as tx:
        await payments_methods.insert_customer(tx, workspace_id=workspace_id, gateway="nobody", customer=new_id().hex, now=now)
        saved = SavedMethod(vendor_id=new_id().hex, kind="card", label="card")
        method = await payments_methods.upsert_method(tx, saved, workspace_id=workspace_id, gateway="nobody", now=now)
        wanted = NewPayment(
            workspace_id=workspace_id,
            id=payment_id,
            gateway="nobody",
            purpose="purchase",
            flow="checkout",
            amount=100,
            currency="EUR",
            net=100,
            credits=1,
            invoice_id=None,
            method_id=None,
            customer="",
            description="credits",
            request_key=None,
            now=now,
            probe_at=now,
        )
        await payments.insert_payment(tx, wanted)
        refund = NewRefundRow(
            workspace_id=workspace_id,
            id=new_id(),
            payment_id=payment_id,
            vendor_id="r",
            state="succeeded",
            amount=1,
            reason="",
            request_key=None,
            now=now,
            probe_at=None,
        )
        await payments_refunds.insert_refund(tx, refund)
        dispute = DisputeRow(new_id(), payment_id, "d", "open", 100, "fraud", None)
        await payments_refunds.insert_dispute(tx, dispute, workspace_id=workspace_id, now=now)
    return {"payment_id": str(payment_id), "method_id": str(method.id)}
