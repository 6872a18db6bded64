"""What billing does later, and by the clock."""

from typing import Any

from nexusone.modules.billing.contracts.invoices import PaperOrder
from nexusone.modules.billing.contracts.subscriptions import SubscriptionMailOrder
from nexusone.modules.billing.service import expiry, invoice_papers, profiles, rates, subscriptions_clock, subscriptions_mails
from nexusone.modules.billing.service.invoice_papers import MAIL_JOB
from nexusone.modules.billing.service.invoicing import TYPESET_JOB
from nexusone.modules.billing.service.subscriptions_mails import SEND_MAIL_JOB
from nexusone.platform.jobs import JobKind, Schedule
from nexusone.platform.runtime import Context


async def typeset_invoice(ctx: Context, payload: PaperOrder) -> None:
    """Makes the PDF of an invoice or credit note."""
    await invoice_papers.typeset_paper(ctx, order=payload)


async def mail_invoice(ctx: Context, payload: PaperOrder) -> None:
    """Mails a PDF that was made."""
    await invoice_papers.mail_paper(ctx, order=payload)


async def send_subscription_mail(ctx: Context, payload: SubscriptionMailOrder) -> None:
    """Mails what happens with the subscription to whoever pays."""
    await subscriptions_mails.send_mail(ctx, order=payload)


# A rate of exchange may be a day late, and with backoff of five minutes at most that is as many attempts.
TYPESET_INVOICE = JobKind(
    name=TYPESET_JOB, payload=PaperOrder, handler=typeset_invoice, attempts_max=300, is_completion=True, tends_workspace=True
)
MAIL_INVOICE = JobKind(name=MAIL_JOB, payload=PaperOrder, handler=mail_invoice, is_completion=True, tends_workspace=True)

SEND_SUBSCRIPTION_MAIL = JobKind(
    name=SEND_MAIL_JOB, payload=SubscriptionMailOrder, handler=send_subscription_mail, is_completion=True, tends_workspace=True
)

JOBS: tuple[JobKind[Any], ...] = (TYPESET_INVOICE, MAIL_INVOICE, SEND_SUBSCRIPTION_MAIL)

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="billing.expire_holds", cron="* * * * *", handler=expiry.expire_holds),
    Schedule(name="billing.check_vat_ids", cron="17 * * * *", handler=profiles.check_due_vat_ids),
    Schedule(name="billing.fetch_rates", cron="31 15,18 * * *", handler=rates.fetch_rates),
    Schedule(name="billing.expire_grants", cron="*/5 * * * *", handler=expiry.expire_grants),
    Schedule(name="billing.take_subscription_steps", cron="* * * * *", handler=subscriptions_clock.take_due_steps),
)
