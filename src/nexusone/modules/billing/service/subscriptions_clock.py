"""What the clock makes of subscriptions: each due step once and in order, however long nobody looked."""

from dataclasses import replace
from uuid import UUID

import structlog

from nexusone.kernel.errors import Refusal
from nexusone.modules.billing.contracts.subscriptions import SubscriptionWork
from nexusone.modules.billing.domain import subscriptions as rules
from nexusone.modules.billing.domain.subscriptions import Subscription
from nexusone.modules.billing.events.subscriptions import SubscriptionEnded, SubscriptionPaused, SubscriptionRenewed, TrialEnding
from nexusone.modules.billing.service import dunning as dunnings
from nexusone.modules.billing.service.refusals_invoices import InvoiceSettled
from nexusone.modules.billing.service.subscriptions_billing import allowance_of, begin_period, plan_facts
from nexusone.modules.billing.service.subscriptions_mails import order_mail
from nexusone.modules.billing.service.subscriptions_steps import News, going_on, write
from nexusone.modules.billing.service.usage_billing import foresee_usage
from nexusone.modules.billing.store import dunning, profiles, subscriptions
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

SUBSCRIPTIONS_MAX = 10_000
STEPS_MAX = 500
STEPS_JOB = "billing.take_steps_of_subscription"

_log = structlog.get_logger(__name__)


async def order_due_steps(ctx: Context) -> None:
    """Leaves a job for every subscription that is due, so that the trouble of one is not the others'; what is over the limit waits."""
    async with ctx.transaction("system") as tx:
        found = await subscriptions.list_due(tx, now=ctx.now(), limit=SUBSCRIPTIONS_MAX)
    for known in found:
        async with ctx.for_workspace(known.workspace_id).transaction("billing") as tx:
            await enqueue_named(tx, [(STEPS_JOB, SubscriptionWork(subscription_id=known.id))], key=str(known.id))


async def take_due_steps(ctx: Context, *, subscription_id: UUID) -> None:
    """Takes the steps of one subscription that are due. What is refused for good is told and asked again by the next run."""
    try:
        await catch_up(ctx, subscription_id=subscription_id)
    except Refusal as refused:
        if refused.status >= 500:
            raise
        _log.error("subscription.step_refused", subscription_id=str(subscription_id), reason=str(refused))


async def catch_up(ctx: Context, *, subscription_id: UUID) -> None:
    """The same, each step in its own transaction; what is locked by somebody is left to them."""
    for _ in range(STEPS_MAX):
        if not await ctx.atomically("billing", lambda tx: _take_next(ctx, tx, subscription_id)):
            return


async def _take_next(ctx: Context, tx: Transaction, subscription_id: UUID) -> bool:
    row = await subscriptions.lock_free(tx, workspace_id=ctx.workspace, subscription_id=subscription_id)
    if row is None:
        return False
    waiting = await dunning.list_open(tx, workspace_id=ctx.workspace, subscription_id=row.id)
    following = rules.due(row.standing(), retry_at=waiting[0].next_at if waiting else None)
    if following is None or following.at > ctx.now():
        return False
    match following.step:
        case "expire":
            await _expire(ctx, tx, row)
        case "remind":
            await _remind(ctx, tx, row)
        case "allow":
            await _allow(ctx, tx, row)
        case "retry":
            await dunnings.retry(ctx, tx, row)
        case "turn":
            await _turn(ctx, tx, row)
    return True


async def _expire(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    try:
        await dunnings.give_up(ctx, tx, row)
    except InvoiceSettled:
        # Paid in the last moment, and the news of it is still on its way.
        await dunnings.activate(ctx, tx, row)
        return
    await write(ctx, tx, going_on("expire", row, rules.expire(row.standing())), News(SubscriptionEnded, {"reason": "expired"}))


async def _remind(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    if ctx.now() < row.period_ends_at and row.ending is None:
        await order_mail(ctx, tx, row, kind="trial_ending", day=row.period_ends_at)
    await write(ctx, tx, going_on("remind", row, rules.remind(row.standing())), News(TrialEnding))


async def _allow(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    after = rules.allow(row.standing(), at=ctx.now())
    facts = await plan_facts(tx, after.terms)
    await write(ctx, tx, replace(going_on("allow", row, after), allowance_micros=allowance_of(facts, after)))


async def _turn(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    after = rules.turn(row.standing(), at=ctx.now())
    match after.state:
        case "ended":
            await dunnings.give_up(ctx, tx, row)
            await write(ctx, tx, going_on("end", row, after), News(SubscriptionEnded, {"reason": "canceled"}))
        case "paused":
            await write(ctx, tx, going_on("pause", row, after), News(SubscriptionPaused, {"is_later": False}))
        case _:
            await _renew(ctx, tx, row, after)


async def _renew(ctx: Context, tx: Transaction, row: SubscriptionRow, after: Subscription) -> None:
    if await profiles.find_profile(tx, workspace_id=ctx.workspace) is None and (
        after.price > 0 or await foresee_usage(ctx, tx, row, used=row.standing().period, room=0)
    ):
        # A trial that nobody gave an address for ends instead of being billed.
        over = rules.cancel(row.standing(), when="now")
        await write(ctx, tx, going_on("end", row, over), News(SubscriptionEnded, {"reason": "unpaid"}))
        return
    begun = await begin_period(ctx, tx, after, coupon_code=row.coupon_code)
    taken = replace(going_on("renew", row, after), billed_amount=after.price, lines=begun.lines, allowance_micros=begun.allowance_micros)
    await write(ctx, tx, taken, News(SubscriptionRenewed))
