"""What payments make of a subscription: the first one begins it, a failed one puts it past due, retries heal or end it."""

from dataclasses import replace
from uuid import UUID

from nexusone.modules.billing.contracts.invoices import CollectInvoice
from nexusone.modules.billing.domain import dunning as rules
from nexusone.modules.billing.domain import subscriptions as states
from nexusone.modules.billing.domain.subscriptions import Subscription
from nexusone.modules.billing.events.invoices import InvoicePaid, InvoicePaymentFailed
from nexusone.modules.billing.events.subscriptions import SubscriptionEnded, SubscriptionPastDue, SubscriptionRecovered, SubscriptionStarted
from nexusone.modules.billing.service import invoicing
from nexusone.modules.billing.service.invoicing import COLLECT_JOB
from nexusone.modules.billing.service.refusals_invoices import InvoiceSettled
from nexusone.modules.billing.service.subscriptions_billing import begin_period
from nexusone.modules.billing.service.subscriptions_mails import order_mail
from nexusone.modules.billing.service.subscriptions_steps import News, going_on, touch, write
from nexusone.modules.billing.store import dunning, invoices, subscriptions, subscriptions_steps
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context


async def note_paid(ctx: Context, *, event: InvoicePaid) -> None:
    """Begins or heals the subscription whose invoice was paid; the same news again changes nothing."""
    if event.subscription_id is None:
        return
    subscription_id = event.subscription_id

    async def work(tx: Transaction) -> None:
        row = await subscriptions.lock(tx, workspace_id=ctx.workspace, subscription_id=subscription_id)
        if row is None or row.over_at is not None or row.state == "trialing":
            return
        await _heal(ctx, tx, row, event.invoice_id)
        if row.state == "incomplete":
            await activate(ctx, tx, row)
            return
        after = states.pay(row.standing(), is_all_paid=not await owes(ctx, tx, row))
        if after.state != row.state:
            await write(ctx, tx, going_on("recover", row, after), News(SubscriptionRecovered))
        else:
            await touch(ctx, tx, row)

    await ctx.atomically("billing", work)


async def note_failed(ctx: Context, *, event: InvoicePaymentFailed) -> None:
    """Begins dunning, or leads it on; each failure counts once, in whatever order news comes."""
    if event.subscription_id is None:
        return
    subscription_id = event.subscription_id

    async def work(tx: Transaction) -> None:
        row = await subscriptions.lock(tx, workspace_id=ctx.workspace, subscription_id=subscription_id)
        if row is None or row.over_at is not None or row.state in ("incomplete", "trialing"):
            return
        invoice = await invoices.lock_state(tx, workspace_id=ctx.workspace, invoice_id=event.invoice_id)
        if invoice is not None and invoice.state == "open":
            await _lead_on(ctx, tx, row, event)

    await ctx.atomically("billing", work)


async def activate(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    """The first invoice was paid: now the workspace has the plan and its credits."""
    after = states.pay(row.standing(), is_all_paid=True)
    begun = await begin_period(ctx, tx, after, coupon_code=row.coupon_code)
    taken = replace(going_on("activate", row, after), allowance_micros=begun.allowance_micros)
    await write(ctx, tx, taken, News(SubscriptionStarted))


async def retry(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    """Has the invoice that is due tried again."""
    known = (await dunning.list_open(tx, workspace_id=ctx.workspace, subscription_id=row.id))[0]
    await _put(ctx, tx, row, known.invoice_id, rules.tried(known.standing(), at=ctx.now()))
    await enqueue_named(tx, [(COLLECT_JOB, CollectInvoice(invoice_id=known.invoice_id))], key=str(known.invoice_id))
    await write(ctx, tx, going_on("retry", row, row.standing()))


async def give_up(ctx: Context, tx: Transaction, row: SubscriptionRow) -> None:
    """Nobody tries to collect for a subscription that is over: a first invoice is owed no more, others are not hoped for.

    Raises:
        InvoiceSettled: the first invoice was paid at this moment.
    """
    if row.state == "incomplete":
        invoice_id = await subscriptions_steps.find_first_invoice(tx, workspace_id=ctx.workspace, subscription_id=row.id)
        if invoice_id is not None:
            await invoicing.void(ctx, tx, invoice_id=invoice_id)
    for known in await dunning.list_open(tx, workspace_id=ctx.workspace, subscription_id=row.id):
        await _put(ctx, tx, row, known.invoice_id, rules.given_up(known.standing()))
        await _write_off(ctx, tx, known.invoice_id)


async def owes(ctx: Context, tx: Transaction, row: SubscriptionRow) -> bool:
    """Whether an invoice of the subscription is being dunned for."""
    return bool(await dunning.list_open(tx, workspace_id=ctx.workspace, subscription_id=row.id))


async def _heal(ctx: Context, tx: Transaction, row: SubscriptionRow, invoice_id: UUID) -> None:
    known = await dunning.lock(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
    if known is not None and known.standing().is_open:
        await _put(ctx, tx, row, invoice_id, rules.healed(known.standing()))


async def _lead_on(ctx: Context, tx: Transaction, row: SubscriptionRow, event: InvoicePaymentFailed) -> None:
    found = await dunning.lock(tx, workspace_id=ctx.workspace, invoice_id=event.invoice_id)
    if found is None:
        known = rules.begun(ctx.now(), failure=event.failures)
    elif (known := rules.failed(found.standing(), at=ctx.now(), failure=event.failures)) == found.standing():
        return
    await _put(ctx, tx, row, event.invoice_id, known)
    if known.state == "exhausted":
        await _end_unpaid(ctx, tx, row, event.invoice_id)
        return
    if found is None or found.state == "trying":
        await order_mail(ctx, tx, row, kind="payment_failed", day=known.next_at)
    await _past_due(ctx, tx, row, states.fail(row.standing()), event.invoice_id)


async def _past_due(ctx: Context, tx: Transaction, row: SubscriptionRow, after: Subscription, invoice_id: UUID) -> None:
    if after.state == row.state:
        await touch(ctx, tx, row)
    else:
        await write(ctx, tx, going_on("fail", row, after), News(SubscriptionPastDue, {"invoice_id": invoice_id}))


async def _end_unpaid(ctx: Context, tx: Transaction, row: SubscriptionRow, invoice_id: UUID) -> None:
    after = states.exhaust(row.standing())
    await _write_off(ctx, tx, invoice_id)
    await give_up(ctx, tx, row)
    await order_mail(ctx, tx, row, kind="ended_unpaid", day=None)
    await write(ctx, tx, going_on("end", row, after), News(SubscriptionEnded, {"reason": "unpaid"}))


async def _write_off(ctx: Context, tx: Transaction, invoice_id: UUID) -> None:
    try:
        await invoicing.void(ctx, tx, invoice_id=invoice_id, is_uncollectible=True)
    except InvoiceSettled:
        # Paid at this moment; the news of it finds the subscription over.
        return


async def _put(ctx: Context, tx: Transaction, row: SubscriptionRow, invoice_id: UUID, known: rules.Dunning) -> None:
    await dunning.put(tx, workspace_id=ctx.workspace, subscription_id=row.id, invoice_id=invoice_id, known=known, now=ctx.now())
