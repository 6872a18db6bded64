"""Samples of caps, alerts, top-up and adjustments by hand."""

from uuid import uuid4

import httpx2
from tests.modules.compliance.billing_plans_samples import staff
from tests.modules.compliance.samples import Stage, sample


async def waiting(stage: Stage) -> str:
    """The path of an adjustment that waits for a second person."""
    path = f"/workspaces/{stage.customer.workspace_id}/adjustments"
    answer = await staff(stage, "POST", path, adjustment("100000"))
    assert answer.json()["state"] == "pending", answer.text
    return f"{path}/{answer.json()['id']}"


def adjustment(amount: str) -> dict[str, str]:
    """What an operator gives."""
    return {"key": uuid4().hex, "kind": "compensation", "amount": amount, "reason": "a sample"}


@sample("credits.put_caps")
async def _(stage: Stage) -> httpx2.Response:
    wanted = {"caps": [{"scope": "workspace", "period": "day", "limit": "1000000"}]}
    return await stage.customer.client.put("/v1/credits/caps", json=wanted)


@sample("credits.put_alerts")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.customer.client.put("/v1/credits/alerts", json={"thresholds": ["0.5"]})


@sample("credits.put_top_up")
async def _(stage: Stage) -> httpx2.Response:
    wanted = {"is_enabled": False, "threshold": "1", "amount": "10", "monthly_maximum": "10"}
    return await stage.customer.client.put("/v1/credits/top-up", json=wanted)


@sample("credits_desk.make_adjustment")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"/workspaces/{stage.customer.workspace_id}/adjustments", adjustment("5"))


@sample("credits_desk.approve_adjustment")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"{await waiting(stage)}/approve")


@sample("credits_desk.decline_adjustment")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"{await waiting(stage)}/decline")
