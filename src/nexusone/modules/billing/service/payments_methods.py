"""Saved ways to pay: the vendor keeps them, we know their names."""

from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.contracts.payments import NewPaymentMethod, PaymentMethod, PaymentMethodSetup
from nexusone.modules.billing.domain.payments import reference_of
from nexusone.modules.billing.events.payments import DefaultMethodChosen, PaymentMethodRemoved, PaymentMethodSaved, PaymentMethodSetupBegun
from nexusone.modules.billing.ports import CheckoutRequest
from nexusone.modules.billing.service.payment_gateways import chosen, refuse_tests
from nexusone.modules.billing.service.payment_views import method_view
from nexusone.modules.billing.service.purchases import check_return, introduced, refused
from nexusone.modules.billing.service.refusals_payments import CheckoutUnavailable, PaymentMethodNotFound
from nexusone.modules.billing.store import payments, payments_methods
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

METHODS_MAX = 100


async def list_methods(ctx: Context) -> list[PaymentMethod]:
    """The saved ways to pay, newest first; at most a hundred."""
    async with ctx.transaction("billing") as tx:
        rows = await payments_methods.list_methods(tx, workspace_id=ctx.workspace, limit=METHODS_MAX)
    return [method_view(row) for row in rows]


async def set_up(ctx: Context, *, wanted: NewPaymentMethod) -> PaymentMethodSetup:
    """Opens the vendor's page on which a person saves a way to pay.

    Raises:
        GatewayUnknown, ReturnAddressRefused, CheckoutRefused, CheckoutUnavailable: no page was opened.
    """
    refuse_tests(ctx)
    check_return(wanted.return_url, wanted.cancel_url)
    gateway, vendor = chosen(ctx, name=wanted.gateway)
    request = CheckoutRequest(
        reference=reference_of(ctx.workspace, new_id()),
        customer=await introduced(ctx, gateway=gateway),
        amount=None,
        description="",
        return_url=wanted.return_url,
        cancel_url=wanted.cancel_url or wanted.return_url,
        saves_method=True,
        locale=ctx.locale,
    )
    try:
        page = await vendor.start_checkout(request)
    except UnknownOutcome as error:
        raise CheckoutUnavailable(headers={"Retry-After": "5"}) from error
    except DefiniteFailure as failure:
        raise refused(failure) from failure
    answer = PaymentMethodSetup(setup_url=page.url)
    async with ctx.transaction("billing") as tx:
        await publish(tx, PaymentMethodSetupBegun(gateway=gateway))
        await conclude(tx, answer)
    return answer


async def remove(ctx: Context, *, method_id: UUID) -> None:
    """Has the vendor forget a way to pay. Raises: PaymentMethodNotFound, CheckoutUnavailable."""
    async with ctx.transaction("billing") as tx:
        row = await payments_methods.find_method(tx, workspace_id=ctx.workspace, method_id=method_id)
    if row is None:
        raise PaymentMethodNotFound
    _, vendor = chosen(ctx, name=row.gateway)
    try:
        await vendor.remove_method(method=row.vendor_id)
    except (UnknownOutcome, DefiniteFailure) as error:
        raise CheckoutUnavailable(headers={"Retry-After": "5"}) from error
    async with ctx.transaction("billing") as tx:
        if await payments_methods.remove_method(tx, workspace_id=ctx.workspace, method_id=method_id, now=ctx.now()):
            await publish(tx, PaymentMethodRemoved(method_id=method_id))


async def make_default(ctx: Context, *, method_id: UUID) -> PaymentMethod:
    """Charges that one from now on. Raises: PaymentMethodNotFound."""
    async with ctx.transaction("billing") as tx:
        if not await payments_methods.set_default(tx, workspace_id=ctx.workspace, method_id=method_id):
            raise PaymentMethodNotFound
        await publish(tx, DefaultMethodChosen(method_id=method_id))
        row = await payments_methods.find_method(tx, workspace_id=ctx.workspace, method_id=method_id)
    if row is None:
        raise PaymentMethodNotFound
    return method_view(row)


async def sync_after(ctx: Context, *, payment_id: UUID) -> None:
    """Looks which ways to pay the vendor keeps after a payment."""
    async with ctx.transaction("billing") as tx:
        row = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
    if row is not None and row.customer:
        await sync(ctx, gateway=row.gateway, customer=row.customer)


async def sync(ctx: Context, *, gateway: str, customer: str) -> None:
    """Takes in which ways to pay the vendor keeps for the workspace. Raises: DefiniteFailure, UnknownOutcome."""
    _, vendor = chosen(ctx, name=gateway)
    found = await vendor.list_methods(customer=customer)
    async with ctx.transaction("billing") as tx:
        for method in reversed(found):
            written = await payments_methods.upsert_method(tx, method, workspace_id=ctx.workspace, gateway=gateway, now=ctx.now())
            if written.is_new:
                await publish(tx, PaymentMethodSaved(method_id=written.id, gateway=gateway, kind=method.kind))
        kept = [method.vendor_id for method in found]
        await payments_methods.remove_others(tx, workspace_id=ctx.workspace, gateway=gateway, kept=kept, now=ctx.now())
