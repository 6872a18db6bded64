"""The words of invoices: who is billed, what was invoiced, what was credited."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, Text
from nexusone.kernel.money import BIGINT_MAX, Money

CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
InvoiceStateName = Literal["open", "paid", "void", "uncollectible"]
InvoiceLineKind = Literal["subscription", "proration", "usage", "credits", "adjustment", "discount", "mark_up"]
VatCheckOutcome = Literal["valid", "invalid", "unknown"]
TreatmentName = Literal["standard", "reverse_charge", "outside_scope"]
DateText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class CollectInvoice(Contract):
    """The order to collect what an invoice charges."""

    invoice_id: Id


class PaperOrder(Contract):
    """The order to typeset, or to mail, an invoice, or the credit note that is named besides."""

    invoice_id: Id
    credit_note_id: Id | None = None


class PartyOnInvoice(Contract):
    """Seller or buyer as they were when the invoice was issued."""

    name: str
    street: str
    postal_code: str
    city: str
    region: str
    country: CountryCode
    vat_id: str | None
    email: str
    registration: str = ""
    bank_details: str = ""


class InvoiceLine(Contract):
    """A line: `net` before tax, and its share of the tax, so that the lines sum up to the invoice."""

    position: int
    kind: InvoiceLineKind
    description: str
    quantity: int
    unit: Money
    net: Money
    tax: Money


class InvoiceTax(Contract):
    """How the invoice is taxed: the rate in basis points (1900 is 19 per cent) and the country it is owed to."""

    treatment: TreatmentName
    country: CountryCode | None
    rate_bps: int


class InvoiceRate(Contract):
    """The invoice in the currency of its issuer's books: one unit was worth `rate` (a decimal) on the day."""

    rate: str
    rate_on: DateText
    net: Money
    tax: Money


class Invoice(Contract):
    """An invoice without its lines. `credited` is what credit notes took back."""

    id: Id
    number: str
    issuer: str
    state: InvoiceStateName
    net: Money
    tax: Money
    total: Money
    credited: Money
    taxation: InvoiceTax
    subscription_id: Id | None
    period_start: Instant
    period_end: Instant
    issued_at: Instant
    due_at: Instant
    has_pdf: bool


class CreditNote(Contract):
    """What takes back all or part of an invoice; `lines` say what of which."""

    id: Id
    number: str
    invoice_id: Id
    net: Money
    tax: Money
    total: Money
    reason: str
    issued_at: Instant


class InvoiceInFull(Contract):
    """An invoice with all that stands on it."""

    invoice: Invoice
    seller: PartyOnInvoice
    buyer: PartyOnInvoice
    lines: list[InvoiceLine]
    rate: InvoiceRate | None
    credit_notes: list[CreditNote]


class CreditedLine(Contract):
    """What to take back of a line, before tax, in minor units; it has the sign of the line."""

    position: Annotated[int, Field(ge=1, le=500)]
    amount: Annotated[int, Field(ge=-BIGINT_MAX, le=BIGINT_MAX)]


class NewCreditNote(Contract):
    """What to take back, and why; without `lines`, all that is left. Repeating a `key` gives the credit note there is."""

    model_config = ConfigDict(
        **Contract.model_config,
        json_schema_extra={"examples": [{"key": "ticket-4711", "reason": "Charged twice", "lines": [{"position": 1, "amount": 500}]}]},
    )

    key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$")]
    reason: Annotated[Text, StringConstraints(min_length=1, max_length=500)]
    lines: Annotated[list[CreditedLine], Field(max_length=500)] | None = None


class BillingProfile(Contract):
    """Who is billed. `vat_outcome` is null without a VAT id; an id that is `unknown` is asked for again."""

    legal_name: str
    street: str
    postal_code: str
    city: str
    region: str
    country: CountryCode
    vat_id: str | None
    vat_outcome: VatCheckOutcome | None
    vat_checked_at: Instant | None
    email: str
    currency: CurrencyCode
    locale: str
    updated_at: Instant


class NewBillingProfile(Contract):
    """Who is to be billed from now on; invoices that are issued stay as they are."""

    model_config = ConfigDict(
        **Contract.model_config,
        json_schema_extra={
            "examples": [
                {
                    "legal_name": "Example Roasters S.L.",
                    "street": "Calle Mayor 1",
                    "postal_code": "28013",
                    "city": "Madrid",
                    "region": "",
                    "country": "ES",
                    "vat_id": "ESB12345678",
                    "email": "accounts@example.com",
                    "currency": "EUR",
                    "locale": "es",
                }
            ]
        },
    )

    legal_name: Name
    street: Annotated[Text, StringConstraints(max_length=200)] = ""
    postal_code: Annotated[Text, StringConstraints(max_length=20)] = ""
    city: Annotated[Text, StringConstraints(max_length=100)] = ""
    region: Annotated[Text, StringConstraints(max_length=100)] = ""
    country: CountryCode
    vat_id: Annotated[Text, StringConstraints(min_length=4, max_length=30)] | None = None
    email: Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+$")]
    currency: CurrencyCode
    locale: Annotated[str, StringConstraints(min_length=2, max_length=20)] = "en"
