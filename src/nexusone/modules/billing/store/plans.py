"""SQL of plans and their versions, of price lists and prices, and of the version each workspace is on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nexusone.modules.billing.contracts.plans import Interval, Rollover
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_VERSION = fragment("""
v.id, v.plan_code, v.number, v.allowance_micros, v.allowance_priority, v.rollover, v.rollover_cap_micros, v.allows_overdraft,
v.overdraft_micros, v.trial_days, v.trial_needs_payment_method, v.created_at, v.published_at, v.retired_at
""")

LIST_PLANS = sql("""
select code, names, position, is_public, retired_at from billing.plan order by position, code limit 1000
""")

LIST_VERSIONS = fragment("""
select {columns} from billing.plan_version as v where v.plan_code = any(%(codes)s) order by v.plan_code, v.number desc limit 5000
""").fill(columns=_VERSION)

# The newest published version of each plan that is not retired is the one on offer.
LIST_CURRENT_VERSIONS = fragment("""
select distinct on (v.plan_code) {columns}
from billing.plan_version as v join billing.plan as p on p.code = v.plan_code
where v.published_at is not null and v.retired_at is null and p.retired_at is null
order by v.plan_code, v.number desc
""").fill(columns=_VERSION)

FIND_VERSION = fragment("""
select {columns} from billing.plan_version as v where v.id = %(version_id)s
""").fill(columns=_VERSION)

FIND_NUMBERED_VERSION = fragment("""
select {columns} from billing.plan_version as v where v.plan_code = %(code)s and v.number = %(number)s
""").fill(columns=_VERSION)

LIST_FEATURES = sql("""
select plan_version_id, feature, is_included, quantity, overage_micros
from billing.plan_feature where plan_version_id = any(%(version_ids)s) order by feature
""")

LIST_PRICES = sql("""
select p.plan_version_id, p.list_code, p.every, p.amount, l.currency
from billing.plan_price as p join billing.price_list as l on l.code = p.list_code
where p.plan_version_id = any(%(version_ids)s)
order by p.list_code, p.every
""")

LIST_USAGE_PRICES = sql("""
select p.plan_version_id, p.list_code, p.meter, p.included, p.per, p.amount, l.currency
from billing.plan_usage_price as p join billing.price_list as l on l.code = p.list_code
where p.plan_version_id = any(%(version_ids)s)
order by p.list_code, p.meter
""")

LIST_PRICE_LISTS = sql("""
select code, currency, countries, is_default from billing.price_list order by is_default desc, code limit 1000
""")

FIND_WORKSPACE_PLAN = sql("""
select plan_version_id, since from billing.workspace_plan where workspace_id = %(workspace_id)s
""")

SET_WORKSPACE_PLAN = sql("""
insert into billing.workspace_plan (workspace_id, plan_version_id, since)
values (%(workspace_id)s, %(plan_version_id)s, %(since)s)
on conflict (workspace_id) do update set plan_version_id = excluded.plan_version_id, since = excluded.since
""")

CLEAR_WORKSPACE_PLAN = sql("""
delete from billing.workspace_plan where workspace_id = %(workspace_id)s
""")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan; `names` by language."""

    code: str
    names: dict[str, Any]
    position: int
    is_public: bool
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a plan."""

    id: UUID
    plan_code: str
    number: int
    allowance_micros: int
    allowance_priority: int
    rollover: Rollover
    rollover_cap_micros: int | None
    allows_overdraft: bool
    overdraft_micros: int
    trial_days: int
    trial_needs_payment_method: bool
    created_at: datetime
    published_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature of a version."""

    plan_version_id: UUID
    feature: str
    is_included: bool
    quantity: int | None
    overage_micros: int | None


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price of a version, in minor units of its list's currency."""

    plan_version_id: UUID
    list_code: str
    every: Interval
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class UsagePriceRow:
    """What a version includes of a meter, and what begun packages beyond it cost in minor units of the list's currency."""

    plan_version_id: UUID
    list_code: str
    meter: str
    included: int
    per: int
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class PriceListRow:
    """A price list."""

    code: str
    currency: str
    countries: list[str]
    is_default: bool


@dataclass(frozen=True, slots=True)
class WorkspacePlanRow:
    """The version a workspace is on, and since when."""

    plan_version_id: UUID
    since: datetime


async def list_plans(tx: Transaction) -> list[PlanRow]:
    """All plans, in their order."""
    return await tx.fetch_all(PlanRow, LIST_PLANS)


async def list_versions(tx: Transaction, *, codes: list[str]) -> list[VersionRow]:
    """All versions of plans, newest first."""
    return await tx.fetch_all(VersionRow, LIST_VERSIONS, {"codes": codes})


async def list_current_versions(tx: Transaction) -> list[VersionRow]:
    """The version on offer of each plan that has one."""
    return await tx.fetch_all(VersionRow, LIST_CURRENT_VERSIONS)


async def find_version(tx: Transaction, *, version_id: UUID) -> VersionRow | None:
    """A version."""
    return await tx.find_one(VersionRow, FIND_VERSION, {"version_id": version_id})


async def find_numbered_version(tx: Transaction, *, code: str, number: int) -> VersionRow | None:
    """A version by its plan and number."""
    return await tx.find_one(VersionRow, FIND_NUMBERED_VERSION, {"code": code, "number": number})


async def list_features(tx: Transaction, *, version_ids: list[UUID]) -> list[FeatureRow]:
    """The features of versions."""
    return await tx.fetch_all(FeatureRow, LIST_FEATURES, {"version_ids": version_ids})


async def list_prices(tx: Transaction, *, version_ids: list[UUID]) -> list[PriceRow]:
    """The prices of versions in all lists."""
    return await tx.fetch_all(PriceRow, LIST_PRICES, {"version_ids": version_ids})


async def list_usage_prices(tx: Transaction, *, version_ids: list[UUID]) -> list[UsagePriceRow]:
    """The usage prices of versions in all lists."""
    return await tx.fetch_all(UsagePriceRow, LIST_USAGE_PRICES, {"version_ids": version_ids})


async def list_price_lists(tx: Transaction) -> list[PriceListRow]:
    """All price lists, the default one first."""
    return await tx.fetch_all(PriceListRow, LIST_PRICE_LISTS)


async def find_workspace_plan(tx: Transaction, *, workspace_id: UUID) -> WorkspacePlanRow | None:
    """The version a workspace was put on; None: it is on the default plan."""
    return await tx.find_one(WorkspacePlanRow, FIND_WORKSPACE_PLAN, {"workspace_id": workspace_id})


async def set_workspace_plan(tx: Transaction, *, workspace_id: UUID, plan_version_id: UUID, since: datetime) -> None:
    """Puts a workspace on a version; its months of the plan are counted from `since`."""
    await tx.execute(SET_WORKSPACE_PLAN, {"workspace_id": workspace_id, "plan_version_id": plan_version_id, "since": since})


async def clear_workspace_plan(tx: Transaction, *, workspace_id: UUID) -> None:
    """Puts a workspace back on the default plan."""
    await tx.execute(CLEAR_WORKSPACE_PLAN, {"workspace_id": workspace_id})
