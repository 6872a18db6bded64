"""GraphQL door of the workspace's subscription."""

from datetime import datetime
from uuid import UUID

import strawberry

from nexusone.kernel.money import Money
from nexusone.modules.billing.contracts.subscriptions import SubscriptionTerms
from nexusone.modules.billing.service import subscriptions
from nexusone.modules.billing.service.refusals_subscriptions import SubscriptionNotFound
from nexusone.web.graphql import GraphqlInfo, needs


@strawberry.type(name="SubscriptionAmount", description="An amount in minor units of its currency, as text.")
class SubscriptionAmountType:
    """19.99 EUR is `amount` "1999"."""

    amount: str
    currency: str


@strawberry.type(name="SubscriptionTerms", description="A plan with its price before taxes, for each piece and for all.")
class SubscriptionTermsType:
    """The fields of the REST resource."""

    plan: str
    plan_name: str
    plan_version: int
    every: str
    quantity: int
    unit_price: SubscriptionAmountType
    price: SubscriptionAmountType


@strawberry.type(name="Subscription", description="The workspace's subscription; amounts are before taxes.")
class SubscriptionType:
    """The fields of the REST resource."""

    id: UUID
    state: str
    terms: SubscriptionTermsType
    period_start: datetime
    period_end: datetime
    period_price: SubscriptionAmountType
    renewal_price: SubscriptionAmountType
    coupon: str | None
    next: SubscriptionTermsType | None
    ending: str | None
    retry_at: datetime | None
    invoice_id: UUID | None
    pay_until: datetime | None
    created_at: datetime
    ended_at: datetime | None


async def _subscription(info: GraphqlInfo) -> SubscriptionType | None:
    try:
        found = await subscriptions.get_subscription(info.context.ctx)
    except SubscriptionNotFound:
        return None
    return SubscriptionType(
        id=found.id,
        state=found.state,
        terms=_terms(found.terms),
        period_start=found.period_start,
        period_end=found.period_end,
        period_price=_amount(found.period_price),
        renewal_price=_amount(found.renewal_price),
        coupon=found.coupon,
        next=_terms(found.next) if found.next else None,
        ending=found.ending,
        retry_at=found.retry_at,
        invoice_id=found.invoice_id,
        pay_until=found.pay_until,
        created_at=found.created_at,
        ended_at=found.ended_at,
    )


def _terms(terms: SubscriptionTerms) -> SubscriptionTermsType:
    return SubscriptionTermsType(
        plan=terms.plan,
        plan_name=terms.plan_name,
        plan_version=terms.plan_version,
        every=terms.every,
        quantity=terms.quantity,
        unit_price=_amount(terms.unit_price),
        price=_amount(terms.price),
    )


def _amount(money: Money) -> SubscriptionAmountType:
    return SubscriptionAmountType(amount=str(money.amount), currency=money.currency)


@strawberry.type
class SubscriptionsQuery:
    """The field of the Query type about the subscription."""

    subscription: SubscriptionType | None = strawberry.field(
        resolver=_subscription,
        description="What the workspace subscribes to, or last did; null where it never did.",
        permission_classes=needs("subscriptions:read"),
    )
