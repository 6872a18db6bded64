"""SQL of entitlements: what a workspace's plan says of a feature, and exact counters of what was taken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

# `ladder`: what each plan on offer says of the feature, in the order of the plans.
FIND_STANDING = sql("""
with own as (
    select v.id, v.plan_code, w.since
    from billing.workspace_plan as w join billing.plan_version as v on v.id = w.plan_version_id
    where w.workspace_id = %(workspace_id)s
), offered as (
    select distinct on (v.plan_code) v.id, v.plan_code, p.position, p.is_public
    from billing.plan_version as v join billing.plan as p on p.code = v.plan_code
    where v.published_at is not null and v.retired_at is null and p.retired_at is null
    order by v.plan_code, v.number desc
), standing as (
    select id, plan_code, since from own
    union all
    select id, plan_code, null from offered where plan_code = %(default_plan)s and not exists (select 1 from own)
)
select s.plan_code, s.since, coalesce(f.is_included, false) as is_included, f.quantity, f.overage_micros, (
    select coalesce(
        jsonb_agg(jsonb_build_array(o.plan_code, t.is_included, t.quantity, t.overage_micros) order by o.position, o.plan_code), '[]'
    )
    from offered as o join billing.plan_feature as t on t.plan_version_id = o.id and t.feature = %(feature)s
    where o.is_public
) as ladder
from standing as s
left join billing.plan_feature as f on f.plan_version_id = s.id and f.feature = %(feature)s
""")

FIND_USED = sql("""
select used from billing.entitlement_counter
where workspace_id = %(workspace_id)s and feature = %(feature)s and window_start = %(window_start)s
""")

# In one statement, with the counter's row locked: nobody counts past the limit. The caller undoes a count whose key was
# taken meanwhile.
TAKE = sql("""
with known as (
    select key from billing.entitlement_take where workspace_id = %(workspace_id)s and key = %(key)s
), counted as (
    insert into billing.entitlement_counter as c (workspace_id, feature, window_start, used)
    select %(workspace_id)s, %(feature)s, %(window_start)s, %(quantity)s::bigint
    where not exists (select 1 from known) and (%(most)s::bigint is null or %(quantity)s::bigint <= %(most)s::bigint)
    on conflict (workspace_id, feature, window_start) do update set used = c.used + excluded.used
    where %(most)s::bigint is null or c.used + excluded.used <= %(most)s::bigint
    returning c.used
), taken as (
    insert into billing.entitlement_take (workspace_id, key, feature, window_start, quantity, kept, used_after, created_at)
    select %(workspace_id)s, %(key)s, %(feature)s, %(window_start)s, %(quantity)s, %(quantity)s, counted.used, %(now)s from counted
    on conflict (workspace_id, key) do nothing
    returning 1
)
select (select used from counted) as used, exists (select 1 from taken) as is_taken
""")

FIND_TAKE = sql("""
select feature, window_start, quantity, kept, used_after from billing.entitlement_take
where workspace_id = %(workspace_id)s and key = %(key)s
""")

LOCK_TAKE = sql("""
select feature, window_start, quantity, kept, used_after from billing.entitlement_take
where workspace_id = %(workspace_id)s and key = %(key)s for update
""")

KEEP = sql("""
update billing.entitlement_take set kept = %(kept)s where workspace_id = %(workspace_id)s and key = %(key)s
""")

COUNT_BACK = sql("""
update billing.entitlement_counter set used = used - %(quantity)s
where workspace_id = %(workspace_id)s and feature = %(feature)s and window_start = %(window_start)s
""")


@dataclass(frozen=True, slots=True)
class StandingRow:
    """What a workspace's plan says of a feature, and what the others say; each of the ladder: code, included, quantity, overage."""

    plan_code: str
    since: datetime | None
    is_included: bool
    quantity: int | None
    overage_micros: int | None
    ladder: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Taking:
    """What is to be taken, of a window; `most` None: without limit."""

    workspace_id: UUID
    key: str
    feature: str
    window_start: datetime
    quantity: int
    most: int | None
    now: datetime


@dataclass(frozen=True, slots=True)
class TakingRow:
    """`used` after it was counted, None where it was not; counted and not taken: another call used the key meanwhile."""

    used: int | None
    is_taken: bool


@dataclass(frozen=True, slots=True)
class TakeRow:
    """What a key took, and what is kept of it."""

    feature: str
    window_start: datetime
    quantity: int
    kept: int
    used_after: int


async def find_standing_in_one_trip(ctx: Context, *, feature: str, default_plan: str) -> StandingRow | None:
    """The same in a transaction of its own, for callers on hot paths."""
    parameters = {"workspace_id": ctx.workspace, "feature": feature, "default_plan": default_plan}
    rows = await ctx.fetch_in_one_trip("billing", StandingRow, FIND_STANDING, parameters)
    return rows[0] if rows else None


async def find_standing(tx: Transaction, *, workspace_id: UUID, feature: str, default_plan: str) -> StandingRow | None:
    """What the workspace's plan says of a feature; None where it has none, and the default plan is not on offer."""
    return await tx.find_one(StandingRow, FIND_STANDING, {"workspace_id": workspace_id, "feature": feature, "default_plan": default_plan})


async def used_of(tx: Transaction, *, workspace_id: UUID, feature: str, window_start: datetime) -> int:
    """What was used in a window."""
    parameters = {"workspace_id": workspace_id, "feature": feature, "window_start": window_start}
    return await tx.find_value(int, FIND_USED, parameters) or 0


async def take(tx: Transaction, wanted: Taking) -> TakingRow:
    """Counts and takes, unless that goes past the most or the key is known."""
    return await tx.fetch_one(
        TakingRow,
        TAKE,
        {
            "workspace_id": wanted.workspace_id,
            "key": wanted.key,
            "feature": wanted.feature,
            "window_start": wanted.window_start,
            "quantity": wanted.quantity,
            "most": wanted.most,
            "now": wanted.now,
        },
    )


async def find_take(tx: Transaction, *, workspace_id: UUID, key: str, is_locked: bool = False) -> TakeRow | None:
    """What a key took, locked against other changes if `is_locked`."""
    return await tx.find_one(TakeRow, LOCK_TAKE if is_locked else FIND_TAKE, {"workspace_id": workspace_id, "key": key})


async def give_back(tx: Transaction, row: TakeRow, *, workspace_id: UUID, key: str, kept: int) -> None:
    """Keeps less of a take that the caller has locked, and counts the rest back."""
    await tx.execute(KEEP, {"workspace_id": workspace_id, "key": key, "kept": kept})
    await tx.execute(
        COUNT_BACK,
        {"workspace_id": workspace_id, "feature": row.feature, "window_start": row.window_start, "quantity": row.kept - kept},
    )
