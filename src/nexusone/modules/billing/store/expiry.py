"""SQL of what time takes back: unresolved holds, and grants past their end. Sets, not rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_WORKSPACES_WITH_DUE_HOLDS = sql("""
select workspace_id, count(*) as due
from billing.hold
where state = 'held' and expires_at <= %(now)s
group by workspace_id
limit %(limit)s
""")

LIST_WORKSPACES_WITH_DUE_GRANTS = sql("""
select workspace_id, count(*) as due
from billing.grant_
where is_open and expires_at <= %(now)s
group by workspace_id
limit %(limit)s
""")

EXPIRE_HOLDS = sql("""
with due as (
    select key from billing.hold
    where workspace_id = %(workspace_id)s and state = 'held' and expires_at <= %(now)s
    order by expires_at
    limit cardinality(%(transfer_ids)s::uuid[])
    for update skip locked
), numbered as (
    select key, row_number() over () as row from due
), resolved as (
    update billing.hold as h
    set state = 'expired', resolved_at = %(now)s
    from numbered
    join unnest(%(transfer_ids)s::uuid[]) with ordinality as id (transfer_id, row) on id.row = numbered.row
    where h.workspace_id = %(workspace_id)s and h.key = numbered.key
    returning h.id, h.key, h.purpose, h.amount_micros - h.settled_micros as rest, h.amount_micros, h.settled_micros,
        h.grant_ids, h.grant_micros, id.transfer_id
), total as (
    select coalesce(sum(rest), 0)::bigint as rest from resolved
), moved as (
    update billing.account as a
    set held_micros = a.held_micros - total.rest, available_micros = a.available_micros + total.rest
    from total
    where a.workspace_id = %(workspace_id)s and total.rest > 0
    returning a.overdraft_micros < 0 as owes
), slice as materialized (
    select r.transfer_id, s.grant_id, s.rest
    from resolved as r, billing.slices(r.grant_ids, r.grant_micros, r.settled_micros, r.settled_micros, r.amount_micros) as s
), returned as (
    update billing.grant_ as g
    set remaining_micros = g.remaining_micros + back.rest, is_open = true
    from (select grant_id, sum(rest)::bigint as rest from slice group by grant_id) as back, moved
    where g.workspace_id = %(workspace_id)s and g.id = back.grant_id
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, r.transfer_id, r.id::text || ':expiry', 'hold_expiry', r.key, r.purpose, r.rest, %(now)s
    from resolved as r
    where r.rest > 0
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, slice.transfer_id, line.account, slice.grant_id, line.sign * slice.rest
    from slice, (values ('held', -1), ('available', 1)) as line (account, sign)
)
select id, key, purpose, rest, coalesce((select owes from moved), false) as owes
from resolved
""")

EXPIRE_GRANTS = sql("""
with locked as (
    select workspace_id from billing.account where workspace_id = %(workspace_id)s for update
), due as (
    select g.id, g.remaining_micros
    from locked, billing.grant_ as g
    where g.workspace_id = %(workspace_id)s and g.is_open and g.expires_at <= %(now)s
    for update of g
), emptied as (
    update billing.grant_ as g
    set remaining_micros = 0, is_open = false
    from due
    where g.workspace_id = %(workspace_id)s and g.id = due.id
    returning g.id, due.remaining_micros as lost
), total as (
    select coalesce(sum(lost), 0)::bigint as lost from emptied
), moved as (
    update billing.account as a
    set available_micros = a.available_micros - total.lost, expired_micros = a.expired_micros + total.lost
    from total
    where a.workspace_id = %(workspace_id)s and total.lost > 0
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_id)s::text || ':grant_expiry', 'grant_expiry', 'grants', 'expiry',
        total.lost, %(now)s
    from total
    where total.lost > 0
)
insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
select %(workspace_id)s, %(transfer_id)s, line.account, emptied.id, line.sign * emptied.lost
from emptied, (values ('available', -1), ('expired', 1)) as line (account, sign)
""")


@dataclass(frozen=True, slots=True)
class DueWorkspace:
    """A workspace and how many of its rows are due."""

    workspace_id: UUID
    due: int


@dataclass(frozen=True, slots=True)
class ExpiredRow:
    """A hold that expired and what went back; `owes`: the workspace has overdraft."""

    id: UUID
    key: str
    purpose: str
    rest: int
    owes: bool


async def list_workspaces_with_due_holds(tx: Transaction, *, now: datetime, limit: int) -> list[DueWorkspace]:
    """In the system context: where holds wait to be released."""
    return await tx.fetch_all(DueWorkspace, LIST_WORKSPACES_WITH_DUE_HOLDS, {"now": now, "limit": limit})


async def list_workspaces_with_due_grants(tx: Transaction, *, now: datetime, limit: int) -> list[DueWorkspace]:
    """In the system context: where grants have ended with something left."""
    return await tx.fetch_all(DueWorkspace, LIST_WORKSPACES_WITH_DUE_GRANTS, {"now": now, "limit": limit})


async def expire_holds(tx: Transaction, *, workspace_id: UUID, now: datetime, transfer_ids: Sequence[UUID]) -> list[ExpiredRow]:
    """Releases as many due holds as there are transfer ids; those that are being resolved right now are skipped."""
    parameters = {"workspace_id": workspace_id, "now": now, "transfer_ids": list(transfer_ids)}
    return await tx.fetch_all(ExpiredRow, EXPIRE_HOLDS, parameters)


async def expire_grants(tx: Transaction, *, workspace_id: UUID, now: datetime, transfer_id: UUID) -> None:
    """Moves what is left of ended grants from available to expired."""
    await tx.execute(EXPIRE_GRANTS, {"workspace_id": workspace_id, "now": now, "transfer_id": transfer_id})
