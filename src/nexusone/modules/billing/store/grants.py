"""SQL of grants and of what they pay back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

GRANT = sql("""
with known as (
    select id from billing.transfer where workspace_id = %(workspace_id)s and key = %(transfer_key)s
), opened as (
    insert into billing.account as a (workspace_id, granted_micros, available_micros, created_at)
    select %(workspace_id)s, -%(amount)s::bigint, %(amount)s::bigint, %(now)s
    where not exists (select 1 from known)
    on conflict (workspace_id) do update
    set granted_micros = a.granted_micros - %(amount)s::bigint, available_micros = a.available_micros + %(amount)s::bigint
    returning a.overdraft_micros < 0 as owes
), granted as (
    insert into billing.grant_ (workspace_id, id, source, priority, amount_micros, remaining_micros, expires_at, created_at)
    select %(workspace_id)s, %(grant_id)s, %(source)s, %(priority)s, %(amount)s, %(amount)s, %(expires_at)s, %(now)s
    from opened
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_key)s, 'grant', %(key)s, %(source)s, %(amount)s, %(now)s
    from opened
    on conflict (workspace_id, key) do nothing
    returning id
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, booked.id, line.account, %(grant_id)s, line.amount
    from booked, (values ('granted', -%(amount)s::bigint), ('available', %(amount)s::bigint)) as line (account, amount)
)
select exists (select 1 from known) as is_known, exists (select 1 from booked) as is_booked,
    coalesce((select owes from opened), false) as owes
""")

REPAY_OVERDRAFT = sql("""
with owed as (
    select workspace_id, least(available_micros, -overdraft_micros) as wanted
    from billing.account
    where workspace_id = %(workspace_id)s
    for update
), taken as materialized (
    select t.grant_id, t.taken from owed, billing.take_from_grants(owed.workspace_id, owed.wanted, %(now)s) as t
), total as (
    select coalesce(sum(taken), 0)::bigint as paid from taken
), moved as (
    update billing.account as a
    set available_micros = a.available_micros - total.paid, overdraft_micros = a.overdraft_micros + total.paid
    from total
    where a.workspace_id = %(workspace_id)s and total.paid > 0
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_id)s::text || ':repayment', 'repayment', 'overdraft', 'overdraft',
        total.paid, %(now)s
    from total
    where total.paid > 0
)
insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
select %(workspace_id)s, %(transfer_id)s, line.account, taken.grant_id, line.sign * taken.taken
from taken, (values ('available', -1), ('overdraft', 1)) as line (account, sign)
""")


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What is to be granted; `key` is the caller's, unique among the workspace's grants."""

    workspace_id: UUID
    key: str
    source: str
    priority: int
    amount: int
    now: datetime
    expires_at: datetime | None
    grant_id: UUID
    transfer_id: UUID


@dataclass(frozen=True, slots=True)
class GrantedRow:
    """`is_known`: the key was granted before; neither known nor booked: it was granted meanwhile."""

    is_known: bool
    is_booked: bool
    owes: bool


async def grant(tx: Transaction, wanted: NewGrant) -> GrantedRow:
    """Opens the account where there is none, and grants."""
    return await tx.fetch_one(
        GrantedRow,
        GRANT,
        {
            "workspace_id": wanted.workspace_id,
            "key": wanted.key,
            "transfer_key": f"grant:{wanted.key}",
            "source": wanted.source,
            "priority": wanted.priority,
            "amount": wanted.amount,
            "now": wanted.now,
            "expires_at": wanted.expires_at,
            "grant_id": wanted.grant_id,
            "transfer_id": wanted.transfer_id,
        },
    )


async def repay_overdraft(tx: Transaction, *, workspace_id: UUID, transfer_id: UUID, now: datetime) -> None:
    """Pays overdraft back from living grants, as far as they reach."""
    await tx.execute(REPAY_OVERDRAFT, {"workspace_id": workspace_id, "transfer_id": transfer_id, "now": now})
