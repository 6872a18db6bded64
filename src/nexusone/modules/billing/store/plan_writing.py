"""SQL by which the catalogue and operators write plans, versions, price lists and prices."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.billing.contracts.plans import Interval, Rollover
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# One process at a time writes plans, so that numbers of versions follow one another.
LOCK = sql("select true from (select pg_advisory_xact_lock(7230118004)) as locked")

PUT_PLAN = sql("""
insert into billing.plan (code, names, position, is_public, created_at)
values (%(code)s, %(names)s, %(position)s, %(is_public)s, %(now)s)
on conflict (code) do update
set names = excluded.names, position = excluded.position, is_public = excluded.is_public
""")

INSERT_PLAN = sql("""
insert into billing.plan (code, names, position, is_public, created_at)
values (%(code)s, %(names)s, %(position)s, %(is_public)s, %(now)s)
on conflict (code) do nothing
""")

RETIRE_PLAN = sql("""
update billing.plan set retired_at = %(now)s where code = %(code)s and retired_at is null
""")

HAS_SOURCE = sql("""
select exists (select 1 from billing.plan_version where plan_code = %(code)s and source_hash = %(source_hash)s)
""")

NEXT_NUMBER = sql("""
select coalesce(max(number), 0) + 1 from billing.plan_version where plan_code = %(code)s
""")

INSERT_VERSION = sql("""
insert into billing.plan_version (
    id, plan_code, number, allowance_micros, allowance_priority, rollover, rollover_cap_micros, allows_overdraft,
    overdraft_micros, trial_days, trial_needs_payment_method, source_hash, created_at
)
values (
    %(id)s, %(plan_code)s, %(number)s, %(allowance_micros)s, %(allowance_priority)s, %(rollover)s, %(rollover_cap_micros)s,
    %(allows_overdraft)s, %(overdraft_micros)s, %(trial_days)s, %(trial_needs_payment_method)s, %(source_hash)s, %(created_at)s
)
""")

INSERT_FEATURE = sql("""
insert into billing.plan_feature (plan_version_id, feature, is_included, quantity, overage_micros)
values (%(version_id)s, %(feature)s, true, %(quantity)s, %(overage_micros)s)
""")

INSERT_PRICE = sql("""
insert into billing.plan_price (plan_version_id, list_code, every, amount, created_at)
values (%(version_id)s, %(list_code)s, %(every)s, %(amount)s, %(now)s)
on conflict do nothing
""")

INSERT_USAGE_PRICE = sql("""
insert into billing.plan_usage_price (plan_version_id, list_code, meter, included, per, amount)
values (%(version_id)s, %(list_code)s, %(meter)s, %(included)s, %(per)s, %(amount)s)
""")

PUBLISH_VERSION = sql("""
update billing.plan_version set published_at = %(now)s where id = %(version_id)s and published_at is null and retired_at is null
""")

RETIRE_VERSION = sql("""
update billing.plan_version set retired_at = %(now)s where id = %(version_id)s and retired_at is null
""")

INSERT_PRICE_LIST = sql("""
insert into billing.price_list (code, currency, countries, is_default, created_at)
values (%(code)s, %(currency)s, %(countries)s, %(is_default)s, %(now)s)
on conflict (code) do nothing
""")

UPDATE_PRICE_LIST = sql("""
update billing.price_list set countries = %(countries)s, is_default = %(is_default)s where code = %(code)s
""")

UNSET_DEFAULT = sql("""
update billing.price_list set is_default = false where is_default and code <> %(code)s
""")


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be written."""

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
    source_hash: bytes | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewFeature:
    """A feature of a version to be written."""

    feature: str
    quantity: int | None
    overage_micros: int | None


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price of a version to be written."""

    list_code: str
    every: Interval
    amount: int


@dataclass(frozen=True, slots=True)
class NewUsagePrice:
    """A usage price of a version to be written."""

    list_code: str
    meter: str
    included: int
    per: int
    amount: int


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A plan to be written."""

    code: str
    names: dict[str, str]
    position: int
    is_public: bool


@dataclass(frozen=True, slots=True)
class NewPriceList:
    """A price list to be written."""

    code: str
    currency: str
    countries: list[str]
    is_default: bool


async def lock(tx: Transaction) -> None:
    """Waits until nobody else writes plans."""
    await tx.fetch_value(bool, LOCK)


async def put_plan(tx: Transaction, plan: NewPlan, *, now: datetime) -> None:
    """Makes a plan, or changes its names and place."""
    await tx.execute(PUT_PLAN, {**asdict(plan), "names": Jsonb(plan.names), "now": now})


async def insert_plan(tx: Transaction, plan: NewPlan, *, now: datetime) -> bool:
    """Makes a plan unless there is one; whether it was made."""
    return await tx.execute(INSERT_PLAN, {**asdict(plan), "names": Jsonb(plan.names), "now": now}) == 1


async def retire_plan(tx: Transaction, *, code: str, now: datetime) -> bool:
    """Takes a plan off the offer; whoever is on it stays."""
    return await tx.execute(RETIRE_PLAN, {"code": code, "now": now}) == 1


async def has_source(tx: Transaction, *, code: str, source_hash: bytes) -> bool:
    """Whether a version came from this text of the catalogue."""
    return await tx.fetch_value(bool, HAS_SOURCE, {"code": code, "source_hash": source_hash})


async def next_number(tx: Transaction, *, code: str) -> int:
    """The number the next version of a plan gets; under the lock."""
    return await tx.fetch_value(int, NEXT_NUMBER, {"code": code})


async def insert_version(tx: Transaction, version: NewVersion, *, features: list[NewFeature]) -> None:
    """Writes a version with its features."""
    await tx.execute(INSERT_VERSION, asdict(version))
    if features:
        await tx.execute_many(INSERT_FEATURE, [{**asdict(feature), "version_id": version.id} for feature in features])


async def insert_prices(tx: Transaction, prices: list[NewPrice], *, version_id: UUID, now: datetime) -> int:
    """Writes prices; what has one keeps it. How many were written."""
    written = 0
    for price in prices:
        written += await tx.execute(INSERT_PRICE, {**asdict(price), "version_id": version_id, "now": now})
    return written


async def insert_usage_prices(tx: Transaction, prices: list[NewUsagePrice], *, version_id: UUID) -> None:
    """Writes the usage prices of a new version."""
    if prices:
        await tx.execute_many(INSERT_USAGE_PRICE, [{**asdict(price), "version_id": version_id} for price in prices])


async def publish_version(tx: Transaction, *, version_id: UUID, now: datetime) -> bool:
    """Puts a version on offer; whether it was not before."""
    return await tx.execute(PUBLISH_VERSION, {"version_id": version_id, "now": now}) == 1


async def retire_version(tx: Transaction, *, version_id: UUID, now: datetime) -> bool:
    """Takes a version off the offer; whether it was there."""
    return await tx.execute(RETIRE_VERSION, {"version_id": version_id, "now": now}) == 1


async def insert_price_list(tx: Transaction, wanted: NewPriceList, *, now: datetime) -> bool:
    """Makes a price list unless there is one; whether it was made."""
    return await tx.execute(INSERT_PRICE_LIST, {**asdict(wanted), "now": now}) == 1


async def update_price_list(tx: Transaction, wanted: NewPriceList) -> None:
    """Changes a list's countries, and whether it is the default."""
    await tx.execute(UPDATE_PRICE_LIST, {"code": wanted.code, "countries": wanted.countries, "is_default": wanted.is_default})


async def unset_default(tx: Transaction, *, code: str) -> None:
    """Makes room for another default list."""
    await tx.execute(UNSET_DEFAULT, {"code": code})
