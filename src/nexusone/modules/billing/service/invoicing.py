"""Issuing invoices, and what payments make of them. Everything happens in the caller's transaction."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import Money
from nexusone.modules.billing.contracts.invoices import CollectInvoice, InvoiceStateName, PaperOrder, PartyOnInvoice
from nexusone.modules.billing.domain.invoices import InvoiceDraft, check_draft, totals_of
from nexusone.modules.billing.domain.taxes import Buyer, Tax, tax_for
from nexusone.modules.billing.events.invoices import InvoiceIssued, InvoicePaid, InvoicePaymentFailed, InvoiceVoided
from nexusone.modules.billing.service.issuers import issuer_for, party_of, seller_of
from nexusone.modules.billing.service.rates import write_rate
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing, InvoiceNotFound, InvoiceSettled
from nexusone.modules.billing.service.tax_tables import territories
from nexusone.modules.billing.settings import InvoiceSettings, Issuer
from nexusone.modules.billing.store import invoices, profiles
from nexusone.modules.billing.store.invoices import NewInvoice, NewLine, StateRow, TakenNumber
from nexusone.modules.billing.store.profiles import ProfileRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

COLLECT_JOB = "billing.collect_invoice"
TYPESET_JOB = "billing.typeset_invoice"


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be collected of an invoice."""

    amount: Money
    state: InvoiceStateName
    subscription_id: UUID | None


async def issue(ctx: Context, tx: Transaction, draft: InvoiceDraft) -> UUID:
    """Numbers and writes an invoice for the workspace's billing profile, taxes added; one that charges something is collected.

    The number is taken last: other invoices of the same issuer wait from here to the commit. An invoice of nothing is paid at once.

    Raises:
        BillingProfileMissing, IssuerMissing: nobody to bill, or nobody to bill them.
    """
    check_draft(draft)
    profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    if profile is None:
        raise BillingProfileMissing
    issuer = issuer_for(ctx, country=profile.country)
    taken = await invoices.take_number(tx, issuer=issuer.code, kind="invoice", now=ctx.now())
    invoice, lines = _written(ctx, draft, profile, issuer, taken)
    await invoices.insert_invoice(tx, invoice, lines)
    await write_rate(ctx, tx, invoice, issuer)
    await _announce(tx, invoice)
    return invoice.id


def number_of(issuer: Issuer, mark: str, taken: TakenNumber) -> str:
    """A number as it stands on the paper; `mark` tells the series of one issuer apart."""
    return f"{issuer.prefix}{mark}{taken.year}-{taken.last_number:06d}"


async def find_due(ctx: Context, tx: Transaction, *, invoice_id: UUID) -> Due:
    """What an invoice still charges, locked until the transaction ends: its total less what was credited, nothing unless it is open.

    Raises:
        InvoiceNotFound: no such invoice.
    """
    row = await _locked(ctx, tx, invoice_id)
    owed = row.total_minor - row.credited_minor if row.state in ("open", "uncollectible") else 0
    return Due(amount=Money(amount=owed, currency=row.currency), state=row.state, subscription_id=row.subscription_id)


async def mark_paid(ctx: Context, tx: Transaction, *, invoice_id: UUID, payment_id: UUID) -> bool:
    """Notes that a payment paid an open invoice; False where it was not open: then the money is owed back.

    Repeating it for the same payment is True and announces nothing again.

    Raises:
        InvoiceNotFound: no such invoice.
    """
    row = await _locked(ctx, tx, invoice_id)
    if row.state == "paid" and row.payment_id == payment_id:
        return True
    if row.state not in ("open", "uncollectible"):
        return False
    await invoices.change_state(
        tx,
        workspace_id=ctx.workspace,
        invoice_id=invoice_id,
        state="paid",
        payment_id=payment_id,
        failures=row.failures,
        now=ctx.now(),
    )
    await publish(tx, _paid(invoice_id, row.subscription_id, payment_id, row.currency, row.total_minor))
    return True


async def mark_failed(ctx: Context, tx: Transaction, *, invoice_id: UUID, reason: str = "declined") -> None:
    """Notes that an attempt to collect an open invoice failed; one that is not open stays as it is. Raises: InvoiceNotFound."""
    row = await _locked(ctx, tx, invoice_id)
    if row.state != "open":
        return
    failures = row.failures + 1
    await invoices.change_state(
        tx, workspace_id=ctx.workspace, invoice_id=invoice_id, state="open", payment_id=None, failures=failures, now=ctx.now()
    )
    told = InvoicePaymentFailed(invoice_id=invoice_id, subscription_id=row.subscription_id, failures=failures, reason=reason)
    await publish(tx, told)


async def void(ctx: Context, tx: Transaction, *, invoice_id: UUID, is_uncollectible: bool = False) -> None:
    """Ends an open invoice without payment: it is owed no more, or (uncollectible) no more hoped for.

    Raises:
        InvoiceNotFound: no such invoice.
        InvoiceSettled: it is not open.
    """
    row = await _locked(ctx, tx, invoice_id)
    state = "uncollectible" if is_uncollectible else "void"
    if row.state == state:
        return
    if row.state != "open":
        raise InvoiceSettled(state=row.state)
    await invoices.change_state(
        tx,
        workspace_id=ctx.workspace,
        invoice_id=invoice_id,
        state="uncollectible" if is_uncollectible else "void",
        payment_id=None,
        failures=row.failures,
        now=ctx.now(),
    )
    await publish(tx, InvoiceVoided(invoice_id=invoice_id, subscription_id=row.subscription_id, state=state))


async def _locked(ctx: Context, tx: Transaction, invoice_id: UUID) -> StateRow:
    row = await invoices.lock_state(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
    if row is None:
        raise InvoiceNotFound
    return row


def _written(
    ctx: Context, draft: InvoiceDraft, profile: ProfileRow, issuer: Issuer, taken: TakenNumber
) -> tuple[NewInvoice, list[NewLine]]:
    tax = _tax(ctx, profile, issuer)
    totals = totals_of(draft.lines, rate_bps=tax.rate_bps)
    lines = [
        NewLine(line.kind, line.description, line.quantity, line.unit_amount, line.amount, line_tax)
        for line, line_tax in zip(draft.lines, totals.line_taxes, strict=True)
    ]
    invoice = NewInvoice(
        workspace_id=ctx.workspace,
        id=new_id(),
        issuer=issuer.code,
        number=number_of(issuer, "", taken),
        currency=draft.currency,
        net=totals.net,
        tax=totals.tax,
        treatment=tax.treatment,
        tax_country=tax.country,
        rate_bps=tax.rate_bps,
        seller=party_of(issuer).model_dump(mode="json"),
        buyer=_buyer(profile).model_dump(mode="json"),
        locale=profile.locale,
        subscription_id=draft.subscription_id,
        period_start=draft.period_start,
        period_end=draft.period_end,
        issued_at=taken.last_issued_at,
        due_at=max(draft.due_at, taken.last_issued_at),
        state="open" if totals.total > 0 else "paid",
    )
    return invoice, lines


def _tax(ctx: Context, profile: ProfileRow, issuer: Issuer) -> Tax:
    holds_until = (profile.vat_checked_at or profile.updated_at) + timedelta(days=ctx.setting(InvoiceSettings).vat_id_valid_days)
    is_valid = profile.vat_outcome == "valid" and ctx.now() < holds_until
    buyer = Buyer(country=profile.country, has_valid_vat_id=is_valid)
    return tax_for(territories(), seller=seller_of(issuer), buyer=buyer, on=ctx.now().date())


def _buyer(profile: ProfileRow) -> PartyOnInvoice:
    return PartyOnInvoice(
        name=profile.legal_name,
        street=profile.street,
        postal_code=profile.postal_code,
        city=profile.city,
        region=profile.region,
        country=profile.country,
        vat_id=profile.vat_id,
        email=profile.email,
    )


async def _announce(tx: Transaction, invoice: NewInvoice) -> None:
    total = invoice.net + invoice.tax
    issued = InvoiceIssued(
        invoice_id=invoice.id,
        number=invoice.number,
        subscription_id=invoice.subscription_id,
        currency=invoice.currency,
        total_minor=total,
        due_at=invoice.due_at,
    )
    await publish(tx, issued)
    await enqueue_named(tx, [(TYPESET_JOB, PaperOrder(invoice_id=invoice.id))], key=str(invoice.id))
    if total > 0:
        await enqueue_named(tx, [(COLLECT_JOB, CollectInvoice(invoice_id=invoice.id))], key=str(invoice.id))
    else:
        await publish(tx, _paid(invoice.id, invoice.subscription_id, None, invoice.currency, 0))


def _paid(invoice_id: UUID, subscription_id: UUID | None, payment_id: UUID | None, currency: str, total: int) -> InvoicePaid:
    return InvoicePaid(invoice_id=invoice_id, subscription_id=subscription_id, payment_id=payment_id, currency=currency, total_minor=total)
