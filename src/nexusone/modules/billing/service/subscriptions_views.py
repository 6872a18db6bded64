"""Subscriptions in the words of the API."""

from nexusone.kernel.money import Money, credits_to_text
from nexusone.modules.billing.contracts.subscriptions import Subscription, SubscriptionPreview, SubscriptionStep, SubscriptionTerms
from nexusone.modules.billing.domain.subscriptions import OVER, UNPAID_FOR, Terms
from nexusone.modules.billing.domain.subscriptions_changes import Quote
from nexusone.modules.billing.service.plan_views import name_of
from nexusone.modules.billing.service.refusals_subscriptions import SubscriptionNotFound
from nexusone.modules.billing.service.subscriptions_billing import plan_facts
from nexusone.modules.billing.store import dunning, subscriptions, subscriptions_steps
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.modules.billing.store.subscriptions_steps import StepRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def latest(ctx: Context, tx: Transaction) -> Subscription:
    """The workspace's subscription, or the last one it had. Raises: SubscriptionNotFound."""
    row = await subscriptions.find_latest(tx, workspace_id=ctx.workspace)
    if row is None:
        raise SubscriptionNotFound
    return await shown(ctx, tx, row)


async def shown(ctx: Context, tx: Transaction, row: SubscriptionRow) -> Subscription:
    """A subscription as it stands."""
    known = row.standing()
    waiting = await dunning.list_open(tx, workspace_id=ctx.workspace, subscription_id=row.id)
    is_unpaid = row.state == "incomplete"
    invoice = await subscriptions_steps.find_first_invoice(tx, workspace_id=ctx.workspace, subscription_id=row.id) if is_unpaid else None
    return Subscription(
        id=row.id,
        state=row.state,
        terms=await shown_terms(ctx, tx, known.terms),
        period_start=row.period_starts_at,
        period_end=row.period_ends_at,
        period_price=Money(amount=known.price, currency=row.currency),
        renewal_price=Money(amount=0 if row.state in OVER else known.renewal_price, currency=row.currency),
        coupon=row.coupon_code,
        next=await shown_terms(ctx, tx, known.next_terms) if known.next_terms else None,
        ending=row.ending,
        retry_at=waiting[0].next_at if waiting else None,
        invoice_id=invoice,
        pay_until=row.created_at + UNPAID_FOR if is_unpaid else None,
        created_at=row.created_at,
        ended_at=row.over_at,
    )


async def shown_terms(ctx: Context, tx: Transaction, terms: Terms) -> SubscriptionTerms:
    """What is subscribed to."""
    facts = await plan_facts(tx, terms)
    return SubscriptionTerms(
        plan=facts.version.plan_code,
        plan_name=name_of(facts.names, ctx.locale),
        plan_version=facts.version.number,
        every=terms.interval,
        quantity=terms.quantity,
        unit_price=Money(amount=terms.unit_amount, currency=terms.currency),
        price=Money(amount=terms.amount, currency=terms.currency),
    )


async def shown_quote(ctx: Context, tx: Transaction, quote: Quote, *, usage: int, allowance_micros: int) -> SubscriptionPreview:
    """What a change would bill."""
    terms = quote.after.next_terms or quote.after.terms
    currency = terms.currency
    return SubscriptionPreview(
        when=quote.when,
        at=ctx.now(),
        terms=await shown_terms(ctx, tx, terms),
        credit=Money(amount=quote.proration.credit, currency=currency),
        charge=Money(amount=quote.proration.charge, currency=currency),
        usage=Money(amount=usage, currency=currency),
        due_now=Money(amount=quote.proration.net + usage, currency=currency),
        credits=credits_to_text(allowance_micros),
        renews_at=quote.after.period.ends_at,
        renewal_price=Money(amount=quote.after.renewal_price, currency=currency),
    )


def shown_step(row: StepRow) -> SubscriptionStep:
    """Something that happened."""
    return SubscriptionStep(
        id=row.id,
        subscription_id=row.subscription_id,
        time=row.created_at,
        step=row.step,
        state=row.state,
        plan=row.plan_code,
        every=row.every,
        quantity=row.quantity,
        billed=Money(amount=row.net_amount, currency=row.currency),
        invoice_id=row.invoice_id,
        period_start=row.period_starts_at,
        period_end=row.period_ends_at,
    )
