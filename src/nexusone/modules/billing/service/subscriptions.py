"""What a workspace does with its subscription: pause, resume, cancel; and reading it. Each deed is one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.subscriptions import Subscription, SubscriptionCancellation, SubscriptionPause, SubscriptionStep
from nexusone.modules.billing.domain import subscriptions as rules
from nexusone.modules.billing.domain.subscriptions import StepRefused
from nexusone.modules.billing.domain.subscriptions_changes import NothingChanges, OnlyAtPeriodEnd
from nexusone.modules.billing.events.subscriptions import SubscriptionCanceled, SubscriptionEnded, SubscriptionPaused, SubscriptionResumed
from nexusone.modules.billing.service.dunning import give_up, owes
from nexusone.modules.billing.service.refusals_subscriptions import (
    ChangeOnlyAtPeriodEnd,
    NothingToChange,
    SubscriptionNotFound,
    SubscriptionStepRefused,
)
from nexusone.modules.billing.service.subscriptions_billing import begin_period
from nexusone.modules.billing.service.subscriptions_clock import catch_up
from nexusone.modules.billing.service.subscriptions_steps import News, going_on, write
from nexusone.modules.billing.service.subscriptions_views import latest, shown_step
from nexusone.modules.billing.store import subscriptions, subscriptions_steps
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

Deed = Callable[[Transaction, SubscriptionRow], Awaitable[None]]


async def get_subscription(ctx: Context) -> Subscription:
    """The workspace's subscription, or the last one it had. Raises: SubscriptionNotFound."""
    async with ctx.transaction("billing") as tx:
        return await latest(ctx, tx)


async def list_steps(ctx: Context, *, request: PageRequest) -> PageOf[SubscriptionStep]:
    """What happened to the workspace's subscriptions, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("billing") as tx:
        rows = await subscriptions_steps.list_steps(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(shown_step(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def pause(ctx: Context, *, wanted: SubscriptionPause) -> Subscription:
    """Lets the plan rest. Raises: SubscriptionNotFound, SubscriptionStepRefused."""

    async def deed(tx: Transaction, row: SubscriptionRow) -> None:
        after = rules.pause(row.standing(), when=wanted.when)
        await write(ctx, tx, going_on("pause", row, after), News(SubscriptionPaused, {"is_later": after.state != "paused"}))

    return await do(ctx, deed)


async def resume(ctx: Context) -> Subscription:
    """Calls a planned end or pause off, or ends a pause: within the paid period for nothing, after it with a new one.

    Raises:
        SubscriptionNotFound: there is none.
        SubscriptionStepRefused: there is nothing to resume.
        BillingProfileMissing: there is something to bill, and nobody to bill it to.
    """

    async def deed(tx: Transaction, row: SubscriptionRow) -> None:
        after = rules.resume(row.standing(), at=ctx.now(), owes=await owes(ctx, tx, row))
        taken = going_on("resume", row, after)
        if taken.begins_period:
            billed = await begin_period(ctx, tx, after, coupon_code=row.coupon_code)
            taken = replace(taken, billed_amount=after.price, lines=billed.lines, allowance_micros=billed.allowance_micros)
        await write(ctx, tx, taken, News(SubscriptionResumed))

    return await do(ctx, deed)


async def cancel(ctx: Context, *, wanted: SubscriptionCancellation) -> Subscription:
    """Ends the subscription, now or with the period; nothing is given back.

    Raises:
        SubscriptionNotFound: there is none.
        SubscriptionStepRefused: it ends already.
        InvoiceSettled: its first invoice was paid at this moment.
    """

    async def deed(tx: Transaction, row: SubscriptionRow) -> None:
        after = rules.cancel(row.standing(), when=wanted.when)
        if after.state != "ended":
            await write(ctx, tx, going_on("cancel", row, after), News(SubscriptionCanceled, {"is_later": True}))
            return
        await give_up(ctx, tx, row)
        ended = News(SubscriptionEnded, {"reason": "canceled"})
        await write(ctx, tx, going_on("cancel", row, after), News(SubscriptionCanceled, {"is_later": False}), ended)

    return await do(ctx, deed)


async def do(ctx: Context, deed: Deed) -> Subscription:
    """One transaction in which a deed is done to the subscription that is not over, under its lock, after what was due by the clock.

    Raises:
        SubscriptionNotFound: there is none.
        SubscriptionStepRefused, NothingToChange, ChangeOnlyAtPeriodEnd: the rules have it so.
    """

    await _catch_up(ctx)

    async def work(tx: Transaction) -> Subscription:
        row = await subscriptions.lock_living(tx, workspace_id=ctx.workspace)
        if row is None:
            raise SubscriptionNotFound
        try:
            await deed(tx, row)
        except StepRefused as refused:
            raise SubscriptionStepRefused(state=refused.state, step=refused.step) from refused
        except NothingChanges as refused:
            raise NothingToChange from refused
        except OnlyAtPeriodEnd as refused:
            raise ChangeOnlyAtPeriodEnd from refused
        answer = await latest(ctx, tx)
        await conclude(tx, answer)
        return answer

    return await ctx.atomically("billing", work)


async def _catch_up(ctx: Context) -> None:
    async with ctx.transaction("billing") as tx:
        row = await subscriptions.find_latest(tx, workspace_id=ctx.workspace)
    if row is not None and row.due_at is not None and row.due_at <= ctx.now():
        await catch_up(ctx.runtime.system(ctx.workspace), subscription_id=row.id)
