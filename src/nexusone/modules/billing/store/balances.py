"""SQL of balances and of the lines behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.credits import LedgerAccount, TransferKind
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

# Grants that are past their time count as expired before the sweep has come by.
FIND_BALANCE = sql("""
with due as (
    select coalesce(sum(remaining_micros), 0)::bigint as micros
    from billing.grant_
    where workspace_id = %(workspace_id)s and is_open and expires_at <= %(now)s
)
select -granted_micros as granted, available_micros - due.micros as available, held_micros as held, spent_micros as spent,
    -overdraft_micros as overdraft, expired_micros + due.micros as expired
from billing.account, due
where workspace_id = %(workspace_id)s
""")

LIST_ENTRIES = sql("""
select e.id, e.transfer_id, e.account, e.amount_micros, t.kind, t.purpose, t.subject_key, t.created_at
from billing.entry as e
join billing.transfer as t on t.workspace_id = e.workspace_id and t.id = e.transfer_id
where e.workspace_id = %(workspace_id)s and (%(before)s::bigint is null or e.id < %(before)s::bigint)
order by e.id desc
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """Micro-credits, none below zero."""

    granted: int
    available: int
    held: int
    spent: int
    overdraft: int
    expired: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line with its transfer."""

    id: int
    transfer_id: UUID
    account: LedgerAccount
    amount_micros: int
    kind: TransferKind
    purpose: str
    subject_key: str
    created_at: datetime


async def find_balance(tx: Transaction, *, workspace_id: UUID, now: datetime) -> BalanceRow | None:
    """The balance, or None where nothing was ever granted."""
    return await tx.find_one(BalanceRow, FIND_BALANCE, {"workspace_id": workspace_id, "now": now})


async def find_balance_in_one_trip(ctx: Context, *, now: datetime) -> BalanceRow | None:
    """The same in a transaction of its own."""
    rows = await ctx.fetch_in_one_trip("billing", BalanceRow, FIND_BALANCE, {"workspace_id": ctx.workspace, "now": now})
    return rows[0] if rows else None


async def list_entries(tx: Transaction, *, workspace_id: UUID, before: int | None, limit: int) -> list[EntryRow]:
    """Lines, newest first."""
    parameters: Mapping[str, object] = {"workspace_id": workspace_id, "before": before, "limit": limit}
    return await tx.fetch_all(EntryRow, LIST_ENTRIES, parameters)
