"""The invoice of a purchase: what it comes to with tax, before, and the paper, after it was paid."""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing.domain.invoices import DraftLine, InvoiceDraft, totals_of
from nexusone.modules.billing.domain.taxes import Buyer, tax_for
from nexusone.modules.billing.service import invoicing
from nexusone.modules.billing.service.issuers import issuer_for, seller_of
from nexusone.modules.billing.service.payments_incidents import Difference, note
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing, IssuerMissing
from nexusone.modules.billing.service.tax_tables import territories
from nexusone.modules.billing.settings import InvoiceSettings
from nexusone.modules.billing.store import invoices, payments, profiles
from nexusone.modules.billing.store.payments import PaymentRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


def purchase_line(*, credits_micros: int, net: int) -> DraftLine:
    """The one line of a purchase."""
    description = f"{credits_to_text(credits_micros)} credits"
    return DraftLine(kind="credits", description=description, quantity=1, unit_amount=net, amount=net)


async def total_of_purchase(ctx: Context, *, credits_micros: int, net: int) -> int:
    """What a purchase comes to with the tax of the workspace's billing profile. Raises: BillingProfileMissing, IssuerMissing."""
    async with ctx.transaction("billing") as tx:
        profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    if profile is None:
        raise BillingProfileMissing
    issuer = issuer_for(ctx, country=profile.country)
    holds_until = (profile.vat_checked_at or profile.updated_at) + timedelta(days=ctx.setting(InvoiceSettings).vat_id_valid_days)
    buyer = Buyer(country=profile.country, has_valid_vat_id=profile.vat_outcome == "valid" and ctx.now() < holds_until)
    tax = tax_for(territories(), seller=seller_of(issuer), buyer=buyer, on=ctx.now().date())
    return totals_of((purchase_line(credits_micros=credits_micros, net=net),), rate_bps=tax.rate_bps).total


async def invoice_purchase(ctx: Context, tx: Transaction, row: PaymentRow) -> UUID | None:
    """Issues the invoice of a paid purchase and marks it paid; None where nobody can be billed any more."""
    now = ctx.now()
    draft = InvoiceDraft(
        currency=row.currency,
        lines=(purchase_line(credits_micros=row.credits_micros or 0, net=row.net_minor),),
        period_start=now,
        period_end=now,
        subscription_id=None,
        due_at=now,
    )
    try:
        invoice_id = await invoicing.issue(ctx, tx, draft)
    except (BillingProfileMissing, IssuerMissing):
        subject = row.subject or str(row.id)
        difference = Difference("invoice_differs", subject, row.id, expected=row.amount_minor, found=None, currency=row.currency)
        await note(ctx, tx, gateway=row.gateway, difference=difference)
        return None
    await payments.set_invoice(tx, workspace_id=row.workspace_id, payment_id=row.id, invoice_id=invoice_id)
    await invoicing.mark_paid(ctx, tx, invoice_id=invoice_id, payment_id=row.id)
    issued = await invoices.lock_state(tx, workspace_id=row.workspace_id, invoice_id=invoice_id)
    if issued is not None and issued.total_minor != row.amount_minor:
        subject = row.subject or str(row.id)
        difference = Difference(
            "invoice_differs", subject, row.id, expected=row.amount_minor, found=issued.total_minor, currency=row.currency
        )
        await note(ctx, tx, gateway=row.gateway, difference=difference)
    return invoice_id
