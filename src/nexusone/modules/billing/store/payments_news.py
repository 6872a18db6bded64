"""SQL of what vendors told, and of where their books and ours disagree."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_EVENT = sql("""
insert into billing.webhook_event (gateway, event_id, kind, subject, customer, digest, received_at)
values (%(gateway)s, %(event_id)s, %(kind)s, %(subject)s, %(customer)s, %(digest)s, %(now)s)
on conflict (gateway, event_id) do nothing
""")

FIND_EVENT = sql("""
select kind, subject, customer, handled_at is not null as is_handled
from billing.webhook_event
where gateway = %(gateway)s and event_id = %(event_id)s
""")

HANDLE_EVENT = sql("""
update billing.webhook_event set handled_at = %(now)s, outcome = %(outcome)s where gateway = %(gateway)s and event_id = %(event_id)s
""")

INSERT_INCIDENT = sql("""
insert into billing.payment_incident
    (gateway, kind, subject, payment_id, of_workspace, expected_minor, found_minor, currency, found_at)
values (%(gateway)s, %(kind)s, %(subject)s, %(payment_id)s, %(of_workspace)s, %(expected)s, %(found)s, %(currency)s, %(now)s)
on conflict (gateway, kind, subject) do nothing
""")


@dataclass(frozen=True, slots=True)
class NewsRow:
    """What a vendor told."""

    kind: str
    subject: str | None
    customer: str | None
    is_handled: bool


@dataclass(frozen=True, slots=True)
class NewIncident:
    """A place where the books disagree; amounts are minor units."""

    gateway: str
    kind: str
    subject: str
    payment_id: UUID | None
    of_workspace: UUID | None
    expected: int | None
    found: int | None
    currency: str
    now: datetime


async def insert_event(
    tx: Transaction, *, gateway: str, event_id: str, kind: str, subject: str | None, customer: str | None, digest: bytes, now: datetime
) -> bool:
    """Writes what was told; False where it was told before."""
    parameters = {
        "gateway": gateway,
        "event_id": event_id,
        "kind": kind,
        "subject": subject,
        "customer": customer,
        "digest": digest,
        "now": now,
    }
    return await tx.execute(INSERT_EVENT, parameters) == 1


async def find_event(tx: Transaction, *, gateway: str, event_id: str) -> NewsRow | None:
    """What was told."""
    return await tx.find_one(NewsRow, FIND_EVENT, {"gateway": gateway, "event_id": event_id})


async def handle_event(tx: Transaction, *, gateway: str, event_id: str, outcome: str, now: datetime) -> None:
    """Notes that it was looked into."""
    await tx.execute(HANDLE_EVENT, {"gateway": gateway, "event_id": event_id, "outcome": outcome, "now": now})


async def insert_incident(tx: Transaction, wanted: NewIncident) -> bool:
    """Writes a disagreement; False where it is known already."""
    return await tx.execute(INSERT_INCIDENT, asdict(wanted)) == 1
