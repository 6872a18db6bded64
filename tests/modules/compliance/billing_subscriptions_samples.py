"""Samples of the subscription."""

from typing import Any

import httpx2
from tests.modules.compliance.samples import Stage, sample

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.events.invoices import InvoicePaid
from nexusone.modules.billing.service import dunning, invoicing
from nexusone.modules.billing.store import profiles, subscriptions_steps
from nexusone.modules.billing.store.profiles import NewProfile


async def post(stage: Stage, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
    """A call with a key."""
    return await stage.client.post(f"/v1/subscription{path}", json=body, headers={"Idempotency-Key": str(new_id())})


async def trial(stage: Stage) -> httpx2.Response:
    """A company on trial."""
    return await post(stage, "", {"plan": "starter"})


async def paying(stage: Stage) -> None:
    """A company that has paid its first invoice."""
    ctx = stage.composition.runtime.system(stage.customer.workspace_id)
    wanted = NewProfile(
        workspace_id=ctx.workspace,
        legal_name="Engines Ltd",
        street="Street 1",
        postal_code="10115",
        city="Berlin",
        region="",
        country="DE",
        vat_id=None,
        email="accounts@example.com",
        currency="EUR",
        locale="en",
        version=None,
        now=ctx.now(),
    )
    async with ctx.transaction("billing") as tx:
        await profiles.put_profile(tx, wanted)
    begun = (await post(stage, "", {"plan": "starter", "is_trial": False})).json()
    async with ctx.transaction("billing") as tx:
        invoice_id = await subscriptions_steps.find_first_invoice(tx, workspace_id=ctx.workspace, subscription_id=begun["id"])
        assert invoice_id is not None
        await invoicing.mark_paid(ctx, tx, invoice_id=invoice_id, payment_id=new_id())
    news = InvoicePaid(invoice_id=invoice_id, subscription_id=begun["id"], payment_id=None, currency="EUR", total_minor=1)
    await dunning.note_paid(ctx, event=news)


@sample("subscriptions.start_subscription")
async def _(stage: Stage) -> httpx2.Response:
    return await trial(stage)


@sample("subscriptions.change_subscription")
async def _(stage: Stage) -> httpx2.Response:
    await trial(stage)
    return await post(stage, "/change", {"quantity": 2})


@sample("subscriptions.pause_subscription")
async def _(stage: Stage) -> httpx2.Response:
    await paying(stage)
    return await post(stage, "/pause", {"when": "now"})


@sample("subscriptions.resume_subscription")
async def _(stage: Stage) -> httpx2.Response:
    await trial(stage)
    await post(stage, "/cancel", {"when": "period_end"})
    return await post(stage, "/resume")


@sample("subscriptions.cancel_subscription")
async def _(stage: Stage) -> httpx2.Response:
    await trial(stage)
    return await post(stage, "/cancel", {"when": "now"})
