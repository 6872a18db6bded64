"""SQL of draws on a pool (in the agency's workspace) and of returns to it (in the client's): each asked once, ended once."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# The share's row is locked, so that draws of one client come one after the other; the month counts exactly.
FIND_TERMS = sql("""
select coalesce(s.monthly_micros, p.monthly_micros) as most
from billing.pool as p join billing.pool_share as s on s.workspace_id = p.workspace_id
where p.workspace_id = %(workspace_id)s and s.client_id = %(client_id)s and p.is_open and s.is_member
for update of s
""")

FIND_DRAW = sql("""
select id, client_id, amount_micros, state, month, asked_at from billing.pool_draw
where workspace_id = %(workspace_id)s and client_id = %(client_id)s and key = %(key)s
""")

COUNT_DRAW = sql("""
insert into billing.pool_month as m (workspace_id, client_id, month, drawn_micros)
select %(workspace_id)s, %(client_id)s, %(month)s, %(amount)s::bigint
where %(most)s::bigint is null or %(amount)s::bigint <= %(most)s::bigint
on conflict (workspace_id, client_id, month) do update set drawn_micros = m.drawn_micros + excluded.drawn_micros
where %(most)s::bigint is null or m.drawn_micros + excluded.drawn_micros <= %(most)s::bigint
""")

COUNT_DRAW_BACK = sql("""
update billing.pool_month set drawn_micros = drawn_micros - %(amount)s
where workspace_id = %(workspace_id)s and client_id = %(client_id)s and month = %(month)s
""")

LOCK_SHARE = sql("""
select true from billing.pool_share where workspace_id = %(workspace_id)s and client_id = %(client_id)s for update
""")

# What comes back was drawn last: clients spend the oldest first.
COUNT_RETURN = sql("""
with drawn as (
    select month, greatest(0, %(amount)s::bigint - coalesce(sum(drawn_micros) over (
        order by month desc rows between unbounded preceding and 1 preceding
    ), 0))::bigint as back
    from billing.pool_month
    where workspace_id = %(workspace_id)s and client_id = %(client_id)s
)
update billing.pool_month as m
set drawn_micros = greatest(0, m.drawn_micros - drawn.back)
from drawn
where m.workspace_id = %(workspace_id)s and m.client_id = %(client_id)s and m.month = drawn.month and drawn.back > 0
""")

INSERT_DRAW = sql("""
insert into billing.pool_draw (workspace_id, id, client_id, key, month, amount_micros, state, asked_at)
values (%(workspace_id)s, %(id)s, %(client_id)s, %(key)s, %(month)s, %(amount)s, 'asked', %(now)s)
""")

END_DRAW = sql("""
update billing.pool_draw set state = %(state)s, ended_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and state = 'asked'
""")

# Whoever sets asked_at anew goes on with it; the others find it changed.
CLAIM_DRAW = sql("""
update billing.pool_draw set asked_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and state = 'asked' and asked_at < %(before)s
returning id, client_id, amount_micros, state, month, asked_at
""")

# In the system context: draws that were begun and not ended.
LIST_BEGUN_DRAWS = sql("""
select workspace_id, id from billing.pool_draw where state = 'asked' and asked_at < %(before)s order by asked_at limit 500
""")

SUM_POOLED = sql("""
select coalesce(sum(remaining_micros), 0)::bigint from billing.grant_
where workspace_id = %(workspace_id)s and source = 'pool' and is_open
""")

INSERT_RETURN = sql("""
insert into billing.pool_return (workspace_id, id, agency_id, amount_micros, state, asked_at)
values (%(workspace_id)s, %(id)s, %(agency_id)s, %(amount)s, 'asked', %(now)s)
""")

END_RETURN = sql("""
update billing.pool_return set state = %(state)s, ended_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and state = 'asked'
""")

CLAIM_RETURN = sql("""
update billing.pool_return set asked_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and state = 'asked' and asked_at < %(before)s
returning id, agency_id, amount_micros
""")

# In the system context: returns that were begun and not ended.
LIST_BEGUN_RETURNS = sql("""
select workspace_id, id from billing.pool_return where state = 'asked' and asked_at < %(before)s order by asked_at limit 500
""")


@dataclass(frozen=True, slots=True)
class TermsRow:
    """What a client may draw in a month; None: no limit."""

    most: int | None


@dataclass(frozen=True, slots=True)
class DrawRow:
    """A draw."""

    id: UUID
    client_id: UUID
    amount_micros: int
    state: str
    month: date
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """A return."""

    id: UUID
    agency_id: UUID
    amount_micros: int


@dataclass(frozen=True, slots=True)
class BegunRow:
    """Something that was begun and not ended."""

    workspace_id: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class NewDraw:
    """A draw to be begun, in the agency's workspace."""

    workspace_id: UUID
    id: UUID
    client_id: UUID
    key: str
    month: date
    amount: int
    now: datetime


async def begin_draw(tx: Transaction, wanted: NewDraw) -> DrawRow | None:
    """Begins a draw, or finds the one of its key; None where the client is no member or over its limit."""
    place = {"workspace_id": wanted.workspace_id, "client_id": wanted.client_id}
    terms = await tx.find_one(TermsRow, FIND_TERMS, place)
    known = await tx.find_one(DrawRow, FIND_DRAW, {**place, "key": wanted.key})
    if terms is None or known is not None:
        return known
    counting = {**place, "month": wanted.month, "amount": wanted.amount}
    if await tx.execute(COUNT_DRAW, {**counting, "most": terms.most}) == 0:
        return None
    await tx.execute(INSERT_DRAW, {**counting, "id": wanted.id, "key": wanted.key, "now": wanted.now})
    return DrawRow(wanted.id, wanted.client_id, wanted.amount, "asked", wanted.month, wanted.now)


async def end_draw(tx: Transaction, row: DrawRow, *, workspace_id: UUID, is_granted: bool, now: datetime) -> None:
    """Ends a draw; one that was refused does not count."""
    state = "granted" if is_granted else "refused"
    ended = await tx.execute(END_DRAW, {"workspace_id": workspace_id, "id": row.id, "state": state, "now": now})
    if ended and not is_granted:
        place = {"workspace_id": workspace_id, "client_id": row.client_id}
        await tx.execute(COUNT_DRAW_BACK, {**place, "month": row.month, "amount": row.amount_micros})


async def lock_share(tx: Transaction, *, workspace_id: UUID, client_id: UUID) -> None:
    """Locks a client's part in the pool, so that its draws and returns come one after the other."""
    await tx.find_value(bool, LOCK_SHARE, {"workspace_id": workspace_id, "client_id": client_id})


async def count_return(tx: Transaction, *, workspace_id: UUID, client_id: UUID, amount: int) -> None:
    """Lowers what a client has drawn, of the latest months first, by what it gave back; its part is locked."""
    await tx.execute(COUNT_RETURN, {"workspace_id": workspace_id, "client_id": client_id, "amount": amount})


async def claim_draw(tx: Transaction, *, workspace_id: UUID, draw_id: UUID, before: datetime, now: datetime) -> DrawRow | None:
    """Goes on with a draw that was left lying since `before`; None where somebody else does."""
    return await tx.find_one(DrawRow, CLAIM_DRAW, {"workspace_id": workspace_id, "id": draw_id, "before": before, "now": now})


async def list_begun_draws(tx: Transaction, *, before: datetime) -> list[BegunRow]:
    """Draws left lying since `before`, of all agencies; the transaction is the system's."""
    return await tx.fetch_all(BegunRow, LIST_BEGUN_DRAWS, {"before": before})


async def sum_pooled(tx: Transaction, *, workspace_id: UUID) -> int:
    """What a client has left of what it drew."""
    return await tx.fetch_value(int, SUM_POOLED, {"workspace_id": workspace_id})


async def insert_return(tx: Transaction, row: ReturnRow, *, workspace_id: UUID, now: datetime) -> None:
    """Begins a return."""
    parameters = {"id": row.id, "agency_id": row.agency_id, "amount": row.amount_micros}
    await tx.execute(INSERT_RETURN, {**parameters, "workspace_id": workspace_id, "now": now})


async def end_return(tx: Transaction, *, workspace_id: UUID, return_id: UUID, is_granted: bool, now: datetime) -> None:
    """Ends a return."""
    state = "granted" if is_granted else "refused"
    await tx.execute(END_RETURN, {"workspace_id": workspace_id, "id": return_id, "state": state, "now": now})


async def claim_return(tx: Transaction, *, workspace_id: UUID, return_id: UUID, before: datetime, now: datetime) -> ReturnRow | None:
    """Goes on with a return that was left lying since `before`; None where somebody else does."""
    parameters = {"workspace_id": workspace_id, "id": return_id, "before": before, "now": now}
    return await tx.find_one(ReturnRow, CLAIM_RETURN, parameters)


async def list_begun_returns(tx: Transaction, *, before: datetime) -> list[BegunRow]:
    """Returns left lying since `before`, of all clients; the transaction is the system's."""
    return await tx.fetch_all(BegunRow, LIST_BEGUN_RETURNS, {"before": before})
