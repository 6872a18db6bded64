"""What billing does later, and by the clock."""

from typing import Any

from nexusone.modules.billing.contracts.invoices import CollectInvoice, PaperOrder
from nexusone.modules.billing.contracts.payments import DisputeWork, PaymentWork, RefundWork, WebhookWork
from nexusone.modules.billing.contracts.subscriptions import SubscriptionMailOrder, SubscriptionWork
from nexusone.modules.billing.service import (
    collecting,
    expiry,
    invoice_papers,
    margins,
    payments_calling,
    payments_credits,
    payments_methods,
    payments_webhooks,
    pools_drawing,
    profiles,
    rates,
    reconciliation,
    refunds,
    subscriptions_clock,
    subscriptions_mails,
    watching,
)
from nexusone.modules.billing.service.invoice_papers import MAIL_JOB
from nexusone.modules.billing.service.invoicing import TYPESET_JOB
from nexusone.modules.billing.service.subscriptions_clock import STEPS_JOB
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


async def take_subscription_steps(ctx: Context, payload: SubscriptionWork) -> None:
    """Takes the steps of a subscription that are due."""
    await subscriptions_clock.take_due_steps(ctx, subscription_id=payload.subscription_id)


# A rate of exchange may be a day late, and with backoff of five minutes at most that is as many attempts.
TYPESET_INVOICE = JobKind(
    name=TYPESET_JOB, payload=PaperOrder, handler=typeset_invoice, attempts_max=300, is_completion=True, tends_workspace=True
)
MAIL_INVOICE = JobKind(name=MAIL_JOB, payload=PaperOrder, handler=mail_invoice, is_completion=True, tends_workspace=True)

# Whatever ails a subscription may take a day to mend.
TAKE_SUBSCRIPTION_STEPS = JobKind(
    name=STEPS_JOB,
    payload=SubscriptionWork,
    handler=take_subscription_steps,
    attempts_max=300,
    is_completion=True,
    tends_workspace=True,
)

SEND_SUBSCRIPTION_MAIL = JobKind(
    name=SEND_MAIL_JOB, payload=SubscriptionMailOrder, handler=send_subscription_mail, is_completion=True, tends_workspace=True
)


async def collect_invoice(ctx: Context, payload: CollectInvoice) -> None:
    """Charges an invoice to the saved way to pay."""
    await collecting.collect(ctx, invoice_id=payload.invoice_id)


async def sync_payment_methods(ctx: Context, payload: PaymentWork) -> None:
    """Looks which ways to pay the vendor keeps."""
    await payments_methods.sync_after(ctx, payment_id=payload.payment_id)


async def take_back_credits(ctx: Context, payload: RefundWork) -> None:
    """Takes the credits of a refund back."""
    await payments_credits.take_back(ctx, refund_id=payload.refund_id)


async def follow_dispute(ctx: Context, payload: DisputeWork) -> None:
    """Sets credits aside for a dispute, or ends that."""
    await payments_credits.follow_dispute(ctx, dispute_id=payload.dispute_id)


async def handle_webhook(ctx: Context, payload: WebhookWork) -> None:
    """Looks into what a vendor told."""
    await payments_webhooks.handle(ctx, gateway=payload.gateway, event_id=payload.event_id)


PAYMENT_JOBS: tuple[JobKind[Any], ...] = (
    JobKind(name="billing.collect_invoice", payload=CollectInvoice, handler=collect_invoice, is_completion=True, tends_workspace=True),
    JobKind(
        name="billing.sync_payment_methods", payload=PaymentWork, handler=sync_payment_methods, is_completion=True, tends_workspace=True
    ),
    JobKind(name="billing.take_back_credits", payload=RefundWork, handler=take_back_credits, is_completion=True, tends_workspace=True),
    JobKind(name="billing.follow_dispute", payload=DisputeWork, handler=follow_dispute, is_completion=True, tends_workspace=True),
    JobKind(name="billing.handle_webhook", payload=WebhookWork, handler=handle_webhook, attempts_max=20),
)

JOBS: tuple[JobKind[Any], ...] = (*PAYMENT_JOBS, TYPESET_INVOICE, MAIL_INVOICE, SEND_SUBSCRIPTION_MAIL, TAKE_SUBSCRIPTION_STEPS)

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="billing.expire_holds", cron="* * * * *", handler=expiry.expire_holds),
    Schedule(name="billing.renew_top_ups", cron="7 0 * * *", handler=watching.renew_top_ups),
    Schedule(name="billing.check_vat_ids", cron="17 * * * *", handler=profiles.check_due_vat_ids),
    Schedule(name="billing.fetch_rates", cron="31 15,18 * * *", handler=rates.fetch_rates),
    Schedule(name="billing.finish_pool_draws", cron="* * * * *", handler=pools_drawing.finish_begun),
    Schedule(name="billing.watch_margins", cron="43 * * * *", handler=margins.watch_margins),
    Schedule(name="billing.expire_grants", cron="*/5 * * * *", handler=expiry.expire_grants),
    Schedule(name="billing.take_subscription_steps", cron="* * * * *", handler=subscriptions_clock.order_due_steps),
    Schedule(name="billing.probe_payments", cron="* * * * *", handler=payments_calling.probe_due_payments),
    Schedule(name="billing.probe_refunds", cron="* * * * *", handler=refunds.probe_due_refunds),
    Schedule(name="billing.reconcile_payments", cron="30 4 * * *", handler=reconciliation.reconcile_yesterday),
)
