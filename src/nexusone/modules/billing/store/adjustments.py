"""SQL of adjustments by hand, and of taking credits back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.adjustments import AdjustmentKind, AdjustmentState
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT = sql("""
insert into billing.adjustment (workspace_id, id, key, kind, amount_micros, reason, state, made_by, made_at)
values (%(workspace_id)s, %(id)s, %(key)s, %(kind)s, %(amount_micros)s, %(reason)s, %(state)s, %(made_by)s, %(made_at)s)
on conflict (workspace_id, key) do nothing
""")

FIND_BY_KEY = sql("""
select id, key, kind, amount_micros, reason, state, made_by, made_at, decided_by, decided_at
from billing.adjustment
where workspace_id = %(workspace_id)s and key = %(key)s
""")

LOCK = sql("""
select id, key, kind, amount_micros, reason, state, made_by, made_at, decided_by, decided_at
from billing.adjustment
where workspace_id = %(workspace_id)s and id = %(id)s
for update
""")

LIST = sql("""
select id, key, kind, amount_micros, reason, state, made_by, made_at, decided_by, decided_at
from billing.adjustment
where workspace_id = %(workspace_id)s and (%(before)s::uuid is null or id < %(before)s::uuid)
order by id desc
limit %(limit)s
""")

DECIDE = sql("""
update billing.adjustment set state = %(state)s, decided_by = %(by)s, decided_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

# Takes from living grants in burn order; where they do not cover it, no row comes back and all must be undone.
TAKE_BACK = sql("""
with locked as (
    select workspace_id from billing.account where workspace_id = %(workspace_id)s for update
), taken as materialized (
    select t.grant_id, t.taken from locked, billing.take_from_grants(locked.workspace_id, %(amount)s, %(now)s) as t
), moved as (
    update billing.account as a
    set available_micros = a.available_micros - %(amount)s::bigint, granted_micros = a.granted_micros + %(amount)s::bigint
    where a.workspace_id = %(workspace_id)s and (select sum(taken) from taken) = %(amount)s
    returning a.workspace_id
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_key)s, 'correction', %(key)s, 'correction', %(amount)s, %(now)s
    from moved
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, %(transfer_id)s, line.account, taken.grant_id, line.sign * taken.taken
    from moved, taken, (values ('available', -1), ('granted', 1)) as line (account, sign)
)
select true from moved
""")


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """An adjustment."""

    id: UUID
    key: str
    kind: AdjustmentKind
    amount_micros: int
    reason: str
    state: AdjustmentState
    made_by: UUID
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None


async def insert(tx: Transaction, row: AdjustmentRow, *, workspace_id: UUID) -> bool:
    """Writes it, unless its key is known."""
    parameters = {
        "workspace_id": workspace_id,
        "id": row.id,
        "key": row.key,
        "kind": row.kind,
        "amount_micros": row.amount_micros,
        "reason": row.reason,
        "state": row.state,
        "made_by": row.made_by,
        "made_at": row.made_at,
    }
    return await tx.execute(INSERT, parameters) == 1


async def fetch_by_key(tx: Transaction, *, workspace_id: UUID, key: str) -> AdjustmentRow:
    """The adjustment of a known key."""
    return await tx.fetch_one(AdjustmentRow, FIND_BY_KEY, {"workspace_id": workspace_id, "key": key})


async def lock(tx: Transaction, *, workspace_id: UUID, adjustment_id: UUID) -> AdjustmentRow | None:
    """An adjustment, locked."""
    return await tx.find_one(AdjustmentRow, LOCK, {"workspace_id": workspace_id, "id": adjustment_id})


async def list_adjustments(tx: Transaction, *, workspace_id: UUID, before: UUID | None, limit: int) -> list[AdjustmentRow]:
    """Adjustments, newest first."""
    return await tx.fetch_all(AdjustmentRow, LIST, {"workspace_id": workspace_id, "before": before, "limit": limit})


async def decide(tx: Transaction, *, workspace_id: UUID, adjustment_id: UUID, state: AdjustmentState, by: UUID, now: datetime) -> None:
    """Writes who decided what."""
    await tx.execute(DECIDE, {"workspace_id": workspace_id, "id": adjustment_id, "state": state, "by": by, "now": now})


async def take_back(tx: Transaction, *, workspace_id: UUID, key: str, amount: int, transfer_id: UUID, now: datetime) -> bool:
    """Takes granted credits back; False where they are not there, and the transaction must not commit."""
    parameters = {
        "workspace_id": workspace_id,
        "key": key,
        "transfer_key": f"correction:{key}",
        "amount": amount,
        "transfer_id": transfer_id,
        "now": now,
    }
    return bool(await tx.find_value(bool, TAKE_BACK, parameters))
