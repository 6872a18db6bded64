"""SQL of agencies' pools: their terms, the shares of clients, and whose pool a client draws on."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

FIND_POOL = sql("""
select is_open, monthly_micros, mark_up_hundredths from billing.pool where workspace_id = %(workspace_id)s
""")

PUT_POOL = sql("""
insert into billing.pool (workspace_id, is_open, monthly_micros, mark_up_hundredths, updated_at)
values (%(workspace_id)s, %(is_open)s, %(monthly_micros)s, %(mark_up_hundredths)s, %(now)s)
on conflict (workspace_id) do update
set is_open = excluded.is_open, monthly_micros = excluded.monthly_micros, mark_up_hundredths = excluded.mark_up_hundredths,
    updated_at = excluded.updated_at
""")

PUT_SHARE = sql("""
insert into billing.pool_share (workspace_id, client_id, is_member, monthly_micros, mark_up_hundredths, updated_at)
values (%(workspace_id)s, %(client_id)s, %(is_member)s, %(monthly_micros)s, %(mark_up_hundredths)s, %(now)s)
on conflict (workspace_id, client_id) do update
set is_member = excluded.is_member, monthly_micros = excluded.monthly_micros, mark_up_hundredths = excluded.mark_up_hundredths,
    updated_at = excluded.updated_at
""")

LIST_SHARES = sql("""
select s.client_id, s.is_member, s.monthly_micros, s.mark_up_hundredths, coalesce(m.drawn_micros, 0) as drawn_micros
from billing.pool_share as s
left join billing.pool_month as m on m.workspace_id = s.workspace_id and m.client_id = s.client_id and m.month = %(month)s
where s.workspace_id = %(workspace_id)s
order by s.client_id
limit 1000
""")

PUT_MEMBERSHIP = sql("""
insert into billing.pool_membership (workspace_id, agency_id, is_member, updated_at)
values (%(workspace_id)s, %(agency_id)s, %(is_member)s, %(now)s)
on conflict (workspace_id) do update
set agency_id = excluded.agency_id, is_member = excluded.is_member, updated_at = excluded.updated_at
""")

FIND_AGENCY = sql("""
select agency_id from billing.pool_membership where workspace_id = %(workspace_id)s and is_member
""")

SUM_USAGE = sql("""
select coalesce(sum(e.amount_micros), 0)::bigint
from billing.transfer as t join billing.entry as e on e.workspace_id = t.workspace_id and e.transfer_id = t.id
where t.workspace_id = %(workspace_id)s and t.created_at >= %(since)s and t.created_at < %(until)s
    and e.account = 'spent' and t.purpose <> %(left_out)s
""")


@dataclass(frozen=True, slots=True)
class PoolRow:
    """The terms of a pool."""

    is_open: bool
    monthly_micros: int | None
    mark_up_hundredths: int


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A client's part: nulls are the pool's terms; `drawn_micros` in the month that was asked for."""

    client_id: UUID
    is_member: bool
    monthly_micros: int | None
    mark_up_hundredths: int | None
    drawn_micros: int


async def find_pool(tx: Transaction, *, workspace_id: UUID) -> PoolRow | None:
    """An agency's pool."""
    return await tx.find_one(PoolRow, FIND_POOL, {"workspace_id": workspace_id})


async def put_pool(tx: Transaction, row: PoolRow, *, workspace_id: UUID, now: datetime) -> None:
    """Writes a pool's terms."""
    parameters = {"is_open": row.is_open, "monthly_micros": row.monthly_micros, "mark_up_hundredths": row.mark_up_hundredths}
    await tx.execute(PUT_POOL, {**parameters, "workspace_id": workspace_id, "now": now})


async def put_share(tx: Transaction, row: ShareRow, *, workspace_id: UUID, now: datetime) -> None:
    """Writes a client's part."""
    parameters = {"is_member": row.is_member, "monthly_micros": row.monthly_micros, "mark_up_hundredths": row.mark_up_hundredths}
    await tx.execute(PUT_SHARE, {**parameters, "workspace_id": workspace_id, "client_id": row.client_id, "now": now})


async def list_shares(tx: Transaction, *, workspace_id: UUID, month: date) -> list[ShareRow]:
    """The parts of all clients."""
    return await tx.fetch_all(ShareRow, LIST_SHARES, {"workspace_id": workspace_id, "month": month})


async def put_membership(tx: Transaction, *, workspace_id: UUID, agency_id: UUID, is_member: bool, now: datetime) -> None:
    """Notes in the client's workspace whose pool it draws on."""
    parameters = {"workspace_id": workspace_id, "agency_id": agency_id, "is_member": is_member, "now": now}
    await tx.execute(PUT_MEMBERSHIP, parameters)


async def find_agency(tx: Transaction, *, workspace_id: UUID) -> UUID | None:
    """Whose pool a workspace draws on; None: nobody's."""
    return await tx.find_value(UUID, FIND_AGENCY, {"workspace_id": workspace_id})


async def sum_usage(tx: Transaction, *, workspace_id: UUID, since: datetime, until: datetime, left_out: str) -> int:
    """The micro-credits spent from `since` on until before `until`, for anything but one purpose."""
    return await tx.fetch_value(int, SUM_USAGE, {"workspace_id": workspace_id, "since": since, "until": until, "left_out": left_out})
