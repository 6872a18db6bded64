"""Which company of the operator invoices whom."""

from nexusone.modules.billing.contracts.invoices import PartyOnInvoice
from nexusone.modules.billing.domain.taxes import Seller
from nexusone.modules.billing.service.refusals_invoices import IssuerMissing
from nexusone.modules.billing.settings import DEMO_ISSUER, InvoiceSettings, Issuer
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings


def issuer_for(ctx: Context, *, country: str) -> Issuer:
    """The company that invoices buyers in a country. Raises: IssuerMissing."""
    known = ctx.setting(InvoiceSettings).issuers
    if not known and ctx.setting(PlatformSettings).mode == "sandbox":
        known = (DEMO_ISSUER,)
    for issuer in (*(found for found in known if country in found.serves), *(found for found in known if not found.serves)):
        return issuer
    raise IssuerMissing(country=country)


def issuer_called(ctx: Context, *, code: str) -> Issuer:
    """The company with that code, which issued something before. Raises: IssuerMissing."""
    for issuer in (*ctx.setting(InvoiceSettings).issuers, DEMO_ISSUER):
        if issuer.code == code:
            return issuer
    raise IssuerMissing(country=code)


def seller_of(issuer: Issuer) -> Seller:
    """The issuer as the rules of taxes see it."""
    return Seller(country=issuer.country, registrations=issuer.registrations)


def party_of(issuer: Issuer) -> PartyOnInvoice:
    """The issuer as it stands on its invoices."""
    return PartyOnInvoice(
        name=issuer.legal_name,
        street=issuer.street,
        postal_code=issuer.postal_code,
        city=issuer.city,
        region="",
        country=issuer.country,
        vat_id=issuer.vat_id,
        email=issuer.email,
        registration=issuer.registration,
        bank_details=issuer.bank_details,
    )
