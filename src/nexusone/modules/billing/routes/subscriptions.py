"""REST door of the workspace's subscription."""

from typing import Annotated

from fastapi import Query

from nexusone.kernel.contract import Key
from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.plans import Interval
from nexusone.modules.billing.contracts.subscriptions import (
    NewSubscription,
    Pieces,
    Subscription,
    SubscriptionCancellation,
    SubscriptionChange,
    SubscriptionMoment,
    SubscriptionPause,
    SubscriptionPreview,
    SubscriptionStep,
)
from nexusone.modules.billing.service import subscriptions, subscriptions_changing, subscriptions_starting
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing, InvoiceSettled
from nexusone.modules.billing.service.refusals_plans import CouponUnusable, PlanNotFound
from nexusone.modules.billing.service.refusals_subscriptions import (
    AlreadySubscribed,
    ChangeOnlyAtPeriodEnd,
    NothingToChange,
    SubscriptionNotFound,
    SubscriptionStepRefused,
    TrialNeedsPaymentMethod,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("subscriptions")

CHANGE_REFUSALS = (SubscriptionNotFound, SubscriptionStepRefused, ChangeOnlyAtPeriodEnd, PlanNotFound)


@door.get("/subscription", permission="subscriptions:read", summary="See the subscription", refusals=(SubscriptionNotFound,))
async def get_subscription(ctx: Caller) -> Subscription:
    return await subscriptions.get_subscription(ctx)


@door.post(
    "/subscription",
    permission="subscriptions:write",
    key_use="required",
    status=201,
    summary="Subscribe to a plan",
    refusals=(AlreadySubscribed, PlanNotFound, TrialNeedsPaymentMethod, CouponUnusable, BillingProfileMissing),
)
async def start_subscription(ctx: Caller, body: NewSubscription) -> Subscription:
    return await subscriptions_starting.start(ctx, wanted=body)


@door.get(
    "/subscription/preview",
    permission="subscriptions:read",
    summary="See what a change would cost now",
    refusals=CHANGE_REFUSALS,
)
async def preview_change(
    ctx: Caller,
    plan: Annotated[Key | None, Query(description="Another plan.")] = None,
    every: Annotated[Interval | None, Query(description="Another interval.")] = None,
    quantity: Annotated[Pieces | None, Query(description="Another quantity.")] = None,
    when: Annotated[SubscriptionMoment | None, Query(description="Now or with the next period.")] = None,
) -> SubscriptionPreview:
    return await subscriptions_changing.preview(ctx, wanted=SubscriptionChange(plan=plan, every=every, quantity=quantity, when=when))


@door.post(
    "/subscription/change",
    permission="subscriptions:write",
    key_use="required",
    summary="Change plan, quantity or interval",
    refusals=(*CHANGE_REFUSALS, NothingToChange, BillingProfileMissing),
)
async def change_subscription(ctx: Caller, body: SubscriptionChange) -> Subscription:
    return await subscriptions_changing.change(ctx, wanted=body)


@door.post(
    "/subscription/pause",
    permission="subscriptions:write",
    key_use="required",
    summary="Let the subscription rest",
    refusals=(SubscriptionNotFound, SubscriptionStepRefused),
)
async def pause_subscription(ctx: Caller, body: SubscriptionPause) -> Subscription:
    return await subscriptions.pause(ctx, wanted=body)


@door.post(
    "/subscription/resume",
    permission="subscriptions:write",
    key_use="required",
    summary="Go on after a pause, or call a planned pause or end off",
    refusals=(SubscriptionNotFound, SubscriptionStepRefused, BillingProfileMissing),
)
async def resume_subscription(ctx: Caller) -> Subscription:
    return await subscriptions.resume(ctx)


@door.post(
    "/subscription/cancel",
    permission="subscriptions:write",
    key_use="required",
    summary="End the subscription, now or with the period",
    refusals=(SubscriptionNotFound, SubscriptionStepRefused, InvoiceSettled),
)
async def cancel_subscription(ctx: Caller, body: SubscriptionCancellation) -> Subscription:
    return await subscriptions.cancel(ctx, wanted=body)


@door.get("/subscription/history", permission="subscriptions:read", summary="List what happened to the subscription, newest first")
async def list_steps(ctx: Caller, pager: Pager) -> Page[SubscriptionStep]:
    return pager.page(await subscriptions.list_steps(ctx, request=pager.request))
