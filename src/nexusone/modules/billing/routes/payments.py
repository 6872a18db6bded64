"""REST door of payments: what was paid and given back, ways to pay, buying credits, and what vendors tell."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response

from nexusone.kernel.errors import PayloadTooLarge
from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.payments import (
    CreditPacks,
    NewPaymentMethod,
    NewPurchase,
    NewRefund,
    Payment,
    PaymentMethod,
    PaymentMethodSetup,
    Purchase,
    Refund,
    WebhookTaken,
)
from nexusone.modules.billing.service import payments, payments_methods, payments_webhooks, purchases, refunds
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing
from nexusone.modules.billing.service.refusals_payments import (
    CheckoutRefused,
    CheckoutUnavailable,
    GatewayUnknown,
    NotRefundable,
    PaymentMethodNotFound,
    PaymentNotFound,
    PaymentsNotForTests,
    PurchaseNotPriced,
    RefundExceedsPayment,
    RefundRefused,
    ReturnAddressRefused,
    WebhookEndpointNotFound,
    WebhookNotVerified,
)
from nexusone.modules.billing.settings import PaymentSettings
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.paging import Pager

# What a vendor tells is in its own words; the id and the kind of the event are in all of them.
NEWS = {"id": "evt_0198c0de", "type": "payment.succeeded", "data": {}}

door = Door("payments")

Currency = Annotated[str, Query(pattern=r"^[A-Z]{3}$", description="ISO 4217.")]


@door.get("/payments", permission="payments:read", summary="List payments, newest first")
async def list_payments(ctx: Caller, pager: Pager) -> Page[Payment]:
    return pager.page(await payments.list_payments(ctx, request=pager.request))


@door.get("/payments/{payment_id}", permission="payments:read", summary="One payment", refusals=(PaymentNotFound,))
async def get_payment(ctx: Caller, payment_id: UUID) -> Payment:
    return await payments.get_payment(ctx, payment_id=payment_id)


@door.get(
    "/payments/{payment_id}/refunds", permission="payments:read", summary="What was given back of a payment", refusals=(PaymentNotFound,)
)
async def list_refunds(ctx: Caller, payment_id: UUID) -> Page[Refund]:
    return Page(items=await payments.list_refunds(ctx, payment_id=payment_id), next_cursor=None)


@door.post(
    "/payments/{payment_id}/refunds",
    permission="payments:write",
    status=201,
    key_use="required",
    summary="Give money back",
    refusals=(PaymentNotFound, NotRefundable, RefundExceedsPayment, RefundRefused),
)
async def refund(ctx: Caller, payment_id: UUID, body: NewRefund) -> Refund:
    return await refunds.refund(ctx, payment_id=payment_id, wanted=body)


@door.get("/payment-methods", permission="payments:read", summary="List the saved ways to pay, newest first")
async def list_methods(ctx: Caller) -> Page[PaymentMethod]:
    return Page(items=await payments_methods.list_methods(ctx), next_cursor=None)


@door.post(
    "/payment-methods",
    permission="payments:write",
    status=201,
    summary="Save a way to pay on the vendor's page",
    refusals=(GatewayUnknown, ReturnAddressRefused, CheckoutRefused, CheckoutUnavailable, PaymentsNotForTests),
)
async def set_up_method(ctx: Caller, body: NewPaymentMethod) -> PaymentMethodSetup:
    return await payments_methods.set_up(ctx, wanted=body)


@door.post(
    "/payment-methods/{method_id}/make-default",
    permission="payments:write",
    summary="Charge invoices to this way to pay",
    refusals=(PaymentMethodNotFound,),
)
async def make_default(ctx: Caller, method_id: UUID) -> PaymentMethod:
    return await payments_methods.make_default(ctx, method_id=method_id)


@door.delete(
    "/payment-methods/{method_id}",
    permission="payments:write",
    status=204,
    summary="Remove a saved way to pay",
    refusals=(PaymentMethodNotFound, CheckoutUnavailable),
)
async def remove_method(ctx: Caller, method_id: UUID) -> Response:
    await payments_methods.remove(ctx, method_id=method_id)
    return Response(status_code=204)


@door.get("/credits/packs", permission="payments:read", summary="What credits cost, and who takes the money", refusals=(PurchaseNotPriced,))
async def list_packs(ctx: Caller, currency: Currency = "EUR") -> CreditPacks:
    return await purchases.list_packs(ctx, currency=currency)


@door.post(
    "/credits/purchases",
    permission="payments:write",
    status=201,
    key_use="required",
    summary="Buy credits on the vendor's page",
    refusals=(
        GatewayUnknown,
        PurchaseNotPriced,
        ReturnAddressRefused,
        BillingProfileMissing,
        CheckoutRefused,
        CheckoutUnavailable,
        PaymentsNotForTests,
    ),
)
async def purchase(ctx: Caller, body: NewPurchase) -> Purchase:
    return await purchases.purchase(ctx, wanted=body)


@door.post(
    "/webhooks/in/{endpoint}",
    permission=PUBLIC,
    cost=0,
    summary="Where payment vendors tell what happened",
    refusals=(WebhookEndpointNotFound, WebhookNotVerified, PayloadTooLarge, CheckoutUnavailable),
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "object", "examples": [NEWS]}}}}},
)
async def hear(ctx: Caller, request: Request, endpoint: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,30}$")]) -> WebhookTaken:
    limit = ctx.setting(PaymentSettings).webhook_bytes_max
    body = await request.body()
    if len(body) > limit:
        raise PayloadTooLarge(limit=limit)
    await payments_webhooks.receive(ctx, endpoint=endpoint, headers=dict(request.headers), body=body)
    return WebhookTaken()
