"""SQL of refunds and disputes."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.payments import DisputeState, RefundState
from nexusone.modules.billing.store.payments import DueRow
from nexusone.platform.database import Transaction
from nexusone.platform.sql import Sql, fragment, sql

COLUMNS: Sql = fragment("""
r.workspace_id, r.id, r.payment_id, r.vendor_id, r.state, r.amount_minor, r.reason, r.credits_due_micros, r.credits_taken_micros,
r.created_at
""")

INSERT_REFUND = sql("""
insert into billing.refund
    (workspace_id, id, payment_id, vendor_id, state, amount_minor, reason, request_key, created_at, updated_at, probe_at)
values (%(workspace_id)s, %(id)s, %(payment_id)s, %(vendor_id)s, %(state)s, %(amount)s, %(reason)s, %(request_key)s, %(now)s, %(now)s,
    %(probe_at)s)
on conflict do nothing
""")

FIND_REFUND = fragment("select {columns} from billing.refund as r where r.workspace_id = %(workspace_id)s and r.id = %(id)s").fill(
    columns=COLUMNS
)

FIND_BY_REQUEST = fragment(
    "select {columns} from billing.refund as r where r.workspace_id = %(workspace_id)s and r.request_key = %(request_key)s"
).fill(columns=COLUMNS)

LIST_REFUNDS = fragment("""
select {columns} from billing.refund as r
where r.workspace_id = %(workspace_id)s and r.payment_id = %(payment_id)s
order by r.id
""").fill(columns=COLUMNS)

UPDATE_REFUND = sql("""
update billing.refund
set state = %(state)s, vendor_id = coalesce(%(vendor_id)s, vendor_id), credits_due_micros = %(credits_due)s, updated_at = %(now)s,
    probe_at = %(probe_at)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

TAKE_CREDITS = sql("""
update billing.refund
set credits_taken_micros = %(taken)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

LIST_DUE = sql("select workspace_id, id from billing.refund where probe_at <= %(now)s order by probe_at limit %(limit)s")

INSERT_DISPUTE = sql("""
insert into billing.dispute (workspace_id, id, payment_id, vendor_id, state, amount_minor, reason, created_at, updated_at)
values (%(workspace_id)s, %(id)s, %(payment_id)s, %(vendor_id)s, %(state)s, %(amount)s, %(reason)s, %(now)s, %(now)s)
""")

LIST_DISPUTES = sql("""
select id, payment_id, vendor_id, state, amount_minor, reason, credits_held_micros
from billing.dispute
where workspace_id = %(workspace_id)s and payment_id = %(payment_id)s
order by id
""")

FIND_DISPUTE = sql("""
select id, payment_id, vendor_id, state, amount_minor, reason, credits_held_micros
from billing.dispute
where workspace_id = %(workspace_id)s and id = %(id)s
""")

UPDATE_DISPUTE = sql("""
update billing.dispute set state = %(state)s, updated_at = %(now)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

HOLD_CREDITS = sql("""
update billing.dispute set credits_held_micros = %(held)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

FIND_HELD = sql("select amount_micros from billing.hold where workspace_id = %(workspace_id)s and key = %(key)s")


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund as it is kept."""

    workspace_id: UUID
    id: UUID
    payment_id: UUID
    vendor_id: str | None
    state: RefundState
    amount_minor: int
    reason: str
    credits_due_micros: int
    credits_taken_micros: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewRefundRow:
    """A refund before the vendor knows of it, or one that was made at the vendor's own desk."""

    workspace_id: UUID
    id: UUID
    payment_id: UUID
    vendor_id: str | None
    state: RefundState
    amount: int
    reason: str
    request_key: str | None
    now: datetime
    probe_at: datetime | None


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A dispute as it is kept."""

    id: UUID
    payment_id: UUID
    vendor_id: str
    state: DisputeState
    amount_minor: int
    reason: str
    credits_held_micros: int | None


async def insert_refund(tx: Transaction, wanted: NewRefundRow) -> bool:
    """Writes the intent; False where the request has one already."""
    return await tx.execute(INSERT_REFUND, asdict(wanted)) == 1


async def find_refund(tx: Transaction, *, workspace_id: UUID, refund_id: UUID) -> RefundRow | None:
    """One refund."""
    return await tx.find_one(RefundRow, FIND_REFUND, {"workspace_id": workspace_id, "id": refund_id})


async def find_by_request(tx: Transaction, *, workspace_id: UUID, request_key: str) -> RefundRow | None:
    """What a request had begun before it was cut off."""
    return await tx.find_one(RefundRow, FIND_BY_REQUEST, {"workspace_id": workspace_id, "request_key": request_key})


async def list_refunds(tx: Transaction, *, workspace_id: UUID, payment_id: UUID) -> list[RefundRow]:
    """The refunds of a payment, in the order in which they were begun."""
    return await tx.fetch_all(RefundRow, LIST_REFUNDS, {"workspace_id": workspace_id, "payment_id": payment_id})


async def update_refund(
    tx: Transaction,
    refund: RefundRow,
    *,
    state: RefundState,
    vendor_id: str | None,
    credits_due: int,
    now: datetime,
    probe_at: datetime | None,
) -> None:
    """Writes what was learned."""
    parameters = {
        "workspace_id": refund.workspace_id,
        "id": refund.id,
        "state": state,
        "vendor_id": vendor_id,
        "credits_due": credits_due,
        "now": now,
        "probe_at": probe_at,
    }
    await tx.execute(UPDATE_REFUND, parameters)


async def take_credits(tx: Transaction, *, workspace_id: UUID, refund_id: UUID, taken: int) -> None:
    """How many credits go back with it."""
    await tx.execute(TAKE_CREDITS, {"workspace_id": workspace_id, "id": refund_id, "taken": taken})


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueRow]:
    """Refunds of all workspaces that are to be looked up."""
    return await tx.fetch_all(DueRow, LIST_DUE, {"now": now, "limit": limit})


async def insert_dispute(tx: Transaction, row: DisputeRow, *, workspace_id: UUID, now: datetime) -> None:
    """Writes a dispute that was not known."""
    parameters = {
        "workspace_id": workspace_id,
        "id": row.id,
        "payment_id": row.payment_id,
        "vendor_id": row.vendor_id,
        "state": row.state,
        "amount": row.amount_minor,
        "reason": row.reason,
        "now": now,
    }
    await tx.execute(INSERT_DISPUTE, parameters)


async def list_disputes(tx: Transaction, *, workspace_id: UUID, payment_id: UUID) -> list[DisputeRow]:
    """The disputes over a payment."""
    return await tx.fetch_all(DisputeRow, LIST_DISPUTES, {"workspace_id": workspace_id, "payment_id": payment_id})


async def find_dispute(tx: Transaction, *, workspace_id: UUID, dispute_id: UUID) -> DisputeRow | None:
    """One dispute."""
    return await tx.find_one(DisputeRow, FIND_DISPUTE, {"workspace_id": workspace_id, "id": dispute_id})


async def update_dispute(tx: Transaction, *, workspace_id: UUID, dispute_id: UUID, state: DisputeState, now: datetime) -> None:
    """Writes how it stands."""
    await tx.execute(UPDATE_DISPUTE, {"workspace_id": workspace_id, "id": dispute_id, "state": state, "now": now})


async def hold_credits(tx: Transaction, *, workspace_id: UUID, dispute_id: UUID, held: int) -> None:
    """How many credits are set aside while it is open."""
    await tx.execute(HOLD_CREDITS, {"workspace_id": workspace_id, "id": dispute_id, "held": held})


async def find_held(tx: Transaction, *, workspace_id: UUID, key: str) -> int | None:
    """How many credits an earlier try set aside under that key."""
    return await tx.find_value(int, FIND_HELD, {"workspace_id": workspace_id, "key": key})
