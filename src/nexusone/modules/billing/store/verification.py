"""SQL that recomputes the ledger from its lines and shows where the books disagree."""

from dataclasses import dataclass
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_WORKSPACES = sql("""
select workspace_id from billing.account
where %(after)s::uuid is null or workspace_id > %(after)s::uuid
order by workspace_id
limit %(limit)s
""")

# One statement, so that all parts are compared in the same snapshot while others go on booking.
LIST_DIFFERENCES = sql("""
with line as materialized (
    select transfer_id, account, grant_id, amount_micros from billing.entry where workspace_id = %(workspace_id)s
), balance as (
    select b.name, b.micros
    from billing.account as a, lateral (values
        ('granted', a.granted_micros), ('available', a.available_micros), ('held', a.held_micros),
        ('spent', a.spent_micros), ('overdraft', a.overdraft_micros), ('expired', a.expired_micros)
    ) as b (name, micros)
    where a.workspace_id = %(workspace_id)s
), compared as (
    select 'account' as part, coalesce(b.name, s.account) as subject, coalesce(s.micros, 0) as expected, b.micros as found
    from balance as b
    full join (select account, sum(amount_micros)::bigint as micros from line group by account) as s on s.account = b.name
    union all
    select 'transfer', coalesce(t.id, s.transfer_id)::text, 0,
        case when t.id is null or (s.lines is null) then null else s.micros end
    from (select id from billing.transfer where workspace_id = %(workspace_id)s) as t
    full join (
        select transfer_id, sum(amount_micros)::bigint as micros, count(*) as lines from line group by transfer_id
    ) as s on s.transfer_id = t.id
    union all
    select 'grant', coalesce(g.id, s.grant_id)::text, coalesce(s.micros, 0), g.remaining_micros
    from (select id, remaining_micros from billing.grant_ where workspace_id = %(workspace_id)s) as g
    full join (
        select grant_id, sum(amount_micros)::bigint as micros from line
        where account = 'available' and grant_id is not null
        group by grant_id
    ) as s on s.grant_id = g.id
    union all
    select 'holds', 'held', coalesce(sum(h.amount_micros - h.settled_micros), 0)::bigint,
        (select micros from balance where name = 'held')
    from billing.hold as h
    where h.workspace_id = %(workspace_id)s and h.state = 'held'
    union all
    select 'grants', 'available', coalesce(sum(g.remaining_micros), 0)::bigint, (select micros from balance where name = 'available')
    from billing.grant_ as g
    where g.workspace_id = %(workspace_id)s
    union all
    select 'holds', 'spent', coalesce(sum(h.settled_micros + h.excess_micros), 0)::bigint, (select micros from balance where name = 'spent')
    from billing.hold as h
    where h.workspace_id = %(workspace_id)s
    union all
    -- Each grant's credits are accounted for: what came in went, in parts that name the grant, to where it is now.
    select 'trace', grant_id::text, 0, sum(amount_micros)::bigint from line where grant_id is not null group by grant_id
    union all
    -- What was spent without a grant is overdraft of the same transfer.
    select 'trace', transfer_id::text, 0, sum(amount_micros)::bigint from line
    where grant_id is null and account in ('spent', 'overdraft')
    group by transfer_id
    union all
    select 'open', id::text, (remaining_micros > 0)::int, is_open::int from billing.grant_ where workspace_id = %(workspace_id)s
    union all
    select 'caps', c.id::text, coalesce(h.micros, 0) + c.opening_micros, c.used_micros
    from (select id, used_micros, opening_micros from billing.cap_count where workspace_id = %(workspace_id)s) as c
    left join (
        select counter.id,
            sum(case when h.state = 'held' then h.amount_micros else h.settled_micros + h.excess_micros end)::bigint as micros
        from billing.hold as h, unnest(h.counted) as counter (id)
        where h.workspace_id = %(workspace_id)s
        group by counter.id
    ) as h on h.id = c.id
)
select part, subject, expected, found from compared
where expected is distinct from found and (found is not null or expected <> 0 or part = 'transfer')
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """Where the books disagree: `expected` by the lines or parts, `found` in the row (None: there is no row, or no line)."""

    part: str
    subject: str
    expected: int
    found: int | None


async def list_workspaces(tx: Transaction, *, after: UUID | None, limit: int) -> list[UUID]:
    """In the system context: workspaces with an account."""
    return [row[0] for row in await tx.fetch_tuples(LIST_WORKSPACES, {"after": after, "limit": limit})]


async def list_differences(tx: Transaction, *, workspace_id: UUID, limit: int) -> list[DifferenceRow]:
    """Everything that does not add up."""
    return await tx.fetch_all(DifferenceRow, LIST_DIFFERENCES, {"workspace_id": workspace_id, "limit": limit})
