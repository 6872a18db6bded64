"""Rows of invoices as the words of the wire."""

from nexusone.kernel.money import Money
from nexusone.modules.billing.contracts.invoices import CreditNote, Invoice, InvoiceLine, InvoiceRate, InvoiceTax, PartyOnInvoice
from nexusone.modules.billing.service.currencies import rate_text
from nexusone.modules.billing.store.invoice_reading import CreditNoteRow, InvoiceRow, LineRow, RateRow


def invoice_of(row: InvoiceRow) -> Invoice:
    """An invoice without its lines."""
    return Invoice(
        id=row.id,
        number=row.number,
        issuer=row.issuer,
        state=row.state,
        net=Money(amount=row.net_minor, currency=row.currency),
        tax=Money(amount=row.tax_minor, currency=row.currency),
        total=Money(amount=row.total_minor, currency=row.currency),
        credited=Money(amount=row.credited_minor, currency=row.currency),
        taxation=InvoiceTax(treatment=row.tax_treatment, country=row.tax_country, rate_bps=row.tax_rate_bps),
        subscription_id=row.subscription_id,
        period_start=row.period_start,
        period_end=row.period_end,
        issued_at=row.issued_at,
        due_at=row.due_at,
        has_pdf=row.pdf_key is not None,
    )


def line_of(row: LineRow, currency: str) -> InvoiceLine:
    """One line."""
    return InvoiceLine(
        position=row.position,
        kind=row.kind,
        description=row.description,
        quantity=row.quantity,
        unit=Money(amount=row.unit_minor, currency=currency),
        net=Money(amount=row.net_minor, currency=currency),
        tax=Money(amount=row.tax_minor, currency=currency),
    )


def rate_of(row: RateRow) -> InvoiceRate:
    """The invoice in the currency of its issuer's books."""
    return InvoiceRate(
        rate=rate_text(row.rate_pico),
        rate_on=row.rate_on.isoformat(),
        net=Money(amount=row.net_minor, currency=row.accounting_currency),
        tax=Money(amount=row.tax_minor, currency=row.accounting_currency),
    )


def party_of(stored: dict[str, str | None]) -> PartyOnInvoice:
    """Seller or buyer as they were."""
    return PartyOnInvoice.model_validate(stored)


def credit_note_of(row: CreditNoteRow) -> CreditNote:
    """A credit note."""
    return CreditNote(
        id=row.id,
        number=row.number,
        invoice_id=row.invoice_id,
        net=Money(amount=row.net_minor, currency=row.currency),
        tax=Money(amount=row.tax_minor, currency=row.currency),
        total=Money(amount=row.total_minor, currency=row.currency),
        reason=row.reason,
        issued_at=row.issued_at,
    )
