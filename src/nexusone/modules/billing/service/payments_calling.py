"""Calling the vendor about one payment: intent first, then the call, then what came of it.

A payment that was called about before is looked up before it is called about again, and always under the same reference,
which is the vendor's idempotency key: whatever breaks in between, money moves once.
"""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.money import Money
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.domain.payments import ENDED, reference_of
from nexusone.modules.billing.ports import ChargeRequest, PaymentGateway, VendorPayment
from nexusone.modules.billing.service.payment_gateways import chosen
from nexusone.modules.billing.service.payments_settling import fail, leave_unknown, settle, trace_of
from nexusone.modules.billing.store import payments, payments_methods
from nexusone.modules.billing.store.payments import DueRow, PaymentRow
from nexusone.platform.runtime import Context

# Long enough for a call to end by itself, so that nobody looks for what is still under way.
FIRST_PROBE_AFTER = timedelta(seconds=60)
PROBE_AFTER_MAX = timedelta(hours=1)
# Vendors forget idempotency keys after a day; later a repetition could be a second payment.
REPEATABLE_FOR = timedelta(hours=20)
PAGE_LASTS = timedelta(days=3)
DUE_MAX = 500
PAYER_SAID_NO = "payment."


async def probe_due_payments(ctx: Context) -> None:
    """Looks up, in every workspace, what nobody has told of in time; takes the system context."""
    async with ctx.transaction("system") as tx:
        found = await payments.list_due(tx, now=ctx.now(), limit=DUE_MAX)
    for due in found:
        await _probe_apart(ctx, due)


async def _probe_apart(ctx: Context, due: DueRow) -> None:
    inside = ctx.for_workspace(due.workspace_id)
    try:
        await pursue(inside, payment_id=due.id)
    except DefiniteFailure:
        # One vendor that is down holds up nobody else; its payments stay due.
        return


async def pursue(ctx: Context, *, payment_id: UUID) -> PaymentRow:
    """Brings a payment as far as it can be brought now.

    Raises:
        DefiniteFailure: the vendor did not do it, and may do it later; the payment stays open.
    """
    async with ctx.transaction("billing") as tx:
        probe_at = ctx.now() + FIRST_PROBE_AFTER
        row = await payments.begin_attempt(tx, workspace_id=ctx.workspace, payment_id=payment_id, now=ctx.now(), probe_at=probe_at)
        known = row or await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
    if known is None:
        raise LookupError("a payment that is not there")
    if row is None:
        return known
    _, gateway = chosen(ctx, name=row.gateway)
    if (row.attempts > 1 or row.subject is not None) and (seen := await _look_up(ctx, gateway, row)) is not None:
        return await take_in(ctx, gateway, row, seen)
    if row.flow == "checkout":
        return await _give_up_page(ctx, row)
    return await _charge(ctx, gateway, row)


async def take_in(ctx: Context, gateway: PaymentGateway, row: PaymentRow, seen: VendorPayment) -> PaymentRow:
    """Captures what a person has approved, and settles."""
    if seen.state == "approved" and row.state not in ENDED:
        await settle(ctx, payment_id=row.id, seen=seen)
        try:
            seen = await gateway.complete(subject=seen.subject, reference=reference_of(row.workspace_id, row.id))
        except UnknownOutcome:
            return await leave_unknown(ctx, payment_id=row.id, probe_at=ctx.now() + FIRST_PROBE_AFTER)
        except DefiniteFailure as failure:
            if not failure.code.startswith(PAYER_SAID_NO):
                raise
            return await fail(ctx, payment_id=row.id, failure=failure.code.removeprefix(PAYER_SAID_NO))
    return await settle(ctx, payment_id=row.id, seen=seen)


async def _look_up(ctx: Context, gateway: PaymentGateway, row: PaymentRow) -> VendorPayment | None:
    try:
        return await gateway.find_payment(trace_of(row))
    except UnknownOutcome as error:
        # Asking changes nothing, so it can be asked again.
        raise DefiniteFailure(code="vendor.unavailable", detail=error.detail, is_retryable=True) from error


async def _give_up_page(ctx: Context, row: PaymentRow) -> PaymentRow:
    # Nobody has the address of a page whose opening was never answered; who asks again with the same key opens the same one.
    if row.created_at + REPEATABLE_FOR < ctx.now():
        return await fail(ctx, payment_id=row.id, failure="abandoned")
    return await leave_unknown(ctx, payment_id=row.id, probe_at=ctx.now() + PROBE_AFTER_MAX)


async def _charge(ctx: Context, gateway: PaymentGateway, row: PaymentRow) -> PaymentRow:
    if row.created_at + REPEATABLE_FOR < ctx.now():
        return await fail(ctx, payment_id=row.id, failure="abandoned")
    request = await _request(ctx, row)
    if request is None:
        return await fail(ctx, payment_id=row.id, failure="method_gone")
    try:
        seen = await gateway.charge(request)
    except UnknownOutcome:
        after = min(FIRST_PROBE_AFTER * row.attempts, PROBE_AFTER_MAX)
        return await leave_unknown(ctx, payment_id=row.id, probe_at=ctx.now() + after)
    except DefiniteFailure as failure:
        if failure.is_retryable:
            raise
        kind = failure.code.removeprefix(PAYER_SAID_NO) if failure.code.startswith(PAYER_SAID_NO) else "other"
        return await fail(ctx, payment_id=row.id, failure=kind)
    return await settle(ctx, payment_id=row.id, seen=seen)


async def _request(ctx: Context, row: PaymentRow) -> ChargeRequest | None:
    if row.method_id is None:
        return None
    async with ctx.transaction("billing") as tx:
        method = await payments_methods.find_any_method(tx, workspace_id=ctx.workspace, method_id=row.method_id)
    if method is None:
        return None
    return ChargeRequest(
        reference=reference_of(row.workspace_id, row.id),
        customer=row.customer,
        method=method.vendor_id,
        amount=Money(amount=row.amount_minor, currency=row.currency),
        description=row.description,
    )
