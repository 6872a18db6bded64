"""SQL of caps: whoever counts holds the account's lock, so counts are exact however many ask at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nexusone.modules.billing.contracts.caps import CapPeriod, CapScope
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# A statement sees the rows as they were when it began, and its first guess at a new row is checked as well, before it looks for the
# newest version. What takes more than the row's oldest version may have therefore locks the account in a statement before.
LOCK_ACCOUNT = sql("select has_caps from billing.account where workspace_id = %(workspace_id)s for update")

OPEN_ACCOUNT = sql("""
insert into billing.account (workspace_id, granted_micros, available_micros, created_at)
values (%(workspace_id)s, 0, 0, %(now)s)
on conflict (workspace_id) do nothing
""")

# Of two caps of the same kind, the one that names the subject counts. A counter goes up only as far as the cap lets it.
COUNT = sql("""
with due as (
    select distinct on (c.scope, c.period) c.scope, a.subject, c.period, c.limit_micros,
        case c.period when 'day' then %(day)s::date when 'month' then %(month)s::date else date '2000-01-01' end as starts_on
    from billing.cap as c
    join unnest(%(scopes)s::text[], %(subjects)s::text[]) as a (scope, subject) on a.scope = c.scope and c.subject in ('', a.subject)
    where c.workspace_id = %(workspace_id)s
    order by c.scope, c.period, c.subject desc
), counted as (
    insert into billing.cap_count as k (workspace_id, id, scope, subject, period, starts_on, used_micros)
    select %(workspace_id)s, uuidv7(), d.scope, d.subject, d.period, d.starts_on, %(amount)s
    from due as d
    where %(amount)s::bigint <= d.limit_micros
    on conflict (workspace_id, scope, subject, period, starts_on) do update
    set used_micros = k.used_micros + excluded.used_micros
    where k.used_micros + excluded.used_micros <= (select d.limit_micros from due as d where d.scope = k.scope and d.period = k.period)
    returning k.id, k.scope, k.period
)
select d.scope, d.period, d.limit_micros, counted.id, coalesce(k.used_micros, 0) as used_micros
from due as d
left join counted on counted.scope = d.scope and counted.period = d.period
left join billing.cap_count as k on k.workspace_id = %(workspace_id)s
    and (k.scope, k.subject, k.period, k.starts_on) = (d.scope, d.subject, d.period, d.starts_on)
order by d.scope, d.period
""")

LIST_CAPS = sql("""
select c.scope, c.subject, c.period, c.limit_micros, coalesce(k.used_micros, 0) as used_micros
from billing.cap as c
left join billing.cap_count as k on k.workspace_id = %(workspace_id)s and k.scope = c.scope and k.subject = c.subject
    and k.period = c.period
    and k.starts_on = case c.period when 'day' then %(day)s::date when 'month' then %(month)s::date else date '2000-01-01' end
where c.workspace_id = %(workspace_id)s
order by c.scope, c.period, c.subject
""")

CLEAR_CAPS = sql("delete from billing.cap where workspace_id = %(workspace_id)s")

INSERT_CAPS = sql("""
insert into billing.cap (workspace_id, scope, subject, period, limit_micros)
select %(workspace_id)s, c.scope, c.subject, c.period, c.limit_micros
from unnest(%(scopes)s::text[], %(subjects)s::text[], %(periods)s::text[], %(limits)s::bigint[]) as c (scope, subject, period, limit_micros)
""")

LOCK_HOLDS = sql("""
select count(*)::bigint from (
    select key from billing.hold where workspace_id = %(workspace_id)s and state in ('held', 'expired') order by key for update
) as locked
""")

# What every cap's period holds already, by who and what it stands for. Holds that may change yet name their counter from now on; what the
# others came to is the counter's opening. Said again it finds the same.
RECOUNT = sql("""
with kind as (
    select distinct c.scope, c.period,
        case c.period when 'day' then %(day)s::date when 'month' then %(month)s::date else date '2000-01-01' end as starts_on
    from billing.cap as c
    where c.workspace_id = %(workspace_id)s
), stood as (
    select h.key, k.scope, s.subject, k.period, k.starts_on, known.id is not null and known.id = any(h.counted) as is_counted,
        h.state in ('held', 'expired') as is_open,
        case when h.state = 'held' then h.amount_micros else h.settled_micros + h.excess_micros end as micros
    from kind as k
    join billing.hold as h on h.workspace_id = %(workspace_id)s and h.created_at >= k.starts_on::timestamp at time zone 'UTC'
        and h.purpose <> all(%(uncapped)s::text[])
    cross join lateral (
        select '' as subject where k.scope = 'workspace'
        union all
        select substr(u.name, length(k.scope) + 2) from unnest(h.subjects) as u (name) where starts_with(u.name, k.scope || ':')
    ) as s
    left join billing.cap_count as known on known.workspace_id = %(workspace_id)s
        and (known.scope, known.subject, known.period, known.starts_on) = (k.scope, s.subject, k.period, k.starts_on)
    where exists (
        select 1 from billing.cap as c
        where c.workspace_id = %(workspace_id)s and c.scope = k.scope and c.period = k.period and c.subject in ('', s.subject)
    )
), counter as (
    insert into billing.cap_count as c (workspace_id, id, scope, subject, period, starts_on, used_micros, opening_micros)
    select %(workspace_id)s, uuidv7(), scope, subject, period, starts_on, sum(micros)::bigint,
        coalesce(sum(micros) filter (where not is_open and not is_counted), 0)::bigint
    from stood
    group by scope, subject, period, starts_on
    on conflict (workspace_id, scope, subject, period, starts_on) do update
    set used_micros = excluded.used_micros, opening_micros = excluded.opening_micros
    returning c.id, c.scope, c.subject, c.period, c.starts_on
), named as (
    select s.key, array_agg(c.id) as ids
    from stood as s
    join counter as c using (scope, subject, period, starts_on)
    where s.is_open and not s.is_counted
    group by s.key
)
update billing.hold as h
set counted = h.counted || named.ids
from named
where h.workspace_id = %(workspace_id)s and h.key = named.key
""")

MARK_ACCOUNT = sql("update billing.account set has_caps = %(has_caps)s where workspace_id = %(workspace_id)s")


@dataclass(frozen=True, slots=True)
class CountedRow:
    """A cap that a hold stands under; `id` of its counter, None where the cap does not let the hold through."""

    scope: CapScope
    period: CapPeriod
    limit_micros: int
    id: UUID | None
    used_micros: int


@dataclass(frozen=True, slots=True)
class CapRow:
    """A cap and what counts against it now; of a cap for each member, key or job, nothing."""

    scope: CapScope
    subject: str
    period: CapPeriod
    limit_micros: int
    used_micros: int


async def lock_account(tx: Transaction, *, workspace_id: UUID) -> bool | None:
    """Locks the workspace's account; whether it has caps, or None where there is no account."""
    return await tx.find_value(bool, LOCK_ACCOUNT, {"workspace_id": workspace_id})


async def open_account(tx: Transaction, *, workspace_id: UUID, now: datetime) -> None:
    """Opens an empty account where there is none, and locks it."""
    await tx.execute(OPEN_ACCOUNT, {"workspace_id": workspace_id, "now": now})
    await lock_account(tx, workspace_id=workspace_id)


async def count(
    tx: Transaction, *, workspace_id: UUID, today: date, subjects: Sequence[tuple[CapScope, str]], amount: int
) -> list[CountedRow]:
    """Counts an amount against every cap that is due, as far as each lets it."""
    parameters = {
        "workspace_id": workspace_id,
        "day": today,
        "month": today.replace(day=1),
        "scopes": [scope for scope, _ in subjects],
        "subjects": [subject for _, subject in subjects],
        "amount": amount,
    }
    return await tx.fetch_all(CountedRow, COUNT, parameters)


async def list_caps(tx: Transaction, *, workspace_id: UUID, today: date) -> list[CapRow]:
    """All caps of the workspace."""
    return await tx.fetch_all(CapRow, LIST_CAPS, {"workspace_id": workspace_id, "day": today, "month": today.replace(day=1)})


async def lock_holds(tx: Transaction, *, workspace_id: UUID) -> None:
    """Locks the holds that may change yet."""
    await tx.fetch_value(int, LOCK_HOLDS, {"workspace_id": workspace_id})


async def recount(tx: Transaction, *, workspace_id: UUID, today: date, uncapped: Sequence[str]) -> None:
    """Lets every cap count all of its present period, but for uncapped purposes; the account is locked."""
    parameters = {"workspace_id": workspace_id, "day": today, "month": today.replace(day=1), "uncapped": uncapped}
    await tx.execute(RECOUNT, parameters)


async def replace_caps(tx: Transaction, caps: Sequence[CapRow], *, workspace_id: UUID) -> None:
    """Puts these in place of all that were; the account is locked."""
    await tx.execute(CLEAR_CAPS, {"workspace_id": workspace_id})
    parameters = {
        "workspace_id": workspace_id,
        "scopes": [cap.scope for cap in caps],
        "subjects": [cap.subject for cap in caps],
        "periods": [cap.period for cap in caps],
        "limits": [cap.limit_micros for cap in caps],
    }
    await tx.execute(INSERT_CAPS, parameters)
    await tx.execute(MARK_ACCOUNT, {"workspace_id": workspace_id, "has_caps": bool(caps)})
