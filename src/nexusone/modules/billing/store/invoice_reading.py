"""SQL of reading invoices and credit notes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nexusone.modules.billing.contracts.invoices import InvoiceLineKind, InvoiceStateName, TreatmentName
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    i.id, i.issuer, i.number, i.currency, i.net_minor, i.tax_minor, i.total_minor, i.tax_treatment, i.tax_country, i.tax_rate_bps,
    i.seller, i.buyer, i.locale, i.subscription_id, i.period_start, i.period_end, i.issued_at, i.due_at,
    s.state, s.credited_minor, s.pdf_key, s.mailed_at
from billing.invoice as i
join billing.invoice_state as s on s.workspace_id = i.workspace_id and s.invoice_id = i.id
""")

FIND_INVOICE = fragment("select {columns} where i.workspace_id = %(workspace_id)s and i.id = %(id)s").fill(columns=COLUMNS)

LIST_INVOICES = fragment("""
select {columns}
where i.workspace_id = %(workspace_id)s and (%(before)s::uuid is null or i.id < %(before)s::uuid)
    and (%(state)s::text is null or s.state = %(state)s)
order by i.id desc
limit %(limit)s
""").fill(columns=COLUMNS)

STREAM_INVOICES = fragment("select {columns} where i.workspace_id = %(workspace_id)s order by i.id").fill(columns=COLUMNS)

LIST_LINES = sql("""
select position, kind, description, quantity, unit_minor, net_minor, tax_minor
from billing.invoice_line
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
order by position
""")

FIND_RATE = sql("""
select accounting_currency, rate_pico, rate_on, net_minor, tax_minor
from billing.invoice_rate
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
""")

LIST_CREDIT_NOTES = sql("""
select id, number, invoice_id, issuer, currency, net_minor, tax_minor, total_minor, reason, issued_at
from billing.credit_note
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
order by id
""")

FIND_CREDIT_NOTE = sql("""
select id, number, invoice_id, issuer, currency, net_minor, tax_minor, total_minor, reason, issued_at
from billing.credit_note
where workspace_id = %(workspace_id)s and id = %(id)s
""")

LIST_CREDIT_NOTE_LINES = sql("""
select n.position, l.kind, l.description, l.quantity, l.unit_minor, n.net_minor, n.tax_minor
from billing.credit_note_line as n
join billing.credit_note as c on c.workspace_id = n.workspace_id and c.id = n.credit_note_id
join billing.invoice_line as l on l.workspace_id = c.workspace_id and l.invoice_id = c.invoice_id and l.position = n.position
where n.workspace_id = %(workspace_id)s and n.credit_note_id = %(credit_note_id)s
order by n.position
""")


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice and what became of it."""

    id: UUID
    issuer: str
    number: str
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    tax_treatment: TreatmentName
    tax_country: str | None
    tax_rate_bps: int
    seller: dict[str, str | None]
    buyer: dict[str, str | None]
    locale: str
    subscription_id: UUID | None
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    due_at: datetime
    state: InvoiceStateName
    credited_minor: int
    pdf_key: str | None
    mailed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of an invoice, or what a credit note takes back of it."""

    position: int
    kind: InvoiceLineKind
    description: str
    quantity: int
    unit_minor: int
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class RateRow:
    """An invoice in the currency of its issuer's books."""

    accounting_currency: str
    rate_pico: int
    rate_on: date
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class CreditNoteRow:
    """A credit note."""

    id: UUID
    number: str
    invoice_id: UUID
    issuer: str
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    reason: str
    issued_at: datetime


async def find_invoice(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> InvoiceRow | None:
    """One invoice, or None."""
    return await tx.find_one(InvoiceRow, FIND_INVOICE, {"workspace_id": workspace_id, "id": invoice_id})


async def list_invoices(
    tx: Transaction, *, workspace_id: UUID, state: InvoiceStateName | None, before: UUID | None, limit: int
) -> list[InvoiceRow]:
    """Invoices, newest first."""
    return await tx.fetch_all(InvoiceRow, LIST_INVOICES, {"workspace_id": workspace_id, "state": state, "before": before, "limit": limit})


def stream_invoices(tx: Transaction, *, workspace_id: UUID) -> AsyncIterator[InvoiceRow]:
    """All invoices, oldest first."""
    return tx.stream(InvoiceRow, STREAM_INVOICES, {"workspace_id": workspace_id})


async def list_lines(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> list[LineRow]:
    """The lines of an invoice in order."""
    return await tx.fetch_all(LineRow, LIST_LINES, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def find_rate(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> RateRow | None:
    """The rate of an invoice, or None."""
    return await tx.find_one(RateRow, FIND_RATE, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def list_credit_notes(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> list[CreditNoteRow]:
    """The credit notes of an invoice, oldest first."""
    return await tx.fetch_all(CreditNoteRow, LIST_CREDIT_NOTES, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def find_credit_note(tx: Transaction, *, workspace_id: UUID, credit_note_id: UUID) -> CreditNoteRow | None:
    """One credit note, or None."""
    return await tx.find_one(CreditNoteRow, FIND_CREDIT_NOTE, {"workspace_id": workspace_id, "id": credit_note_id})


async def list_credit_note_lines(tx: Transaction, *, workspace_id: UUID, credit_note_id: UUID) -> list[LineRow]:
    """What a credit note takes back of which line."""
    return await tx.fetch_all(LineRow, LIST_CREDIT_NOTE_LINES, {"workspace_id": workspace_id, "credit_note_id": credit_note_id})
