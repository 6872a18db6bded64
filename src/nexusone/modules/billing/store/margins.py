"""SQL of what credits earned, what vendors charged, and the floor between them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.usage import ReactionName
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_COST = sql("""
insert into billing.vendor_cost (workspace_id, key, purpose, cost_nano, occurred_at)
values (%(workspace_id)s, %(key)s, %(purpose)s, %(cost_nano)s, %(now)s)
on conflict (workspace_id, key) do nothing
""")

# The ledger says what was earned. Its ids are ordered by time, which spares an index on the hottest table; the instant decides.
LIST_MARGINS = sql("""
with earned as (
    select purpose, sum(amount_micros)::bigint as micros
    from billing.transfer
    where workspace_id = %(workspace_id)s and id >= %(first_id)s and created_at >= %(since)s and created_at < %(until)s
        and kind in ('settle', 'part', 'late')
    group by purpose
), cost as (
    select purpose, sum(cost_nano)::bigint as nano
    from billing.vendor_cost
    where workspace_id = %(workspace_id)s and occurred_at >= %(since)s and occurred_at < %(until)s
    group by purpose
)
select coalesce(earned.purpose, cost.purpose) as purpose, coalesce(earned.micros, 0) as earned_micros,
    coalesce(cost.nano, 0) as cost_nano, b.since as breached_since, b.reaction
from earned
full join cost on cost.purpose = earned.purpose
left join billing.margin_breach as b on b.workspace_id = %(workspace_id)s and b.purpose = coalesce(earned.purpose, cost.purpose)
order by 1
""")

FIND_FLOOR = sql("""
select floor_bps, reaction from billing.margin_floor where workspace_id = %(workspace_id)s
""")

PUT_FLOOR = sql("""
insert into billing.margin_floor (workspace_id, floor_bps, reaction, updated_at)
values (%(workspace_id)s, %(floor_bps)s, %(reaction)s, %(now)s)
on conflict (workspace_id) do update
set floor_bps = excluded.floor_bps, reaction = excluded.reaction, updated_at = excluded.updated_at
""")

OPEN_BREACH = sql("""
insert into billing.margin_breach as b (workspace_id, purpose, since, margin_bps, reaction)
values (%(workspace_id)s, %(purpose)s, %(now)s, %(margin_bps)s, %(reaction)s)
on conflict (workspace_id, purpose) do update set reaction = excluded.reaction, margin_bps = excluded.margin_bps
returning (b.since = %(now)s) as is_new
""")

CLOSE_BREACHES = sql("""
delete from billing.margin_breach where workspace_id = %(workspace_id)s and not purpose = any(%(kept)s)
""")

FIND_REACTION = sql("""
select reaction from billing.margin_breach where workspace_id = %(workspace_id)s and purpose = %(purpose)s
""")

LIST_WORKSPACES_WITH_COSTS = sql("""
select distinct workspace_id from billing.vendor_cost where occurred_at >= %(since)s limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class MarginRow:
    """What a purpose earned in micro-credits, and cost."""

    purpose: str
    earned_micros: int
    cost_nano: int
    breached_since: datetime | None
    reaction: ReactionName | None


@dataclass(frozen=True, slots=True)
class FloorRow:
    """A workspace's own floor."""

    floor_bps: int
    reaction: ReactionName


async def insert_cost(tx: Transaction, *, workspace_id: UUID, key: str, purpose: str, cost_nano: int, now: datetime) -> None:
    """Writes what a vendor charged, once per key."""
    await tx.execute(INSERT_COST, {"workspace_id": workspace_id, "key": key, "purpose": purpose, "cost_nano": cost_nano, "now": now})


async def list_margins(tx: Transaction, *, workspace_id: UUID, first_id: UUID, since: datetime, until: datetime) -> list[MarginRow]:
    """What each purpose earned and cost over a period; `first_id` is not after any transfer of it."""
    asked = {"workspace_id": workspace_id, "first_id": first_id, "since": since, "until": until}
    return await tx.fetch_all(MarginRow, LIST_MARGINS, asked)


async def find_floor(tx: Transaction, *, workspace_id: UUID) -> FloorRow | None:
    """The workspace's own floor, or None."""
    return await tx.find_one(FloorRow, FIND_FLOOR, {"workspace_id": workspace_id})


async def put_floor(tx: Transaction, *, workspace_id: UUID, floor_bps: int, reaction: ReactionName, now: datetime) -> None:
    """Writes the workspace's own floor."""
    await tx.execute(PUT_FLOOR, {"workspace_id": workspace_id, "floor_bps": floor_bps, "reaction": reaction, "now": now})


async def open_breach(tx: Transaction, *, workspace_id: UUID, purpose: str, margin_bps: int, reaction: ReactionName, now: datetime) -> bool:
    """Notes that a purpose is below its floor; whether it was not before."""
    told = {"workspace_id": workspace_id, "purpose": purpose, "margin_bps": margin_bps, "reaction": reaction, "now": now}
    return await tx.fetch_value(bool, OPEN_BREACH, told)


async def close_breaches(tx: Transaction, *, workspace_id: UUID, kept: list[str]) -> int:
    """Forgets the breaches of all other purposes; answers how many."""
    return await tx.execute(CLOSE_BREACHES, {"workspace_id": workspace_id, "kept": kept})


async def find_reaction(tx: Transaction, *, workspace_id: UUID, purpose: str) -> str | None:
    """What is to happen to a purpose that is below its floor, or None."""
    return await tx.find_value(str, FIND_REACTION, {"workspace_id": workspace_id, "purpose": purpose})


async def list_workspaces_with_costs(tx: Transaction, *, since: datetime, limit: int) -> list[UUID]:
    """The workspaces for which vendors charged something lately."""
    return [row[0] for row in await tx.fetch_tuples(LIST_WORKSPACES_WITH_COSTS, {"since": since, "limit": limit})]
