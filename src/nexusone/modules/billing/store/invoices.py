"""SQL of issuing invoices, and of what becomes of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.billing.contracts.invoices import InvoiceStateName, TreatmentName
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

TAKE_NUMBER = sql("""
insert into billing.paper_series as s (issuer, kind, year, last_number, last_issued_at)
values (%(issuer)s, %(kind)s, %(year)s, 1, %(now)s)
on conflict (issuer, kind, year) do update
set last_number = s.last_number + 1, last_issued_at = greatest(s.last_issued_at, excluded.last_issued_at)
returning year, last_number, last_issued_at
""")

INSERT_INVOICE = sql("""
with issued as (
    insert into billing.invoice
        (workspace_id, id, issuer, number, currency, net_minor, tax_minor, total_minor, tax_treatment, tax_country, tax_rate_bps,
         seller, buyer, locale, subscription_id, period_start, period_end, issued_at, due_at)
    values (%(workspace_id)s, %(id)s, %(issuer)s, %(number)s, %(currency)s, %(net)s, %(tax)s, %(net)s::bigint + %(tax)s::bigint,
        %(treatment)s, %(tax_country)s, %(rate_bps)s, %(seller)s, %(buyer)s, %(locale)s, %(subscription_id)s, %(period_start)s,
        %(period_end)s, %(issued_at)s, %(due_at)s)
    returning workspace_id, id
), lines as (
    insert into billing.invoice_line
        (workspace_id, invoice_id, position, kind, description, quantity, unit_minor, net_minor, tax_minor)
    select issued.workspace_id, issued.id, line.position, line.kind, line.description, line.quantity, line.unit, line.net, line.tax
    from issued, unnest(%(kinds)s::text[], %(descriptions)s::text[], %(quantities)s::bigint[], %(units)s::bigint[], %(nets)s::bigint[],
        %(taxes)s::bigint[]) with ordinality as line (kind, description, quantity, unit, net, tax, position)
)
insert into billing.invoice_state (workspace_id, invoice_id, state, changed_at)
select workspace_id, id, %(state)s, %(issued_at)s from issued
""")

INSERT_RATE = sql("""
insert into billing.invoice_rate (workspace_id, invoice_id, accounting_currency, rate_pico, rate_on, net_minor, tax_minor)
values (%(workspace_id)s, %(invoice_id)s, %(currency)s, %(rate_pico)s, %(rate_on)s, %(net)s, %(tax)s)
on conflict (workspace_id, invoice_id) do nothing
""")

# The row's lock puts everything that happens to one invoice in order.
LOCK_STATE = sql("""
select s.state, s.payment_id, s.failures, s.credited_minor, i.issuer, i.subscription_id, i.currency, i.total_minor
from billing.invoice_state as s
join billing.invoice as i on i.workspace_id = s.workspace_id and i.id = s.invoice_id
where s.workspace_id = %(workspace_id)s and s.invoice_id = %(invoice_id)s
for update of s
""")

CHANGE_STATE = sql("""
update billing.invoice_state
set state = %(state)s, payment_id = coalesce(%(payment_id)s, payment_id), failures = %(failures)s, changed_at = %(now)s
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
""")

KEEP_PDF = sql("""
update billing.invoice_state set pdf_key = %(pdf_key)s
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s and pdf_key is null
""")

NOTE_MAILED = sql("""
update billing.invoice_state set mailed_at = %(now)s where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
""")


@dataclass(frozen=True, slots=True)
class TakenNumber:
    """The number taken, and the instant of issue: never before that of an earlier number."""

    year: int
    last_number: int
    last_issued_at: datetime


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be written, with its share of the tax."""

    kind: str
    description: str
    quantity: int
    unit: int
    net: int
    tax: int


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """An invoice to be written; amounts are minor units."""

    workspace_id: UUID
    id: UUID
    issuer: str
    number: str
    currency: str
    net: int
    tax: int
    treatment: TreatmentName
    tax_country: str | None
    rate_bps: int
    seller: dict[str, object]
    buyer: dict[str, object]
    locale: str
    subscription_id: UUID | None
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    due_at: datetime
    state: InvoiceStateName


@dataclass(frozen=True, slots=True)
class StateRow:
    """What became of an invoice so far."""

    state: InvoiceStateName
    payment_id: UUID | None
    failures: int
    credited_minor: int
    issuer: str
    subscription_id: UUID | None
    currency: str
    total_minor: int


@dataclass(frozen=True, slots=True)
class NewRate:
    """What an invoice amounts to in its issuer's books."""

    workspace_id: UUID
    invoice_id: UUID
    currency: str
    rate_pico: int
    rate_on: date
    net: int
    tax: int


async def take_number(tx: Transaction, *, issuer: str, kind: str, now: datetime) -> TakenNumber:
    """The next number of a series; others wait for it until the transaction ends, and get it if it fails."""
    return await tx.fetch_one(TakenNumber, TAKE_NUMBER, {"issuer": issuer, "kind": kind, "year": now.year, "now": now})


async def insert_invoice(tx: Transaction, wanted: NewInvoice, lines: Sequence[NewLine]) -> None:
    """Writes an invoice with its lines and state in one statement."""
    parameters = {
        **asdict(wanted),
        "seller": Jsonb(wanted.seller),
        "buyer": Jsonb(wanted.buyer),
        "kinds": [line.kind for line in lines],
        "descriptions": [line.description for line in lines],
        "quantities": [line.quantity for line in lines],
        "units": [line.unit for line in lines],
        "nets": [line.net for line in lines],
        "taxes": [line.tax for line in lines],
    }
    await tx.execute(INSERT_INVOICE, parameters)


async def insert_rate(tx: Transaction, wanted: NewRate) -> None:
    """Writes the rate of an invoice, once."""
    await tx.execute(INSERT_RATE, asdict(wanted))


async def lock_state(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> StateRow | None:
    """What became of an invoice, locked until the transaction ends."""
    return await tx.find_one(StateRow, LOCK_STATE, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def change_state(
    tx: Transaction, *, workspace_id: UUID, invoice_id: UUID, state: InvoiceStateName, payment_id: UUID | None, failures: int, now: datetime
) -> None:
    """Writes what became of a locked invoice; a payment is never forgotten."""
    await tx.execute(
        CHANGE_STATE,
        {
            "workspace_id": workspace_id,
            "invoice_id": invoice_id,
            "state": state,
            "payment_id": payment_id,
            "failures": failures,
            "now": now,
        },
    )


async def keep_pdf(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID, pdf_key: str) -> bool:
    """Notes where the PDF is; False where that was noted before."""
    return await tx.execute(KEEP_PDF, {"workspace_id": workspace_id, "invoice_id": invoice_id, "pdf_key": pdf_key}) == 1


async def note_mailed(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID, now: datetime) -> None:
    """Notes that the invoice was mailed."""
    await tx.execute(NOTE_MAILED, {"workspace_id": workspace_id, "invoice_id": invoice_id, "now": now})
