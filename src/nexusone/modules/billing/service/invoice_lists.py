"""Reading invoices, one, page by page, or all as a table."""

import csv
import io
import re
from collections.abc import AsyncIterator
from uuid import UUID

from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.invoices import Invoice, InvoiceInFull, InvoiceStateName
from nexusone.modules.billing.service.currencies import decimal_of
from nexusone.modules.billing.service.invoice_views import credit_note_of, invoice_of, line_of, party_of, rate_of
from nexusone.modules.billing.service.refusals_invoices import InvoiceNotFound
from nexusone.modules.billing.store import invoice_reading
from nexusone.modules.billing.store.invoice_reading import InvoiceRow
from nexusone.platform.runtime import Context

FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
COLUMNS = (
    "number",
    "issued_at",
    "due_at",
    "state",
    "currency",
    "net",
    "tax",
    "total",
    "credited",
    "tax_treatment",
    "tax_rate_percent",
    "seller",
    "buyer",
    "buyer_country",
    "buyer_vat_id",
)


async def get_invoice(ctx: Context, *, invoice_id: UUID) -> InvoiceInFull:
    """One invoice with all that stands on it. Raises: InvoiceNotFound."""
    async with ctx.transaction("billing") as tx:
        row = await invoice_reading.find_invoice(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
        if row is None:
            raise InvoiceNotFound
        lines = await invoice_reading.list_lines(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
        rate = await invoice_reading.find_rate(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
        notes = await invoice_reading.list_credit_notes(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
    return InvoiceInFull(
        invoice=invoice_of(row),
        seller=party_of(row.seller),
        buyer=party_of(row.buyer),
        lines=[line_of(line, row.currency) for line in lines],
        rate=rate_of(rate) if rate else None,
        credit_notes=[credit_note_of(note) for note in notes],
    )


async def list_invoices(ctx: Context, *, state: InvoiceStateName | None, request: PageRequest) -> PageOf[Invoice]:
    """Invoices, newest first."""
    before = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("billing") as tx:
        rows = await invoice_reading.list_invoices(tx, workspace_id=ctx.workspace, state=state, before=before, limit=request.limit + 1)
    shown = rows[: request.limit]
    next_after = (str(shown[-1].id),) if len(rows) > request.limit else None
    return PageOf(items=tuple(invoice_of(row) for row in shown), next_after=next_after)


async def export_csv(ctx: Context) -> AsyncIterator[str]:
    """All invoices, oldest first, as lines of CSV in constant memory; a cell that a spreadsheet would run gets an apostrophe in front."""
    yield _line(COLUMNS)
    async with ctx.transaction("billing") as tx:
        async for row in invoice_reading.stream_invoices(tx, workspace_id=ctx.workspace):
            yield _line(_cells(row))


def _cells(row: InvoiceRow) -> tuple[str, ...]:
    amounts = (row.net_minor, row.tax_minor, row.total_minor, row.credited_minor)
    return (
        row.number,
        row.issued_at.isoformat(),
        row.due_at.isoformat(),
        row.state,
        row.currency,
        *(f"{decimal_of(amount, row.currency):f}" for amount in amounts),
        row.tax_treatment,
        f"{decimal_of(row.tax_rate_bps, 'EUR'):f}",
        row.seller["name"] or "",
        row.buyer["name"] or "",
        row.buyer["country"] or "",
        row.buyer["vat_id"] or "",
    )


def _line(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if FORMULA.match(cell) else cell for cell in cells])
    return text.getvalue()
