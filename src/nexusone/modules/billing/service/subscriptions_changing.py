"""Changing plan, quantity or interval, and asking first what it would cost."""

from dataclasses import replace

from nexusone.modules.billing.contracts.subscriptions import Subscription, SubscriptionChange, SubscriptionPreview
from nexusone.modules.billing.domain.periods import Period, whole_second
from nexusone.modules.billing.domain.subscriptions import StepRefused
from nexusone.modules.billing.domain.subscriptions_changes import NothingChanges, OnlyAtPeriodEnd, Quote, unchanged
from nexusone.modules.billing.domain.subscriptions_changes import quote as quote_of
from nexusone.modules.billing.events.subscriptions import SubscriptionChanged
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.service.refusals_subscriptions import (
    ChangeOnlyAtPeriodEnd,
    SubscriptionNotFound,
    SubscriptionStepRefused,
)
from nexusone.modules.billing.service.subscriptions import do
from nexusone.modules.billing.service.subscriptions_billing import allowance_of_change, lines_of_change, wording_for
from nexusone.modules.billing.service.subscriptions_offers import changed_terms
from nexusone.modules.billing.service.subscriptions_steps import News, going_on, write
from nexusone.modules.billing.service.subscriptions_views import shown_quote
from nexusone.modules.billing.service.usage_billing import foresee_usage
from nexusone.modules.billing.store import profiles, subscriptions
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def preview(ctx: Context, *, wanted: SubscriptionChange) -> SubscriptionPreview:
    """What a change would bill now; the change itself, made at the same second, bills exactly this.

    Raises:
        SubscriptionNotFound, SubscriptionStepRefused, ChangeOnlyAtPeriodEnd, PlanNotFound: as `change`.
    """
    await ctx.port(PlanCatalogue).be_written(ctx)
    async with ctx.transaction("billing") as tx:
        row = await subscriptions.find_latest(tx, workspace_id=ctx.workspace)
        if row is None or row.over_at is not None:
            raise SubscriptionNotFound
        try:
            found = await _quote(ctx, tx, row, wanted)
        except StepRefused as refused:
            raise SubscriptionStepRefused(state=refused.state, step=refused.step) from refused
        except NothingChanges:
            found = unchanged(row.standing())
        except OnlyAtPeriodEnd as refused:
            raise ChangeOnlyAtPeriodEnd from refused
        usage = await _usage(ctx, tx, row, found)
        return await shown_quote(ctx, tx, found, usage=usage, allowance_micros=await _allowance(ctx, tx, row, found))


async def change(ctx: Context, *, wanted: SubscriptionChange) -> Subscription:
    """Changes plan, quantity or interval: at once, billed by the second, or with the next period.

    Raises:
        SubscriptionNotFound: there is none.
        SubscriptionStepRefused: its state allows no change.
        NothingToChange: it is so already.
        ChangeOnlyAtPeriodEnd: it was to be now, and more would be given back than charged.
        PlanNotFound: the plan is not on offer, or has no such price.
    """
    await ctx.port(PlanCatalogue).be_written(ctx)

    async def deed(tx: Transaction, row: SubscriptionRow) -> None:
        found = await _quote(ctx, tx, row, wanted)
        if found.when == "period_end" or found.after.terms == row.standing().terms:
            await write(ctx, tx, going_on("plan_change", row, found.after), News(SubscriptionChanged, {"is_later": True}))
            return
        words = await wording_for(ctx, tx, zone=row.zone)
        taken = replace(
            going_on("change", row, found.after),
            billed_amount=found.after.price if found.is_new_period else row.billed_amount + found.proration.net,
            lines=await lines_of_change(tx, row.standing(), found, words, rest=_rest(ctx, row), coupon_code=row.coupon_code),
            allowance_micros=await _allowance(ctx, tx, row, found),
        )
        await write(ctx, tx, taken, News(SubscriptionChanged, {"is_later": False}))

    return await do(ctx, deed)


async def _quote(ctx: Context, tx: Transaction, row: SubscriptionRow, wanted: SubscriptionChange) -> Quote:
    known = row.standing()
    terms = await changed_terms(ctx, tx, known, wanted)
    return quote_of(known, terms=terms, when=wanted.when, billed=row.billed_amount, at=whole_second(ctx.now()))


async def _usage(ctx: Context, tx: Transaction, row: SubscriptionRow, found: Quote) -> int:
    if not found.is_new_period:
        return 0
    used = Period(row.period_starts_at, min(row.period_ends_at, found.after.period.starts_at))
    if await profiles.find_profile(tx, workspace_id=ctx.workspace) is None:
        return 0
    return sum(line.amount for line in await foresee_usage(ctx, tx, row, used=used, room=found.proration.net))


async def _allowance(ctx: Context, tx: Transaction, row: SubscriptionRow, found: Quote) -> int:
    if found.when == "period_end":
        return 0
    return await allowance_of_change(tx, row.standing(), found, rest=_rest(ctx, row))


def _rest(ctx: Context, row: SubscriptionRow) -> Period:
    return Period(max(whole_second(ctx.now()), row.period_starts_at), row.period_ends_at)
