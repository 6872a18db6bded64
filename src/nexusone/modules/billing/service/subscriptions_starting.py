"""Subscribing."""

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.subscriptions import NewSubscription, Subscription
from nexusone.modules.billing.domain import subscriptions as rules
from nexusone.modules.billing.events.subscriptions import SubscriptionStarted
from nexusone.modules.billing.service import coupons
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.service.refusals_subscriptions import AlreadySubscribed, TrialNeedsPaymentMethod
from nexusone.modules.billing.service.subscriptions_billing import begin_period
from nexusone.modules.billing.service.subscriptions_offers import find_offer
from nexusone.modules.billing.service.subscriptions_steps import News, Taken, write
from nexusone.modules.billing.service.subscriptions_views import latest
from nexusone.modules.billing.store import payments_methods, subscriptions
from nexusone.modules.billing.store.plans import VersionRow
from nexusone.modules.identity import api as identity
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context


async def start(ctx: Context, *, wanted: NewSubscription) -> Subscription:
    """Subscribes: on trial where the plan has one and the workspace had none, else for good once the first invoice is paid.

    Raises:
        AlreadySubscribed: it has a subscription that is not over.
        PlanNotFound: the plan is not on offer, or has no such price.
        TrialNeedsPaymentMethod: no way to pay is saved.
        CouponUnusable: with the `reason`.
        BillingProfileMissing: there is something to bill, and nobody to bill it to.
    """
    await ctx.port(PlanCatalogue).be_written(ctx)
    zone = (await identity.get_workspace(ctx)).timezone

    async def work(tx: Transaction) -> Subscription:
        if await subscriptions.lock_living(tx, workspace_id=ctx.workspace) is not None:
            raise AlreadySubscribed
        taken = await _begun(ctx, tx, wanted, zone=zone)
        news = () if taken.after.state == "incomplete" else (News(SubscriptionStarted),)
        await write(ctx, tx, taken, *news)
        answer = await latest(ctx, tx)
        await conclude(tx, answer)
        return answer

    return await ctx.atomically("billing", work)


async def _begun(ctx: Context, tx: Transaction, wanted: NewSubscription, *, zone: str) -> Taken:
    offer = await find_offer(ctx, tx, plan=wanted.plan, every=wanted.every, quantity=wanted.quantity)
    coupon = None
    if wanted.coupon is not None:
        coupon = await coupons.redeem(ctx, tx, code=wanted.coupon, plan_code=wanted.plan, currency=offer.terms.currency)
    trial_days = await _trial_days(ctx, tx, offer.version) if wanted.is_trial else 0
    after = rules.start(terms=offer.terms, at=ctx.now(), zone=zone, trial_days=trial_days, coupon=coupon)
    code = wanted.coupon.upper() if wanted.coupon is not None else None
    begun = await begin_period(ctx, tx, after, coupon_code=code)
    return Taken(
        step="start",
        id=new_id(),
        before=None,
        after=after,
        coupon_code=code,
        billed_amount=after.price,
        lines=begun.lines,
        # Credits come with the payment.
        allowance_micros=0 if after.state == "incomplete" else begun.allowance_micros,
    )


async def _trial_days(ctx: Context, tx: Transaction, version: VersionRow) -> int:
    if version.trial_days == 0 or await subscriptions.had_trial(tx, workspace_id=ctx.workspace):
        return 0
    if version.trial_needs_payment_method and await payments_methods.find_default(tx, workspace_id=ctx.workspace) is None:
        raise TrialNeedsPaymentMethod
    return version.trial_days
