"""What a step of a subscription writes, all of it in one transaction: its row, period, plan, news, credits and invoice."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.domain.invoices import DraftLine, InvoiceDraft
from nexusone.modules.billing.domain.periods import Period, whole_second
from nexusone.modules.billing.domain.subscriptions import HOLDING, IN_CREDIT, OVER, UNPAID_FOR, Subscription, due
from nexusone.modules.billing.service import grants, invoicing, overdraft
from nexusone.modules.billing.service.refusals_subscriptions import AlreadySubscribed
from nexusone.modules.billing.service.subscriptions_billing import PlanFacts, overdraft_of, plan_facts, rollover_of
from nexusone.modules.billing.service.usage_billing import close_usage
from nexusone.modules.billing.store import dunning, plans, subscriptions, subscriptions_steps
from nexusone.modules.billing.store.subscriptions import SubscriptionRow, Written
from nexusone.modules.billing.store.subscriptions_steps import NewStep
from nexusone.platform.database import Transaction
from nexusone.platform.events import Event, publish
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was decided on. `before` None: the subscription is new.

    `lines` are billed, `allowance_micros` granted until the month's end; `billed_amount` is what is then billed of the period.
    """

    step: str
    id: UUID
    before: SubscriptionRow | None
    after: Subscription
    coupon_code: str | None
    billed_amount: int
    lines: tuple[DraftLine, ...] = ()
    allowance_micros: int = 0

    @property
    def begins_period(self) -> bool:
        """Whether the step leads into another period."""
        return self.before is None or self.before.standing().period != self.after.period

    @property
    def net_amount(self) -> int:
        """What the step bills, before taxes."""
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class News:
    """What a step announces; `told` is what the event says beside the subscription's state."""

    kind: type[Event]
    told: dict[str, object] = field(default_factory=dict)


def going_on(step: str, before: SubscriptionRow, after: Subscription) -> Taken:
    """A step that bills and grants nothing."""
    return Taken(step, before.id, before, after, before.coupon_code, before.billed_amount)


async def write(ctx: Context, tx: Transaction, taken: Taken, *news: News) -> None:
    """Writes a step and announces it.

    The invoice comes last: others wait for its number until the transaction ends.

    Raises:
        AlreadySubscribed: it was to be new, and the workspace has one.
        BillingProfileMissing: there is something to bill, and nobody to bill it to.
    """
    facts = await plan_facts(tx, taken.after.terms)
    await _write_row(ctx, tx, taken)
    is_begun = not taken.begins_period or await _begin_period(ctx, tx, taken)
    await _hold_plan(ctx, tx, taken)
    for told in news:
        await publish(tx, _fact(told, taken, facts))
    await _allow_overdraft(ctx, tx, taken, facts)
    invoice_id = None
    if is_begun:
        await _grant(ctx, tx, taken, facts)
        taken = await _with_usage(ctx, tx, taken)
        invoice_id = await _bill(ctx, tx, taken)
    await subscriptions_steps.insert_step(tx, _step(ctx, taken, invoice_id))


async def _with_usage(ctx: Context, tx: Transaction, taken: Taken) -> Taken:
    used = _left(ctx, taken)
    if taken.before is None or used is None:
        return taken
    lines = await close_usage(ctx, tx, taken.before, used=used, room=taken.net_amount)
    return replace(taken, lines=(*taken.lines, *lines))


def _left(ctx: Context, taken: Taken) -> Period | None:
    """What was used of a period that the step leaves, if it leaves one that was begun."""
    if taken.before is None or taken.before.state == "incomplete":
        return None
    period = taken.before.standing().period
    if taken.begins_period:
        return Period(period.starts_at, min(period.ends_at, taken.after.period.starts_at))
    is_over = taken.after.state in OVER or (taken.after.state == "paused" and ctx.now() >= period.ends_at)
    return Period(period.starts_at, min(period.ends_at, whole_second(ctx.now()))) if is_over else None


async def touch(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    """Writes when the clock has something next, after only its dunning went on."""
    await _write_row(ctx, tx, going_on("touch", row, row.standing()))


async def _write_row(ctx: Context, tx: Transaction, taken: Taken) -> None:
    waiting = await dunning.list_open(tx, workspace_id=ctx.workspace, subscription_id=taken.id)
    following = due(taken.after, retry_at=waiting[0].next_at if waiting else None)
    written = Written(
        workspace_id=ctx.workspace,
        id=taken.id,
        standing=taken.after,
        coupon_code=taken.coupon_code,
        billed_amount=taken.billed_amount,
        due_at=following.at if following else None,
        now=ctx.now(),
    )
    if taken.before is not None:
        await subscriptions.update(tx, written)
    elif not await subscriptions.insert(tx, written):
        raise AlreadySubscribed


async def _begin_period(ctx: Context, tx: Transaction, taken: Taken) -> bool:
    period = taken.after.period
    await subscriptions_steps.cut_periods(tx, workspace_id=ctx.workspace, subscription_id=taken.id, at=period.starts_at)
    return await subscriptions_steps.insert_period(
        tx,
        workspace_id=ctx.workspace,
        subscription_id=taken.id,
        period=period,
        is_trial=taken.after.paid_periods == 0,
        now=ctx.now(),
    )


async def _hold_plan(ctx: Context, tx: Transaction, taken: Taken) -> None:
    held = taken.before.standing() if taken.before is not None and taken.before.state in HOLDING else None
    if taken.after.state not in HOLDING:
        if held is not None:
            await plans.clear_workspace_plan(tx, workspace_id=ctx.workspace)
        return
    version_id, since = taken.after.terms.plan_version_id, _since(taken.after)
    if held is None or (held.terms.plan_version_id, _since(held)) != (version_id, since):
        await plans.set_workspace_plan(tx, workspace_id=ctx.workspace, plan_version_id=version_id, since=since)


async def _allow_overdraft(ctx: Context, tx: Transaction, taken: Taken, facts: PlanFacts) -> None:
    limit = overdraft_of(facts, taken.after) if taken.after.state in IN_CREDIT else 0
    if limit or taken.before is not None:
        await overdraft.set_limit(ctx, tx, limit_micros=limit)


def _since(known: Subscription) -> datetime:
    # Months of the plan are counted from its anchor, so that a change of plan gives no month anew.
    return known.period.starts_at if known.paid_periods == 0 else known.calendar.starts_at


def _fact(news: News, taken: Taken, facts: PlanFacts) -> Event:
    known = taken.after
    return news.kind.model_validate(
        {
            "subscription_id": taken.id,
            "state": known.state,
            "plan": facts.version.plan_code,
            "plan_version_id": known.terms.plan_version_id,
            "quantity": known.terms.quantity,
            "period_start": known.period.starts_at,
            "period_end": known.period.ends_at,
            **news.told,
        }
    )


async def _grant(ctx: Context, tx: Transaction, taken: Taken, facts: PlanFacts) -> None:
    month, rollover = taken.after.month, rollover_of(facts, taken.after)
    lives_until = rollover.until if rollover else month.ends_at
    if taken.allowance_micros == 0 or lives_until <= ctx.now():
        return
    # A month's credits come once; each change within it brings its own.
    mark = str(new_id()) if taken.step == "change" else month.starts_at.isoformat()
    await grants.grant(
        ctx,
        tx,
        key=f"plan:{taken.id}:{mark}",
        source="plan",
        amount_micros=taken.allowance_micros,
        priority=facts.version.allowance_priority,
        expires_at=month.ends_at,
        rollover=rollover,
    )


async def _bill(ctx: Context, tx: Transaction, taken: Taken) -> UUID | None:
    if taken.net_amount <= 0:
        return None
    known = taken.after
    draft = InvoiceDraft(
        currency=known.terms.currency,
        lines=taken.lines,
        period_start=known.period.starts_at,
        period_end=known.period.ends_at,
        subscription_id=taken.id,
        due_at=ctx.now() + UNPAID_FOR if known.state == "incomplete" else ctx.now(),
    )
    return await invoicing.issue(ctx, tx, draft)


def _step(ctx: Context, taken: Taken, invoice_id: UUID | None) -> NewStep:
    known = taken.after
    return NewStep(
        workspace_id=ctx.workspace,
        id=new_id(),
        subscription_id=taken.id,
        step=taken.step,
        state=known.state,
        plan_version_id=known.terms.plan_version_id,
        every=known.terms.interval,
        quantity=known.terms.quantity,
        currency=known.terms.currency,
        net_amount=max(taken.net_amount, 0),
        invoice_id=invoice_id,
        period_starts_at=known.period.starts_at,
        period_ends_at=known.period.ends_at,
        created_at=ctx.now(),
    )
