"""SQL of resolving holds: each booking is one statement that locks the hold, then the account, then the grants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.usage import UsageEvent
from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.modules.billing.store.holds import HoldRow
from nexusone.modules.billing.store.usage import events_parameters
from nexusone.platform.database import Transaction
from nexusone.platform.events import FACT
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

# A hold that is held and large enough takes the use.
_USED_UP = fragment("""resolved as (
    update billing.hold as h
    set settled_micros = h.settled_micros + %(used)s::bigint,
        state = %(state)s::text,
        closing_micros = case when %(is_final)s::boolean then %(closing)s::bigint end,
        resolved_at = case when %(is_final)s::boolean then %(now)s::timestamptz end
    where h.workspace_id = %(workspace_id)s and h.key = %(key)s and h.state = 'held'
        and h.amount_micros - h.settled_micros >= %(used)s::bigint
""")

# The account gives what was used, and gets back what is left.
_SHIFTED = fragment("""moved as (
    update billing.account as a
    set held_micros = a.held_micros - %(used)s::bigint - r.rest,
        spent_micros = a.spent_micros + %(used)s::bigint,
        available_micros = a.available_micros + r.rest
    from resolved as r
    where a.workspace_id = %(workspace_id)s
""")

# Settles, settles a part, or releases. A part whose key is known is left to the caller, as is a hold that is not held, and one that a
# cap began to count meanwhile, whose counter this statement does not see yet.
RESOLVE = fragment("""
with {used_up}
        and h.counted = (select k.counted from billing.hold as k where k.workspace_id = %(workspace_id)s and k.key = %(key)s)
        and (%(is_final)s::boolean or not exists (
            select 1 from billing.transfer as t
            where t.workspace_id = %(workspace_id)s and t.key = h.id::text || %(transfer_suffix)s
        ))
    returning h.id, h.key, h.purpose, h.amount_micros, h.settled_micros, h.closing_micros, h.state, h.expires_at,
        h.grant_ids, h.grant_micros, h.counted,
        case when %(is_final)s::boolean then h.amount_micros - h.settled_micros else 0 end as rest
), {shifted}
    returning a.overdraft_micros < 0 and a.available_micros > 0 as owes,
        a.available_micros + a.held_micros < a.watch_below_micros as is_low
), slice as materialized (
    select s.grant_id, s.used, s.rest
    from resolved as r, billing.slices(
        r.grant_ids, r.grant_micros, r.settled_micros - %(used)s::bigint, r.settled_micros, r.settled_micros + r.rest
    ) as s
), returned as (
    update billing.grant_ as g
    set remaining_micros = g.remaining_micros + slice.rest, is_open = true
    from slice, moved
    where g.workspace_id = %(workspace_id)s and g.id = slice.grant_id and slice.rest > 0
), uncounted as (
    update billing.cap_count as c
    set used_micros = c.used_micros - r.rest
    from resolved as r, moved
    where c.workspace_id = %(workspace_id)s and c.id = any(r.counted) and r.rest > 0
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, r.id::text || %(transfer_suffix)s, %(kind)s, r.key, r.purpose,
        %(used)s::bigint + r.rest, %(now)s
    from resolved as r
    where %(used)s::bigint + r.rest > 0
    on conflict (workspace_id, key) do nothing
    returning id
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, booked.id, line.account, slice.grant_id, line.amount
    from booked, slice, lateral (
        values ('held', -slice.used - slice.rest), ('spent', slice.used), ('available', slice.rest)
    ) as line (account, amount)
    where line.amount <> 0
)
select r.id, r.key, r.purpose, r.amount_micros, r.settled_micros, r.closing_micros, r.state, r.expires_at, moved.owes, moved.is_low,
    %(used)s::bigint + r.rest = 0 or exists (select 1 from booked) as is_booked
from resolved as r, moved
""").fill(used_up=_USED_UP, shifted=_SHIFTED)

# The common case alone in its transaction: what came from one grant and stands under no cap. It tells itself of what it settled. Where
# more is to be done (the part was booked before, overdraft can be paid back, a threshold is crossed) it is undone, and the longer way
# does it. Every part of the statement is paid for each time, so it has no more than it needs.
_IN_ONE_TRIP = fragment("""
with {used_up}
        and cardinality(h.grant_ids) = 1 and cardinality(h.counted) = 0
    returning h.id, h.key, h.purpose, h.amount_micros, h.settled_micros, h.closing_micros, h.state, h.expires_at,
        h.grant_ids[1] as grant_id, case when %(is_final)s::boolean then h.amount_micros - h.settled_micros else 0 end as rest
), {shifted}
    returning (a.overdraft_micros < 0 and a.available_micros > 0) or a.available_micros + a.held_micros < a.watch_below_micros as is_more
), returned as (
    update billing.grant_ as g
    set remaining_micros = g.remaining_micros + r.rest, is_open = true
    from resolved as r, moved
    where g.workspace_id = %(workspace_id)s and g.id = r.grant_id and r.rest > 0
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, r.id::text || %(transfer_suffix)s, %(kind)s, %(key)s, r.purpose,
        %(used)s::bigint + r.rest, %(now)s
    from resolved as r
    where %(used)s::bigint + r.rest > 0
    on conflict (workspace_id, key) do nothing
    returning id
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, booked.id, line.account, r.grant_id, line.amount
    from booked, resolved as r, lateral (
        values ('held', -%(used)s::bigint - r.rest), ('spent', %(used)s::bigint), ('available', r.rest)
    ) as line (account, amount)
    where line.amount <> 0
), {beside}{fact}
select r.id, r.key, r.purpose, r.amount_micros, r.settled_micros, r.closing_micros, r.state, r.expires_at
from resolved as r
cross join moved
left join booked on true
where (not moved.is_more and (booked.id is not null or %(used)s::bigint + r.rest = 0)) or billing.give_way()
""").fill(
    used_up=_USED_UP,
    shifted=_SHIFTED,
    fact=FACT.fill(
        told=fragment("""
        select r.id::text as object_id, jsonb_build_object('hold_id', r.id, 'purpose', r.purpose) as details,
            jsonb_build_object('hold_id', jsonb_build_object('after', r.id), 'purpose', jsonb_build_object('after', r.purpose)) as changes
        from resolved as r
        where %(used)s::bigint > 0
        """)
    ),
)

RESOLVE_IN_ONE_TRIP = _IN_ONE_TRIP.fill(beside=fragment(""))

# The same, with what a vendor charged and what was used of what is metered.
RESOLVE_NOTING_IN_ONE_TRIP = _IN_ONE_TRIP.fill(
    beside=fragment("""costed as (
    insert into billing.vendor_cost (workspace_id, key, purpose, cost_nano, occurred_at)
    select %(workspace_id)s, %(key)s, r.purpose, %(cost_nano)s::bigint, %(now)s
    from resolved as r
    where %(cost_nano)s::bigint > 0
    on conflict (workspace_id, key) do nothing
), metered as (
    insert into billing.usage_event (workspace_id, id, meter, quantity, subject, occurred_at, recorded_at)
    select %(workspace_id)s, e.id, e.meter, e.quantity, e.subject, e.occurred_at, %(now)s
    from resolved as r,
        unnest(%(ids)s::text[], %(meters)s::text[], %(quantities)s::bigint[], %(subjects)s::text[], %(times)s::timestamptz[])
            as e (id, meter, quantity, subject, occurred_at)
    on conflict (workspace_id, id) do nothing
), """)
)

LOCK_HOLD = sql("""
select id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
from billing.hold
where workspace_id = %(workspace_id)s and key = %(key)s
for update
""")

FIND_TRANSFER = sql("""
select amount_micros from billing.transfer
where workspace_id = %(workspace_id)s and key = %(transfer_key)s
""")

# The credits of an expired hold have gone back: what was used is taken anew, and what the grants lack becomes overdraft.
SETTLE_LATE = sql("""
with locked as (
    select workspace_id from billing.account where workspace_id = %(workspace_id)s for update
), taken as materialized (
    select t.grant_id, t.taken from locked, billing.take_from_grants(locked.workspace_id, %(used)s, %(now)s) as t
), total as (
    select coalesce(sum(taken), 0)::bigint as covered from taken
), moved as (
    update billing.account as a
    set available_micros = a.available_micros - total.covered,
        spent_micros = a.spent_micros + %(used)s::bigint,
        overdraft_micros = a.overdraft_micros - (%(used)s::bigint - total.covered)
    from total
    where a.workspace_id = %(workspace_id)s
), counted as (
    update billing.cap_count as c
    set used_micros = c.used_micros + %(used)s::bigint
    from billing.hold as h, total
    where h.workspace_id = %(workspace_id)s and h.key = %(key)s and c.workspace_id = %(workspace_id)s and c.id = any(h.counted)
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, h.id::text || %(transfer_suffix)s, 'late', h.key, h.purpose, %(used)s, %(now)s
    from billing.hold as h
    where h.workspace_id = %(workspace_id)s and h.key = %(key)s and %(used)s::bigint > 0
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, %(transfer_id)s, line.account, line.grant_id, line.amount
    from (
        select 'available' as account, grant_id, -taken as amount from taken
        union all
        select 'spent', grant_id, taken from taken
        union all
        select 'overdraft', null, covered - %(used)s::bigint from total
        union all
        select 'spent', null, %(used)s::bigint - covered from total
    ) as line
    where line.amount <> 0
)
update billing.hold
set settled_micros = settled_micros + %(used)s::bigint,
    state = %(state)s::text,
    closing_micros = case when %(is_final)s::boolean then %(closing)s::bigint end,
    resolved_at = case when %(is_final)s::boolean then %(now)s::timestamptz else resolved_at end
where workspace_id = %(workspace_id)s and key = %(key)s
returning id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
""")


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a hold is to be resolved; `transfer_suffix` and the hold's id are the transfer's key.

    `closing`: what the request settles in all, where it is more than `used`.
    """

    workspace_id: UUID
    key: str
    used: int
    state: HoldState
    is_final: bool
    kind: str
    transfer_id: UUID
    transfer_suffix: str
    now: datetime
    closing: int | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of work when it is paid for: what a vendor charged for it (0: nothing), and what was used."""

    cost_nano: int
    events: Sequence[UsageEvent]


@dataclass(frozen=True, slots=True)
class ResolvedRow(HoldRow):
    """A hold after its resolution; `is_booked` false: the part was booked meanwhile.

    `owes`: overdraft can be paid back now. `is_low`: less is unspent than the workspace watches for.
    """

    owes: bool
    is_low: bool
    is_booked: bool


async def resolve(tx: Transaction, wanted: Resolution) -> ResolvedRow | None:
    """Resolves a hold that is held and large enough; None for any other."""
    return await tx.find_one(ResolvedRow, RESOLVE, _resolution_parameters(wanted))


async def resolve_in_one_trip(ctx: Context, wanted: Resolution, *, fact: Mapping[str, object]) -> HoldRow | None:
    """The common case, told and committed in one round trip; None where it takes more than that. `fact`: as `fact_parameters`."""
    rows = await ctx.try_in_one_trip("billing", HoldRow, RESOLVE_IN_ONE_TRIP, {**fact, **_resolution_parameters(wanted)})
    return rows[0] if rows else None


async def resolve_noting_in_one_trip(ctx: Context, wanted: Resolution, noted: Noted, *, fact: Mapping[str, object]) -> HoldRow | None:
    """The same together with what is noted of the work."""
    told = {**fact, "cost_nano": noted.cost_nano, **events_parameters(noted.events), **_resolution_parameters(wanted)}
    rows = await ctx.try_in_one_trip("billing", HoldRow, RESOLVE_NOTING_IN_ONE_TRIP, told)
    return rows[0] if rows else None


async def lock_hold(tx: Transaction, *, workspace_id: UUID, key: str) -> HoldRow | None:
    """A hold, locked."""
    return await tx.find_one(HoldRow, LOCK_HOLD, {"workspace_id": workspace_id, "key": key})


async def find_transfer_amount(tx: Transaction, *, workspace_id: UUID, transfer_key: str) -> int | None:
    """What a transfer moved."""
    return await tx.find_value(int, FIND_TRANSFER, {"workspace_id": workspace_id, "transfer_key": transfer_key})


async def settle_late(tx: Transaction, wanted: Resolution) -> HoldRow:
    """Books what an expired, locked hold cost."""
    return await tx.fetch_one(HoldRow, SETTLE_LATE, _resolution_parameters(wanted))


def _resolution_parameters(wanted: Resolution) -> dict[str, object]:
    return {
        "workspace_id": wanted.workspace_id,
        "key": wanted.key,
        "used": wanted.used,
        "closing": wanted.used if wanted.closing is None else wanted.closing,
        "state": wanted.state,
        "is_final": wanted.is_final,
        "kind": wanted.kind,
        "transfer_id": wanted.transfer_id,
        "transfer_suffix": wanted.transfer_suffix,
        "now": wanted.now,
    }
