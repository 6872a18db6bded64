"""SQL of lists: grants, holds, and what grants were spent on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.modules.billing.domain.sources import GrantSource
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_GRANTS = sql("""
select g.id, g.source, g.priority, g.amount_micros, g.remaining_micros, g.expires_at, g.created_at, r.until as rolls_over_until
from billing.grant_ as g
left join billing.grant_rollover as r on r.workspace_id = %(workspace_id)s and r.grant_id = g.id
where g.workspace_id = %(workspace_id)s and (%(before)s::uuid is null or g.id < %(before)s::uuid)
order by g.id desc
limit %(limit)s
""")

HAS_GRANT = sql("select true from billing.grant_ where workspace_id = %(workspace_id)s and id = %(grant_id)s")

LIST_HOLDS = sql("""
select id, key, purpose, amount_micros, settled_micros, excess_micros, state, created_at, expires_at, kept_at is not null as is_kept
from billing.hold
where workspace_id = %(workspace_id)s and (%(after)s::text is null or key > %(after)s::text)
    and (%(state)s::text is null or state = %(state)s::text)
order by key
limit %(limit)s
""")

LIST_SPENDS = sql("""
select e.id, e.transfer_id, e.amount_micros, t.purpose, t.subject_key, t.created_at
from billing.entry as e
join billing.transfer as t on t.workspace_id = %(workspace_id)s and t.id = e.transfer_id
where e.workspace_id = %(workspace_id)s and e.grant_id = %(grant_id)s and e.account = 'spent'
    and (%(before)s::bigint is null or e.id < %(before)s::bigint)
order by e.id desc
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant."""

    id: UUID
    source: GrantSource
    priority: int
    amount_micros: int
    remaining_micros: int
    expires_at: datetime | None
    created_at: datetime
    rolls_over_until: datetime | None


@dataclass(frozen=True, slots=True)
class ListedHoldRow:
    """A hold; `excess_micros`: settled beyond it."""

    id: UUID
    key: str
    purpose: str
    amount_micros: int
    settled_micros: int
    excess_micros: int
    state: HoldState
    created_at: datetime
    expires_at: datetime
    is_kept: bool


@dataclass(frozen=True, slots=True)
class SpendRow:
    """What one booking took from a grant for good."""

    id: int
    transfer_id: UUID
    amount_micros: int
    purpose: str
    subject_key: str
    created_at: datetime


async def list_grants(tx: Transaction, *, workspace_id: UUID, before: UUID | None, limit: int) -> list[GrantRow]:
    """Grants, newest first."""
    return await tx.fetch_all(GrantRow, LIST_GRANTS, {"workspace_id": workspace_id, "before": before, "limit": limit})


async def has_grant(tx: Transaction, *, workspace_id: UUID, grant_id: UUID) -> bool:
    """Whether there is such a grant."""
    return bool(await tx.find_value(bool, HAS_GRANT, {"workspace_id": workspace_id, "grant_id": grant_id}))


async def list_holds(tx: Transaction, *, workspace_id: UUID, state: HoldState | None, after: str | None, limit: int) -> list[ListedHoldRow]:
    """Holds in the order of their keys."""
    return await tx.fetch_all(ListedHoldRow, LIST_HOLDS, {"workspace_id": workspace_id, "state": state, "after": after, "limit": limit})


async def list_spends(tx: Transaction, *, workspace_id: UUID, grant_id: UUID, before: int | None, limit: int) -> list[SpendRow]:
    """What a grant was spent on, newest first."""
    parameters = {"workspace_id": workspace_id, "grant_id": grant_id, "before": before, "limit": limit}
    return await tx.fetch_all(SpendRow, LIST_SPENDS, parameters)
