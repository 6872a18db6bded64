"""GraphQL door of payments."""

from uuid import UUID

import strawberry

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.billing.contracts.payments import Payment
from nexusone.modules.billing.service import payments
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="Payment", description="A payment; amounts are minor units, as texts because they can exceed GraphQL's integers.")
class PaymentType:
    """The fields of the REST resource."""

    id: UUID
    gateway: str
    purpose: str
    state: str
    amount: str
    refunded: str
    currency: str
    credits: str | None
    invoice_id: UUID | None
    failure: str | None
    created_at: str
    captured_at: str | None


@strawberry.type(name="PaymentPage", description="A page of payments, newest first.")
class PaymentPageType:
    """`next_cursor` is null on the last page."""

    items: list[PaymentType]
    next_cursor: str | None


async def _list(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> PaymentPageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.payments", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await payments.list_payments(ctx, request=paging.request)
    return PaymentPageType(items=[_payment(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _one(info: GraphqlInfo, id: UUID) -> PaymentType:  # noqa: A002 - the argument's name on the wire
    return _payment(await payments.get_payment(info.context.ctx, payment_id=id))


def _payment(found: Payment) -> PaymentType:
    return PaymentType(
        id=found.id,
        gateway=found.gateway,
        purpose=found.purpose,
        state=found.state,
        amount=str(found.amount.amount),
        refunded=str(found.refunded.amount),
        currency=found.amount.currency,
        credits=found.credits,
        invoice_id=found.invoice_id,
        failure=found.failure,
        created_at=found.created_at.isoformat(),
        captured_at=found.captured_at.isoformat() if found.captured_at else None,
    )


@strawberry.type
class PaymentsQuery:
    """Payments' fields of the Query type."""

    payments: PaymentPageType = strawberry.field(
        resolver=_list, description="Payments, newest first.", permission_classes=needs("payments:read")
    )
    payment: PaymentType = strawberry.field(resolver=_one, description="One payment.", permission_classes=needs("payments:read"))
