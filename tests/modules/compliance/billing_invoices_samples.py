"""Samples of invoices, usage and margins."""

import httpx2
from tests.modules.billing.invoices.billed import bill_to, issue
from tests.modules.compliance.billing_plans_samples import staff
from tests.modules.compliance.samples import Stage, sample

PROFILE = {"legal_name": "Sample", "country": "DE", "email": "accounts@example.com", "currency": "EUR"}


@sample("billing.put_billing_profile")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.put("/v1/billing-profile", json=PROFILE)


@sample("billing.issue_credit_note")
async def _(stage: Stage) -> httpx2.Response:
    ctx = await bill_to(stage.composition.runtime.system(stage.customer.workspace_id))
    invoice = await issue(ctx, 1000)
    path = f"/workspaces/{stage.customer.workspace_id}/invoices/{invoice}/credit-notes"
    return await staff(stage, "POST", path, {"key": "sample", "reason": "Sample"})


@sample("billing.record_usage")
async def _(stage: Stage) -> httpx2.Response:
    now = stage.composition.runtime.clock.now().isoformat()
    return await stage.client.post("/v1/usage", json={"events": [{"id": "sample", "meter": "messages.sent", "occurred_at": now}]})


@sample("billing.set_margin_floor")
async def _(stage: Stage) -> httpx2.Response:
    path = f"/workspaces/{stage.customer.workspace_id}/margin-floor"
    return await staff(stage, "PUT", path, {"floor_bps": 1000, "reaction": "tell"})
