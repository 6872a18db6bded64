"""SQL of overdraft: what a final settle needs beyond its hold, where the plan allows it."""

from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# What the grants lack becomes overdraft, up to the limit; where it does not reach, no row comes back and all must be undone.
SETTLE_EXCESS = sql("""
with allowed as (
    select a.workspace_id, a.overdraft_limit_micros as most
    from billing.account as a
    where a.workspace_id = %(workspace_id)s and a.overdraft_limit_micros > 0 and exists (
        select 1 from billing.workspace_plan as w join billing.plan_version as v on v.id = w.plan_version_id
        where w.workspace_id = %(workspace_id)s and v.allows_overdraft
    )
    for update of a
), taken as materialized (
    select t.grant_id, t.taken from allowed, billing.take_from_grants(allowed.workspace_id, %(excess)s, %(now)s) as t
), total as (
    select coalesce(sum(taken), 0)::bigint as covered from taken
), moved as (
    update billing.account as a
    set available_micros = a.available_micros - total.covered,
        spent_micros = a.spent_micros + %(excess)s::bigint,
        overdraft_micros = a.overdraft_micros - (%(excess)s::bigint - total.covered)
    from total, allowed
    where a.workspace_id = %(workspace_id)s and %(excess)s::bigint - total.covered - a.overdraft_micros <= allowed.most
    returning a.workspace_id
), counted as (
    update billing.cap_count as c
    set used_micros = c.used_micros + %(excess)s::bigint
    from billing.hold as h, moved
    where h.workspace_id = %(workspace_id)s and h.key = %(key)s and c.workspace_id = %(workspace_id)s and c.id = any(h.counted)
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, h.id::text || ':excess', 'excess', h.key, h.purpose, %(excess)s, %(now)s
    from billing.hold as h, moved
    where h.workspace_id = %(workspace_id)s and h.key = %(key)s
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, %(transfer_id)s, line.account, line.grant_id, line.amount
    from moved, (
        select 'available' as account, grant_id, -taken as amount from taken
        union all
        select 'spent', grant_id, taken from taken
        union all
        select 'overdraft', null, covered - %(excess)s::bigint from total
        union all
        select 'spent', null, %(excess)s::bigint - covered from total
    ) as line
    where line.amount <> 0
)
update billing.hold as h
set excess_micros = %(excess)s
from moved
where h.workspace_id = %(workspace_id)s and h.key = %(key)s
returning true
""")

SET_LIMIT = sql("""
insert into billing.account as a (workspace_id, granted_micros, available_micros, overdraft_limit_micros, created_at)
values (%(workspace_id)s, 0, 0, %(limit)s, %(now)s)
on conflict (workspace_id) do update set overdraft_limit_micros = excluded.overdraft_limit_micros
""")

FIND_LIMIT = sql("select overdraft_limit_micros from billing.account where workspace_id = %(workspace_id)s")


async def settle_excess(tx: Transaction, *, workspace_id: UUID, key: str, excess: int, transfer_id: UUID, now: datetime) -> bool:
    """Books what a settle used beyond its hold; False where plan or limit do not allow it, and the transaction must not commit."""
    parameters = {"workspace_id": workspace_id, "key": key, "excess": excess, "transfer_id": transfer_id, "now": now}
    return bool(await tx.find_value(bool, SETTLE_EXCESS, parameters))


async def set_limit(tx: Transaction, *, workspace_id: UUID, limit: int, now: datetime) -> None:
    """How far the workspace may go below zero."""
    await tx.execute(SET_LIMIT, {"workspace_id": workspace_id, "limit": limit, "now": now})


async def find_limit(tx: Transaction, *, workspace_id: UUID) -> int:
    """How far the workspace may go below zero."""
    return await tx.find_value(int, FIND_LIMIT, {"workspace_id": workspace_id}) or 0
