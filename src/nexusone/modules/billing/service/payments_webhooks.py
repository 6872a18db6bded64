"""What vendors tell: verified, written down once, answered at once; looked into afterwards by asking the vendor.

An event says that something happened and nothing more, so its order does not matter and its content is not believed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.contracts.payments import WebhookWork
from nexusone.modules.billing.domain.payments import read_reference
from nexusone.modules.billing.ports import PaymentGateway, Trace, WebhookRefused
from nexusone.modules.billing.service.payment_gateways import chosen, gateways, workspaces_of
from nexusone.modules.billing.service.payments_calling import take_in
from nexusone.modules.billing.service.payments_methods import sync
from nexusone.modules.billing.service.refusals_payments import (
    CheckoutUnavailable,
    WebhookEndpointNotFound,
    WebhookNotVerified,
    WebhookSubjectMissing,
)
from nexusone.modules.billing.store import payments, payments_news
from nexusone.modules.billing.store.payments_news import NewsRow
from nexusone.platform.audit import record
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.origin import SYSTEM
from nexusone.platform.runtime import Context

HANDLE_JOB = "billing.handle_webhook"
EVENT_ID_LENGTH_MAX = 200


async def receive(ctx: Context, *, endpoint: str, headers: Mapping[str, str], body: bytes) -> None:
    """Verifies and writes down what a vendor told; repeated, it changes nothing.

    Raises:
        WebhookEndpointNotFound, WebhookNotVerified: nothing was written.
        CheckoutUnavailable: the vendor could not be asked whether it is its own; it will send it again.
    """
    gateway = gateways(ctx).by_name.get(endpoint)
    if gateway is None:
        raise WebhookEndpointNotFound
    try:
        notice = await gateway.read_webhook(headers=headers, body=body, now=ctx.now())
    except WebhookRefused as refusal:
        raise WebhookNotVerified(reason=str(refusal)) from refusal
    except (DefiniteFailure, UnknownOutcome) as error:
        raise CheckoutUnavailable(headers={"Retry-After": "5"}) from error
    if len(notice.event_id) > EVENT_ID_LENGTH_MAX or "\x00" in f"{notice.event_id}{notice.kind}{notice.subject}{notice.customer}":
        raise WebhookNotVerified(reason="an event without a usable id")
    # What comes of it is the system's doing, whoever knocked.
    async with replace(ctx, principal=SYSTEM).transaction("billing") as tx:
        is_new = await payments_news.insert_event(
            tx,
            gateway=endpoint,
            event_id=notice.event_id,
            kind=notice.kind[:200],
            subject=notice.subject,
            customer=notice.customer,
            digest=hashlib.sha256(body).digest(),
            now=ctx.now(),
        )
        if is_new:
            told = {"gateway": endpoint, "kind": notice.kind[:200], "subject": notice.subject}
            await record(tx, action="billing.webhook.receive", object_kind="webhook", object_id=notice.event_id, after=told)
            await enqueue_named(tx, [(HANDLE_JOB, WebhookWork(gateway=endpoint, event_id=notice.event_id))])


async def handle(ctx: Context, *, gateway: str, event_id: str) -> None:
    """Asks the vendor how what it told of stands now, and takes that in.

    Raises:
        WebhookSubjectMissing: not here or not there yet; looked for again.
        DefiniteFailure, UnknownOutcome: the vendor did not answer.
    """
    async with ctx.transaction("billing") as tx:
        row = await payments_news.find_event(tx, gateway=gateway, event_id=event_id)
    if row is None or row.is_handled:
        return
    _, vendor = chosen(ctx, name=gateway)
    outcome = "ignored"
    if row.customer is not None:
        outcome = await _sync(ctx, gateway=gateway, customer=row.customer)
    if row.subject is not None:
        outcome = await _settle(ctx, vendor, row, subject=row.subject)
    async with ctx.transaction("billing") as tx:
        await payments_news.handle_event(tx, gateway=gateway, event_id=event_id, outcome=outcome, now=ctx.now())


async def _sync(ctx: Context, *, gateway: str, customer: str) -> str:
    found = await workspaces_of(ctx, gateway=gateway, customer=customer)
    for workspace_id in found:
        await sync(ctx.for_workspace(workspace_id), gateway=gateway, customer=customer)
    return "synced" if found else "foreign"


async def _settle(ctx: Context, vendor: PaymentGateway, row: NewsRow, *, subject: str) -> str:
    trace = Trace(reference="", subject=subject, customer=None, since=ctx.now() - timedelta(days=1))
    seen = await vendor.find_payment(trace)
    if seen is None:
        raise WebhookSubjectMissing(kind=row.kind)
    ours = read_reference(seen.reference)
    if ours is None:
        return "foreign"
    workspace_id, payment_id = ours
    inside = ctx.for_workspace(workspace_id)
    async with inside.transaction("billing") as tx:
        payment = await payments.find_payment(tx, workspace_id=workspace_id, payment_id=payment_id)
    if payment is None:
        raise WebhookSubjectMissing(kind=row.kind)
    await take_in(inside, vendor, payment, seen)
    return "settled"
