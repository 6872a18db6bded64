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

# One that a cap began to count meanwhile waits for the next run: this statement does not see its counter yet.
EXPIRE_HOLDS = sql("""
with due as (
    select h.key from billing.hold as h
    where h.workspace_id = %(workspace_id)s and h.state = 'held' and h.expires_at <= %(now)s
        and h.counted = (select k.counted from billing.hold as k where k.workspace_id = h.workspace_id and k.key = h.key)
    order by h.expires_at
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
        h.grant_ids, h.grant_micros, h.counted, h.kept_at is not null as is_kept, id.transfer_id
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
), uncounted as (
    update billing.cap_count as c
    set used_micros = c.used_micros - back.rest
    from (
        select counter.id, sum(r.rest)::bigint as rest from resolved as r, unnest(r.counted) as counter (id) group by counter.id
    ) as back, moved
    where c.workspace_id = %(workspace_id)s and c.id = back.id
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
select id, key, purpose, rest, is_kept, coalesce((select owes from moved), false) as owes
from resolved
""")

# Of a grant that rolls over, what it may keep becomes another grant; the rest is expired.
EXPIRE_GRANTS = sql("""
with locked as (
    select workspace_id, is_watched from billing.account where workspace_id = %(workspace_id)s for update
), due as (
    select g.id, g.source, g.priority, g.remaining_micros
    from locked, billing.grant_ as g
    where g.workspace_id = %(workspace_id)s and g.is_open and g.expires_at <= %(now)s
    for update of g
), emptied as (
    update billing.grant_ as g
    set remaining_micros = 0, is_open = false
    from due
    where g.workspace_id = %(workspace_id)s and g.id = due.id
    returning g.id, due.source, due.priority, due.remaining_micros as lost
), rolled as materialized (
    select e.id, e.source, e.priority, r.until, uuidv7() as into_id, least(e.lost, coalesce(r.max_micros, e.lost)) as kept
    from emptied as e
    join billing.grant_rollover as r on r.workspace_id = %(workspace_id)s and r.grant_id = e.id
    where r.until > %(now)s
), regranted as (
    insert into billing.grant_ (workspace_id, id, source, priority, amount_micros, remaining_micros, is_open, expires_at, created_at)
    select %(workspace_id)s, into_id, source, priority, kept, kept, true, until, %(now)s
    from rolled
), noted as (
    update billing.grant_rollover as r
    set into_grant_id = rolled.into_id
    from rolled
    where r.workspace_id = %(workspace_id)s and r.grant_id = rolled.id
), ended as (
    select emptied.id, emptied.lost - coalesce(rolled.kept, 0) as lost from emptied left join rolled on rolled.id = emptied.id
), total as (
    select coalesce(sum(lost), 0)::bigint as lost, (select coalesce(sum(kept), 0)::bigint from rolled) as kept from ended
), moved as (
    update billing.account as a
    set available_micros = a.available_micros - total.lost, expired_micros = a.expired_micros + total.lost
    from total
    where a.workspace_id = %(workspace_id)s and total.lost > 0
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, t.id, t.id::text || ':' || t.kind, t.kind, 'grants', t.purpose, t.amount, %(now)s
    from total, lateral (
        values (%(transfer_id)s::uuid, 'grant_expiry', 'expiry', total.lost), (%(rollover_id)s::uuid, 'rollover', 'rollover', total.kept)
    ) as t (id, kind, purpose, amount)
    where t.amount > 0
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, line.transfer_id, line.account, line.grant_id, line.amount
    from (
        select %(transfer_id)s::uuid as transfer_id, l.account, ended.id as grant_id, l.sign * ended.lost as amount
        from ended, (values ('available', -1), ('expired', 1)) as l (account, sign)
        union all
        select %(rollover_id)s::uuid, l.account, case when l.is_new then rolled.into_id else rolled.id end, l.sign * rolled.kept
        from rolled, (values ('available', -1, false), ('granted', 1, false), ('granted', -1, true), ('available', 1, true))
            as l (account, sign, is_new)
    ) as line
    where line.amount <> 0
)
select is_watched from locked
""")


@dataclass(frozen=True, slots=True)
class DueWorkspace:
    """A workspace and how many of its rows are due."""

    workspace_id: UUID
    due: int


@dataclass(frozen=True, slots=True)
class ExpiredRow:
    """A hold that expired and what went back; `is_kept`: its outcome is still unknown; `owes`: the workspace has overdraft."""

    id: UUID
    key: str
    purpose: str
    rest: int
    is_kept: bool
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


async def expire_grants(tx: Transaction, *, workspace_id: UUID, now: datetime, transfer_id: UUID, rollover_id: UUID) -> bool:
    """Moves what is left of ended grants from available to expired, or into another grant; whether the account is watched."""
    parameters = {"workspace_id": workspace_id, "now": now, "transfer_id": transfer_id, "rollover_id": rollover_id}
    return await tx.fetch_value(bool, EXPIRE_GRANTS, parameters)
