"""SQL of subscriptions as they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.coupons import CouponDuration, CouponKind, CouponTerms
from nexusone.modules.billing.domain.periods import Calendar, Interval, Period
from nexusone.modules.billing.domain.subscriptions import OVER, Ending, State, Subscription, Terms
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_COLUMNS = fragment("""
s.id, s.state, s.plan_version_id, s.currency, s.every, s.unit_amount, s.quantity, s.coupon_code, s.zone, s.anchor_day,
s.calendar_starts_at, s.number, s.period_starts_at, s.period_ends_at, s.paid_periods, s.billed_amount, s.next_plan_version_id,
s.next_every, s.next_unit_amount, s.next_quantity, s.ending, s.is_reminded, s.allowed_until, s.due_at, s.version, s.created_at, s.over_at,
c.kind as coupon_kind, c.duration as coupon_duration, c.percent_hundredths as coupon_percent, c.amount as coupon_amount,
c.currency as coupon_currency, c.periods as coupon_periods
""")

FIND_LATEST = fragment("""
select {columns}
from billing.subscription as s left join billing.coupon as c on c.code = s.coupon_code
where s.workspace_id = %(workspace_id)s order by s.over_at is null desc, s.id desc limit 1
""").fill(columns=_COLUMNS)

LOCK_LIVING = fragment("""
select {columns}
from billing.subscription as s left join billing.coupon as c on c.code = s.coupon_code
where s.workspace_id = %(workspace_id)s and s.over_at is null for update of s
""").fill(columns=_COLUMNS)

LOCK = fragment("""
select {columns}
from billing.subscription as s left join billing.coupon as c on c.code = s.coupon_code
where s.workspace_id = %(workspace_id)s and s.id = %(id)s for update of s
""").fill(columns=_COLUMNS)

# A scheduler that finds another one at work leaves the subscription to it.
LOCK_FREE = fragment("""
select {columns}
from billing.subscription as s left join billing.coupon as c on c.code = s.coupon_code
where s.workspace_id = %(workspace_id)s and s.id = %(id)s for update of s skip locked
""").fill(columns=_COLUMNS)

INSERT = sql("""
insert into billing.subscription (
    workspace_id, id, state, plan_version_id, currency, every, unit_amount, quantity, coupon_code, zone, anchor_day,
    calendar_starts_at, number, period_starts_at, period_ends_at, paid_periods, billed_amount, is_reminded, allowed_until, due_at,
    created_at
)
values (
    %(workspace_id)s, %(id)s, %(state)s, %(plan_version_id)s, %(currency)s, %(every)s, %(unit_amount)s, %(quantity)s,
    %(coupon_code)s, %(zone)s, %(anchor_day)s, %(calendar_starts_at)s, %(number)s, %(period_starts_at)s, %(period_ends_at)s,
    %(paid_periods)s, %(billed_amount)s, %(is_reminded)s, %(allowed_until)s, %(due_at)s, %(created_at)s
)
on conflict (workspace_id) where over_at is null do nothing
""")

UPDATE = sql("""
update billing.subscription
set state = %(state)s, plan_version_id = %(plan_version_id)s, every = %(every)s, unit_amount = %(unit_amount)s,
    quantity = %(quantity)s, anchor_day = %(anchor_day)s, calendar_starts_at = %(calendar_starts_at)s, number = %(number)s,
    period_starts_at = %(period_starts_at)s, period_ends_at = %(period_ends_at)s, paid_periods = %(paid_periods)s,
    billed_amount = %(billed_amount)s, next_plan_version_id = %(next_plan_version_id)s, next_every = %(next_every)s,
    next_unit_amount = %(next_unit_amount)s, next_quantity = %(next_quantity)s, ending = %(ending)s,
    is_reminded = %(is_reminded)s, allowed_until = %(allowed_until)s, due_at = %(due_at)s, over_at = %(over_at)s, version = version + 1
where workspace_id = %(workspace_id)s and id = %(id)s
""")

HAD_TRIAL = sql("""
select exists (select 1 from billing.subscription_period where workspace_id = %(workspace_id)s and is_trial)
""")

LIST_DUE = sql("""
select workspace_id, id from billing.subscription where due_at <= %(now)s order by due_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """A subscription with the terms of its coupon; `billed_amount` is what was billed for the present period, before taxes."""

    id: UUID
    state: State
    plan_version_id: UUID
    currency: str
    every: Interval
    unit_amount: int
    quantity: int
    coupon_code: str | None
    zone: str
    anchor_day: int
    calendar_starts_at: datetime
    number: int
    period_starts_at: datetime
    period_ends_at: datetime
    paid_periods: int
    billed_amount: int
    next_plan_version_id: UUID | None
    next_every: Interval | None
    next_unit_amount: int | None
    next_quantity: int | None
    ending: Ending | None
    is_reminded: bool
    allowed_until: datetime | None
    due_at: datetime | None
    version: int
    created_at: datetime
    over_at: datetime | None
    coupon_kind: CouponKind | None
    coupon_duration: CouponDuration | None
    coupon_percent: int | None
    coupon_amount: int | None
    coupon_currency: str | None
    coupon_periods: int | None

    def standing(self) -> Subscription:
        """The same for the rules."""
        return Subscription(
            state=self.state,
            terms=Terms(self.plan_version_id, self.currency, self.every, self.unit_amount, self.quantity),
            calendar=Calendar(self.calendar_starts_at, self.zone, self.every, self.anchor_day),
            number=self.number,
            period=Period(self.period_starts_at, self.period_ends_at),
            created_at=self.created_at,
            paid_periods=self.paid_periods,
            coupon=self._coupon(),
            next_terms=self._next_terms(),
            ending=self.ending,
            is_reminded=self.is_reminded,
            allowed_until=self.allowed_until,
        )

    def _coupon(self) -> CouponTerms | None:
        if self.coupon_kind is None or self.coupon_duration is None:
            return None
        return CouponTerms(
            kind=self.coupon_kind,
            duration=self.coupon_duration,
            percent_hundredths=self.coupon_percent,
            amount=self.coupon_amount,
            currency=self.coupon_currency,
            periods=self.coupon_periods,
        )

    def _next_terms(self) -> Terms | None:
        if self.next_plan_version_id is None or self.next_every is None:
            return None
        return Terms(self.next_plan_version_id, self.currency, self.next_every, self.next_unit_amount or 0, self.next_quantity or 1)


@dataclass(frozen=True, slots=True)
class Written:
    """A subscription as it is to be written."""

    workspace_id: UUID
    id: UUID
    standing: Subscription
    coupon_code: str | None
    billed_amount: int
    due_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class DueSubscription:
    """One for which the clock has something."""

    workspace_id: UUID
    id: UUID


async def find_latest(tx: Transaction, *, workspace_id: UUID) -> SubscriptionRow | None:
    """The subscription of a workspace, or the last one it had."""
    return await tx.find_one(SubscriptionRow, FIND_LATEST, {"workspace_id": workspace_id})


async def lock_living(tx: Transaction, *, workspace_id: UUID) -> SubscriptionRow | None:
    """The subscription that is not over, locked until the transaction ends."""
    return await tx.find_one(SubscriptionRow, LOCK_LIVING, {"workspace_id": workspace_id})


async def lock(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID) -> SubscriptionRow | None:
    """A subscription, locked until the transaction ends."""
    return await tx.find_one(SubscriptionRow, LOCK, {"workspace_id": workspace_id, "id": subscription_id})


async def lock_free(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID) -> SubscriptionRow | None:
    """The same; None where somebody else has it locked."""
    return await tx.find_one(SubscriptionRow, LOCK_FREE, {"workspace_id": workspace_id, "id": subscription_id})


async def insert(tx: Transaction, written: Written) -> bool:
    """Writes a new subscription; False where the workspace has one that is not over."""
    return await tx.execute(INSERT, _columns(written)) == 1


async def update(tx: Transaction, written: Written) -> None:
    """Writes what became of a locked subscription."""
    await tx.execute(UPDATE, _columns(written))


async def had_trial(tx: Transaction, *, workspace_id: UUID) -> bool:
    """Whether a workspace has tried a plan before."""
    return await tx.fetch_value(bool, HAD_TRIAL, {"workspace_id": workspace_id})


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueSubscription]:
    """In the system context: those for which the clock has something, the longest due first."""
    return await tx.fetch_all(DueSubscription, LIST_DUE, {"now": now, "limit": limit})


def _columns(written: Written) -> Mapping[str, object]:
    known = written.standing
    following = known.next_terms
    return {
        "workspace_id": written.workspace_id,
        "id": written.id,
        "state": known.state,
        "plan_version_id": known.terms.plan_version_id,
        "currency": known.terms.currency,
        "every": known.terms.interval,
        "unit_amount": known.terms.unit_amount,
        "quantity": known.terms.quantity,
        "coupon_code": written.coupon_code,
        "zone": known.calendar.zone,
        "anchor_day": known.calendar.anchor_day,
        "calendar_starts_at": known.calendar.starts_at,
        "number": known.number,
        "period_starts_at": known.period.starts_at,
        "period_ends_at": known.period.ends_at,
        "paid_periods": known.paid_periods,
        "billed_amount": written.billed_amount,
        "next_plan_version_id": following.plan_version_id if following else None,
        "next_every": following.interval if following else None,
        "next_unit_amount": following.unit_amount if following else None,
        "next_quantity": following.quantity if following else None,
        "ending": known.ending,
        "is_reminded": known.is_reminded,
        "allowed_until": known.allowed_until,
        "due_at": written.due_at,
        "created_at": known.created_at,
        "over_at": written.now if known.state in OVER else None,
    }
