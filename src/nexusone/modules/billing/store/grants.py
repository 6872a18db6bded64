"""SQL of grants and of what they pay back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# The transfer's key comes first: where another transaction is granting under it, this one waits and then does nothing.
GRANT = sql("""
with booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    values (%(workspace_id)s, %(transfer_id)s, %(transfer_key)s, 'grant', %(key)s, %(source)s, %(amount)s, %(now)s)
    on conflict (workspace_id, key) do nothing
    returning id
), opened as (
    insert into billing.account as a (workspace_id, granted_micros, available_micros, created_at)
    select %(workspace_id)s, -%(amount)s::bigint, %(amount)s::bigint, %(now)s
    from booked
    on conflict (workspace_id) do update
    set granted_micros = a.granted_micros - %(amount)s::bigint, available_micros = a.available_micros + %(amount)s::bigint
    returning a.overdraft_micros < 0 as owes, a.is_watched
), granted as (
    insert into billing.grant_ (workspace_id, id, source, priority, amount_micros, remaining_micros, is_open, expires_at, created_at)
    select %(workspace_id)s, %(grant_id)s, %(source)s, %(priority)s, %(amount)s, %(amount)s, true, %(expires_at)s, %(now)s
    from opened
), rolling as (
    insert into billing.grant_rollover (workspace_id, grant_id, until, max_micros)
    select %(workspace_id)s, %(grant_id)s, %(rolls_over_until)s, %(rollover_max)s
    from opened
    where %(rolls_over_until)s::timestamptz is not null
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, booked.id, line.account, %(grant_id)s, line.amount
    from booked, (values ('granted', -%(amount)s::bigint), ('available', %(amount)s::bigint)) as line (account, amount)
)
select owes, is_watched from opened
""")

FIND_GRANTED = sql("""
select t.amount_micros as amount, t.purpose as source, e.grant_id
from billing.transfer as t
join billing.entry as e on e.workspace_id = t.workspace_id and e.transfer_id = t.id and e.account = 'available'
where t.workspace_id = %(workspace_id)s and t.key = %(transfer_key)s
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
    rolls_over_until: datetime | None
    rollover_max: int | None
    grant_id: UUID
    transfer_id: UUID


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """The account after a grant: `owes` overdraft, `is_watched` for low balances."""

    owes: bool
    is_watched: bool


@dataclass(frozen=True, slots=True)
class GrantedRow:
    """What was granted under a key."""

    amount: int
    source: str
    grant_id: UUID


async def grant(tx: Transaction, wanted: NewGrant) -> OpenedRow | None:
    """Opens the account where there is none, and grants; None where the key was granted before."""
    return await tx.find_one(
        OpenedRow,
        GRANT,
        {
            "workspace_id": wanted.workspace_id,
            "key": wanted.key,
            "transfer_key": _transfer_key(wanted.key),
            "source": wanted.source,
            "priority": wanted.priority,
            "amount": wanted.amount,
            "now": wanted.now,
            "expires_at": wanted.expires_at,
            "rolls_over_until": wanted.rolls_over_until,
            "rollover_max": wanted.rollover_max,
            "grant_id": wanted.grant_id,
            "transfer_id": wanted.transfer_id,
        },
    )


async def fetch_granted(tx: Transaction, *, workspace_id: UUID, key: str) -> GrantedRow:
    """What a known key granted."""
    return await tx.fetch_one(GrantedRow, FIND_GRANTED, {"workspace_id": workspace_id, "transfer_key": _transfer_key(key)})


async def is_granted(tx: Transaction, *, workspace_id: UUID, key: str) -> bool:
    """Whether a key granted something."""
    known = await tx.find_one(GrantedRow, FIND_GRANTED, {"workspace_id": workspace_id, "transfer_key": _transfer_key(key)})
    return known is not None


async def repay_overdraft(tx: Transaction, *, workspace_id: UUID, transfer_id: UUID, now: datetime) -> None:
    """Pays overdraft back from living grants, as far as they reach."""
    await tx.execute(REPAY_OVERDRAFT, {"workspace_id": workspace_id, "transfer_id": transfer_id, "now": now})


def _transfer_key(key: str) -> str:
    return f"grant:{key}"
