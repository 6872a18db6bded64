"""Charging saved methods with nobody present: what invoices charge, and credits that are bought by themselves."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.domain.payments import ENDED
from nexusone.modules.billing.events.payments import PaymentBegun
from nexusone.modules.billing.service import invoicing
from nexusone.modules.billing.service.payment_gateways import customer_at
from nexusone.modules.billing.service.payments_calling import FIRST_PROBE_AFTER, pursue
from nexusone.modules.billing.store import invoices, payments, payments_methods
from nexusone.modules.billing.store.payments import NewPayment, PaymentRow
from nexusone.modules.billing.store.payments_methods import MethodRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be charged: minor units of `currency`, `net` of it before tax."""

    purpose: Literal["invoice", "topup"]
    amount: int
    net: int
    currency: str
    description: str
    invoice_id: UUID | None = None
    credits_micros: int | None = None
    request_key: str | None = None


async def collect(ctx: Context, *, invoice_id: UUID) -> None:
    """Charges an open invoice to the saved default method; one that is paid, or being paid, is left alone.

    Raises:
        DefiniteFailure: the vendor cannot be reached; try again later.
    """
    method = await default_method(ctx)
    customer = None if method is None else await customer_at(ctx, gateway=method.gateway)

    async def work(tx: Transaction) -> PaymentRow | None:
        state = await invoices.lock_state(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
        if state is None or state.state != "open" or state.total_minor <= 0:
            return None
        under_way = await payments.find_of_invoice(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
        if under_way is not None:
            return under_way
        if method is None or customer is None:
            await invoicing.mark_failed(ctx, tx, invoice_id=invoice_id, reason="no_payment_method")
            return None
        owed = Owed("invoice", state.total_minor, state.total_minor, state.currency, f"Invoice {invoice_id}", invoice_id=invoice_id)
        return await _begin(ctx, tx, method, customer, owed)

    begun = await ctx.atomically("billing", work)
    if begun is not None and begun.state not in ENDED:
        await pursue(ctx, payment_id=begun.id)


async def charge_default(ctx: Context, *, owed: Owed) -> PaymentRow | None:
    """Charges the saved default method once per `request_key`; None where there is none. Raises: DefiniteFailure."""
    method = await default_method(ctx)
    if method is None:
        return None
    customer = await customer_at(ctx, gateway=method.gateway)

    async def work(tx: Transaction) -> PaymentRow:
        return await _begin(ctx, tx, method, customer, owed)

    begun = await ctx.atomically("billing", work)
    return begun if begun.state in ENDED else await pursue(ctx, payment_id=begun.id)


async def default_method(ctx: Context) -> MethodRow | None:
    """What is charged with nobody present."""
    async with ctx.transaction("billing") as tx:
        return await payments_methods.find_default(tx, workspace_id=ctx.workspace)


async def _begin(ctx: Context, tx: Transaction, method: MethodRow, customer: str, owed: Owed) -> PaymentRow:
    wanted = NewPayment(
        workspace_id=ctx.workspace,
        id=new_id(),
        gateway=method.gateway,
        purpose=owed.purpose,
        flow="charge",
        amount=owed.amount,
        currency=owed.currency,
        net=owed.net,
        credits=owed.credits_micros,
        invoice_id=owed.invoice_id,
        method_id=method.id,
        customer=customer,
        description=owed.description,
        request_key=owed.request_key,
        now=ctx.now(),
        probe_at=ctx.now() + FIRST_PROBE_AFTER,
    )
    if await payments.insert_payment(tx, wanted):
        begun = PaymentBegun(
            payment_id=wanted.id, purpose=owed.purpose, gateway=method.gateway, currency=owed.currency, amount_minor=owed.amount
        )
        await publish(tx, begun)
    return await _there(tx, wanted)


async def _there(tx: Transaction, wanted: NewPayment) -> PaymentRow:
    found = await payments.find_payment(tx, workspace_id=wanted.workspace_id, payment_id=wanted.id)
    if found is None and wanted.request_key is not None:
        found = await payments.find_by_request(tx, workspace_id=wanted.workspace_id, request_key=wanted.request_key)
    if found is None and wanted.invoice_id is not None:
        found = await payments.find_of_invoice(tx, workspace_id=wanted.workspace_id, invoice_id=wanted.invoice_id)
    if found is None:
        raise LookupError("a payment that was written is not there")
    return found
