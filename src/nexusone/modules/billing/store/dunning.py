"""SQL of dunning: the tries to collect the invoices that could not be collected at first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.dunning import Dunning, DunningState
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LOCK = sql("""
select invoice_id, state, retries, failures, next_at from billing.dunning
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
for update
""")

LIST_OPEN = sql("""
select invoice_id, state, retries, failures, next_at from billing.dunning
where workspace_id = %(workspace_id)s and subscription_id = %(subscription_id)s and next_at is not null
order by next_at, invoice_id
limit 1000
""")

PUT = sql("""
insert into billing.dunning (workspace_id, invoice_id, subscription_id, state, retries, failures, next_at, begun_at, over_at)
values (%(workspace_id)s, %(invoice_id)s, %(subscription_id)s, %(state)s, %(retries)s, %(failures)s, %(next_at)s, %(now)s,
    %(over_at)s)
on conflict (workspace_id, invoice_id) do update
set state = excluded.state, retries = excluded.retries, failures = excluded.failures, next_at = excluded.next_at, over_at = excluded.over_at
""")


@dataclass(frozen=True, slots=True)
class DunningRow:
    """The tries to collect one invoice."""

    invoice_id: UUID
    state: DunningState
    retries: int
    failures: int
    next_at: datetime | None

    def standing(self) -> Dunning:
        """The same for the rules."""
        return Dunning(state=self.state, retries=self.retries, failures=self.failures, next_at=self.next_at)


async def lock(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> DunningRow | None:
    """The dunning of an invoice, locked until the transaction ends."""
    return await tx.find_one(DunningRow, LOCK, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def list_open(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID) -> list[DunningRow]:
    """The open ones of a subscription, the next due first."""
    return await tx.fetch_all(DunningRow, LIST_OPEN, {"workspace_id": workspace_id, "subscription_id": subscription_id})


async def put(tx: Transaction, *, workspace_id: UUID, subscription_id: UUID, invoice_id: UUID, known: Dunning, now: datetime) -> None:
    """Writes how far the dunning of an invoice is."""
    parameters = {
        "workspace_id": workspace_id,
        "subscription_id": subscription_id,
        "invoice_id": invoice_id,
        "state": known.state,
        "retries": known.retries,
        "failures": known.failures,
        "next_at": known.next_at,
        "now": now,
        "over_at": None if known.is_open else now,
    }
    await tx.execute(PUT, parameters)
