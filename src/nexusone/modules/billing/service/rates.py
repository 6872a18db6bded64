"""Exchange rates: fetched by the day, and written to the invoices that need one."""

from datetime import timedelta
from fractions import Fraction

from nexusone.modules.billing.domain.splitting import half_up
from nexusone.modules.billing.ports import DailyRate, ExchangeRates
from nexusone.modules.billing.service.currencies import convert
from nexusone.modules.billing.service.refusals_invoices import ExchangeRateMissing
from nexusone.modules.billing.settings import InvoiceSettings, Issuer
from nexusone.modules.billing.store import invoices, rates
from nexusone.modules.billing.store.invoice_reading import InvoiceRow
from nexusone.modules.billing.store.invoices import NewInvoice, NewRate
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

ONE_PICO = 10**12


async def fetch_rates(ctx: Context) -> None:
    """Stores what was published in the last days; what is stored stays."""
    if ExchangeRates not in ctx.runtime.ports:
        return
    today = ctx.now().date()
    published = ctx.port(ExchangeRates)
    found = await published.rates(since=today - timedelta(days=ctx.setting(InvoiceSettings).rate_age_days_max), until=today)
    days = {(rate.reference, rate.rate_on) for rate in found}
    own = [DailyRate(reference, reference, day, ONE_PICO) for reference, day in sorted(days)]
    async with ctx.transaction("billing") as tx:
        await rates.insert_rates(tx, [*found, *own], source=published.source)


async def write_rate(ctx: Context, tx: Transaction, invoice: NewInvoice | InvoiceRow, issuer: Issuer) -> bool:
    """Writes what an invoice amounts to in its issuer's books; False where the day's rate is not known yet."""
    if invoice.currency == issuer.currency:
        return True
    net, tax = (invoice.net, invoice.tax) if isinstance(invoice, NewInvoice) else (invoice.net_minor, invoice.tax_minor)
    until = invoice.issued_at.date()
    since = until - timedelta(days=ctx.setting(InvoiceSettings).rate_age_days_max)
    found = await rates.find_cross_rate(tx, currency=invoice.currency, into=issuer.currency, since=since, until=until)
    if found is None:
        return False
    rate_pico = half_up(Fraction(found.into_pico * ONE_PICO, found.from_pico))
    wanted = NewRate(
        workspace_id=ctx.workspace,
        invoice_id=invoice.id,
        currency=issuer.currency,
        rate_pico=rate_pico,
        rate_on=found.rate_on,
        net=convert(net, currency=invoice.currency, into=issuer.currency, rate_pico=rate_pico),
        tax=convert(tax, currency=invoice.currency, into=issuer.currency, rate_pico=rate_pico),
    )
    await invoices.insert_rate(tx, wanted)
    return True


async def ensure_rate(ctx: Context, invoice: InvoiceRow, issuer: Issuer) -> None:
    """Writes an invoice's rate, fetching what is not stored yet.

    Raises:
        ExchangeRateMissing: nobody publishes one, or has yet.
    """

    async def work(tx: Transaction) -> bool:
        return await write_rate(ctx, tx, invoice, issuer)

    if await ctx.atomically("billing", work):
        return
    await fetch_rates(ctx)
    if not await ctx.atomically("billing", work):
        raise ExchangeRateMissing(currency=invoice.currency, into=issuer.currency)
