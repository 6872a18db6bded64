"""A company with a subscription, a clock to move, and payments that come in or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.conftest import ContextMaker
from tests.modules.billing.invoices.billed import bill_to

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageRequest
from nexusone.modules.billing.contracts.subscriptions import (
    NewSubscription,
    Subscription,
    SubscriptionCancellation,
    SubscriptionChange,
    SubscriptionMoment,
    SubscriptionPause,
    SubscriptionPreview,
)
from nexusone.modules.billing.domain.periods import Period
from nexusone.modules.billing.events.invoices import InvoicePaid, InvoicePaymentFailed
from nexusone.modules.billing.service import (
    dunning,
    invoicing,
    subscriptions,
    subscriptions_changing,
    subscriptions_clock,
    subscriptions_starting,
)
from nexusone.modules.billing.service.balances import get_balance
from nexusone.modules.billing.store import invoices, plans, subscriptions_steps
from nexusone.modules.identity.store import accounts
from nexusone.platform.events import list_events_after
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
CREDIT = 1_000_000

INVOICES = sql("""
select i.id from billing.invoice as i
join billing.invoice_state as s on s.workspace_id = i.workspace_id and s.invoice_id = i.id
where i.workspace_id = %(workspace_id)s and s.state = 'open'
order by i.number
""")
INVOICES = sql("""
select i.id, i.net_minor, s.state, i.period_start, i.period_end from billing.invoice as i
join billing.invoice_state as s on s.workspace_id = i.workspace_id and s.invoice_id = i.id
where i.workspace_id = %(workspace_id)s
order by i.number
""")


@dataclass(frozen=True, slots=True)
class InvoiceSeen:
    """An invoice, before taxes."""

    id: UUID
    net_minor: int
    state: str
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class Company:
    """A workspace at a time of its own."""

    ctx: Context
    clock: MovedClock

    def move_to(self, instant: datetime) -> None:
        """Makes it that time."""
        self.clock.move(instant - self.clock.now())

    async def tick(self) -> None:
        """Lets the scheduler look at this company."""
        found = await subscriptions.get_subscription(self.ctx)
        await subscriptions_clock.catch_up(self.ctx.runtime.system(self.ctx.workspace), subscription_id=found.id)

    async def start(self, plan: str = "starter", **wanted: Any) -> Subscription:
        """Subscribes, without a trial where nothing else is said."""
        return await subscriptions_starting.start(self.ctx, wanted=NewSubscription(plan=plan, **{"is_trial": False, **wanted}))

    async def subscribed(self, plan: str = "starter", **wanted: Any) -> Subscription:
        """Subscribes and pays."""
        await self.start(plan, **wanted)
        await self.pay_all()
        return await self.seen()

    async def change(self, **wanted: Any) -> Subscription:
        """Changes it."""
        return await subscriptions_changing.change(self.ctx, wanted=SubscriptionChange(**wanted))

    async def preview(self, **wanted: Any) -> SubscriptionPreview:
        """What a change would cost."""
        return await subscriptions_changing.preview(self.ctx, wanted=SubscriptionChange(**wanted))

    async def cancel(self, when: SubscriptionMoment) -> Subscription:
        """Ends it."""
        return await subscriptions.cancel(self.ctx, wanted=SubscriptionCancellation(when=when))

    async def pause(self, when: SubscriptionMoment) -> Subscription:
        """Lets it rest."""
        return await subscriptions.pause(self.ctx, wanted=SubscriptionPause(when=when))

    async def seen(self) -> Subscription:
        """The subscription."""
        return await subscriptions.get_subscription(self.ctx)

    async def invoices(self) -> list[InvoiceSeen]:
        """All invoices in their order."""
        async with self.ctx.transaction("billing") as tx:
            return await tx.fetch_all(InvoiceSeen, INVOICES, {"workspace_id": self.ctx.workspace})

    async def billed(self) -> list[int]:
        """What was billed, before taxes."""
        return [invoice.net_minor for invoice in await self.invoices()]

    async def pay(self, invoice_id: UUID) -> InvoicePaid:
        """An invoice is paid, and the news arrives."""
        async with self.ctx.transaction("billing") as tx:
            await invoicing.mark_paid(self.ctx, tx, invoice_id=invoice_id, payment_id=new_id())
            row = await invoices.lock_state(tx, workspace_id=self.ctx.workspace, invoice_id=invoice_id)
        assert row is not None
        news = InvoicePaid(
            invoice_id=invoice_id, subscription_id=row.subscription_id, payment_id=None, currency=row.currency, total_minor=row.total_minor
        )
        await dunning.note_paid(self.ctx, event=news)
        return news

    async def pay_all(self) -> None:
        """Every open invoice is paid."""
        for invoice in await self.invoices():
            if invoice.state == "open":
                await self.pay(invoice.id)

    async def fail(self, invoice_id: UUID) -> InvoicePaymentFailed:
        """An invoice cannot be collected, and the news arrives."""
        async with self.ctx.transaction("billing") as tx:
            await invoicing.mark_failed(self.ctx, tx, invoice_id=invoice_id)
            row = await invoices.lock_state(tx, workspace_id=self.ctx.workspace, invoice_id=invoice_id)
        assert row is not None
        news = InvoicePaymentFailed(invoice_id=invoice_id, subscription_id=row.subscription_id, failures=row.failures, reason="declined")
        await dunning.note_failed(self.ctx, event=news)
        return news

    async def credits(self) -> int:
        """Whole credits that are available."""
        return (await get_balance(self.ctx)).available_micros // CREDIT

    async def plan(self) -> str | None:
        """The plan the workspace has."""
        async with self.ctx.transaction("billing") as tx:
            row = await plans.find_workspace_plan(tx, workspace_id=self.ctx.workspace)
            version = await plans.find_version(tx, version_id=row.plan_version_id) if row else None
        return version.plan_code if version else None

    async def periods(self, subscription_id: UUID) -> list[Period]:
        """The periods of the subscription."""
        async with self.ctx.transaction("billing") as tx:
            return await subscriptions_steps.list_periods(tx, workspace_id=self.ctx.workspace, subscription_id=subscription_id)

    async def steps(self) -> list[str]:
        """What happened, in order."""
        page = await subscriptions.list_steps(self.ctx, request=PageRequest(limit=100))
        return [step.step for step in reversed(page.items)]

    async def news(self) -> list[str]:
        """What was announced of the subscription, in order."""
        found = await list_events_after(self.ctx, after=UUID(int=0), limit=1000)
        return [event.name.split(".")[2] for event in found if event.name.startswith("billing.subscription.")]

    async def last_news(self) -> Mapping[str, Any]:
        """What the last announcement said."""
        found = await list_events_after(self.ctx, after=UUID(int=0), limit=1000)
        return [event.payload for event in found if event.name.startswith("billing.subscription.")][-1]


async def company(
    make_context: ContextMaker, *, at: datetime = NOON, zone: str = "Europe/Berlin", country: str | None = "DE", locale: str = "en"
) -> Company:
    """A new company."""
    clock = MovedClock(at)
    ctx = make_context(clock=clock)
    async with ctx.transaction("identity") as tx:
        await accounts.insert_workspace(tx, workspace_id=ctx.workspace, name="Engines", default_locale="en", timezone=zone, now=ctx.now())
    if country is not None:
        await bill_to(ctx, country=country, locale=locale)
    return Company(ctx, clock)
