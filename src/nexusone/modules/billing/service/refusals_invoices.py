"""What billing refuses about invoices."""

from nexusone.kernel.errors import Conflict, NotFound, Unavailable, Unprocessable


class BillingProfileMissing(Conflict):
    """Nobody to bill is known: the workspace has no billing profile yet."""

    code = "billing.profile_missing"


class InvoiceNotFound(NotFound):
    """There is no such invoice in this workspace."""

    code = "billing.invoice_not_found"


class IssuerMissing(Unavailable):
    """No company of the operator issues invoices for the buyer's `country`."""

    code = "billing.issuer_missing"


class CreditExceedsInvoice(Unprocessable):
    """More would be credited than the invoice charges, or nothing, or a line it does not have."""

    code = "billing.credit_exceeds_invoice"


class VatIdMalformed(Unprocessable):
    """The VAT id does not have the form of the country's."""

    code = "billing.vat_id_malformed"


class CurrencyUnknown(Unprocessable):
    """There is no such currency."""

    code = "billing.currency_unknown"


class LocaleUnknown(Unprocessable):
    """It is not a language tag such as de or pt-BR."""

    code = "billing.locale_unknown"


class InvoiceNotRendered(Conflict):
    """The PDF is being made; it is there in a moment."""

    code = "billing.invoice_not_rendered"


class InvoiceSettled(Conflict):
    """The invoice is `state` already and can neither be voided nor written off."""

    code = "billing.invoice_settled"


class ExchangeRateMissing(Unavailable):
    """What `currency` was worth in `into` on the day is not published yet."""

    code = "billing.exchange_rate_missing"
