"""SQL of a subscription's periods and of its history."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.periods import Interval, Period
from nexusone.modules.billing.domain.subscriptions import State
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_PERIOD = sql("""
insert into billing.subscription_period (workspace_id, subscription_id, starts_at, ends_at, is_trial, created_at)
values (%(workspace_id)s, %(subscription_id)s, %(starts_at)s, %(ends_at)s, %(is_trial)s, %(now)s)
on conflict (workspace_id, subscription_id, starts_at) do nothing
""")

CUT_PERIODS = sql("""
with undone as (
    delete from billing.subscription_period
    where workspace_id = %(workspace_id)s and subscription_id = %(subscription_id)s and starts_at >= %(at)s
)
update billing.subscription_period set ends_at = %(at)s
where workspace_id = %(workspace_id)s and subscription_id = %(subscription_id)s and starts_at < %(at)s and ends_at > %(at)s
""")

LIST_PERIODS = sql("""
select starts_at, ends_at from billing.subscription_period
where workspace_id = %(workspace_id)s and subscription_id = %(subscription_id)s
order by starts_at limit 1000
""")

INSERT_STEP = sql("""
insert into billing.subscription_step (
    workspace_id, id, subscription_id, step, state, plan_version_id, every, quantity, currency, net_amount, invoice_id,
    period_starts_at, period_ends_at, created_at
)
values (
    %(workspace_id)s, %(id)s, %(subscription_id)s, %(step)s, %(state)s, %(plan_version_id)s, %(every)s, %(quantity)s,
    %(currency)s, %(net_amount)s, %(invoice_id)s, %(period_starts_at)s, %(period_ends_at)s, %(created_at)s
)
""")

LIST_STEPS = sql("""
select s.id, s.subscription_id, s.step, s.state, v.plan_code, s.every, s.quantity, s.currency, s.net_amount, s.invoice_id,
    s.period_starts_at, s.period_ends_at, s.created_at
from billing.subscription_step as s
join billing.plan_version as v on v.id = s.plan_version_id
where s.workspace_id = %(workspace_id)s and (%(after)s::uuid is null or s.id < %(after)s)
order by s.id desc
limit %(limit)s
""")

FIND_FIRST_INVOICE = sql("""
select invoice_id from billing.subscription_step
where workspace_id = %(workspace_id)s and subscription_id = %(subscription_id)s and step = 'start'
""")


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step to be written; `net_amount` is what it billed before taxes."""

    workspace_id: UUID
    id: UUID
    subscription_id: UUID
    step: str
    state: State
    plan_version_id: UUID
    every: Interval
    quantity: int
    currency: str
    net_amount: int
    invoice_id: UUID | None
    period_starts_at: datetime
    period_ends_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step with what was subscribed to after it."""

    id: UUID
    subscription_id: UUID
    step: str
    state: State
    plan_code: str
    every: Interval
    quantity: int
    currency: str
    net_amount: int
    invoice_id: UUID | None
    period_starts_at: datetime
    period_ends_at: datetime
    created_at: datetime


async def insert_period(
    tx: Transaction, *, workspace_id: UUID, subscription_id: UUID, period: Period, is_trial: bool, now: datetime
) -> bool:
    """Writes a period; False where it was begun before."""
    parameters = {
        "workspace_id": workspace_id,
        "subscription_id": subscription_id,
        "starts_at": period.starts_at,
        "ends_at": period.ends_at,
        "is_trial": is_trial,
        "now": now,
    }
    return await tx.execute(INSERT_PERIOD, parameters) == 1


async def cut_periods(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID, at: datetime) -> None:
    """Lets what is there end at an instant, where another period is to begin."""
    await tx.execute(CUT_PERIODS, {"workspace_id": workspace_id, "subscription_id": subscription_id, "at": at})


async def list_periods(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID) -> list[Period]:
    """The periods in order."""
    return await tx.fetch_all(Period, LIST_PERIODS, {"workspace_id": workspace_id, "subscription_id": subscription_id})


async def insert_step(tx: Transaction, step: NewStep) -> None:
    """Writes a step."""
    await tx.execute(INSERT_STEP, asdict(step))


async def list_steps(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[StepRow]:
    """The steps of all subscriptions of a workspace, newest first."""
    return await tx.fetch_all(StepRow, LIST_STEPS, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def find_first_invoice(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID) -> UUID | None:
    """The invoice that a subscription begins with, if it begins with one."""
    return await tx.find_value(UUID, FIND_FIRST_INVOICE, {"workspace_id": workspace_id, "subscription_id": subscription_id})
