"""Samples of plans, coupons and pools."""

from uuid import uuid4

import httpx2
from tests.customers import visitor_at
from tests.modules.compliance.samples import Stage, sample
from tests.modules.identity.workspaces.staff import hired

from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue

PLAN = {"names": {"en": "Sample"}, "position": 9500, "is_public": False}
VERSION = {"features": {"contacts.total": {"quantity": 10}}, "prices": [{"price_list": "world", "every": "month", "amount": 900}]}


async def staff(stage: Stage, method: str, path: str, wanted: object = None) -> httpx2.Response:
    """A request of an operator."""
    system = stage.composition.runtime.system()
    await system.port(PlanCatalogue).be_written(system)
    token = await hired(stage.app, stage.composition.runtime)
    async with visitor_at(stage.app) as operator:
        headers = {"Authorization": f"Bearer {token}"}
        return await operator.request(method, f"/v1/operators{path}", json=wanted, headers=headers)


async def plan(stage: Stage) -> str:
    """The code of a new plan."""
    code = f"sample_{uuid4().hex}"
    assert (await staff(stage, "PUT", f"/plans/{code}", PLAN)).is_success
    return code


async def version(stage: Stage) -> str:
    """The path of a new version."""
    code = await plan(stage)
    answer = await staff(stage, "POST", f"/plans/{code}/versions", VERSION)
    assert answer.status_code == 201, answer.text
    return f"/plans/{code}/versions/{answer.json()['number']}"


@sample("plan_desk.put_plan")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "PUT", f"/plans/sample_{uuid4().hex}", PLAN)


@sample("plan_desk.retire_plan")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"/plans/{await plan(stage)}/retire")


@sample("plan_desk.add_version")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"/plans/{await plan(stage)}/versions", VERSION)


@sample("plan_desk.publish_version")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"{await version(stage)}/publish")


@sample("plan_desk.retire_version")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "POST", f"{await version(stage)}/retire")


@sample("plan_desk.add_prices")
async def _(stage: Stage) -> httpx2.Response:
    wanted = {"prices": [{"price_list": "europe", "every": "month", "amount": 800}]}
    return await staff(stage, "POST", f"{await version(stage)}/prices", wanted)


@sample("plan_desk.put_price_list")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "PUT", f"/price-lists/sample_{uuid4().hex}", {"currency": "JPY", "countries": []})


@sample("plan_desk.put_coupon")
async def _(stage: Stage) -> httpx2.Response:
    return await staff(stage, "PUT", f"/coupons/{uuid4().hex}", {"percent": "20"})


@sample("plan_desk.end_coupon")
async def _(stage: Stage) -> httpx2.Response:
    code = uuid4().hex
    assert (await staff(stage, "PUT", f"/coupons/{code}", {"percent": "20"})).is_success
    return await staff(stage, "POST", f"/coupons/{code}/end")


@sample("pools.put_pool")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.put("/v1/agency/pool", json={"is_open": True, "monthly_limit": "100"})


@sample("pools.put_share")
async def _(stage: Stage) -> httpx2.Response:
    client = (await stage.client.post("/v1/agency/workspaces", json={"name": "A client's"})).json()["id"]
    return await stage.client.put(f"/v1/agency/pool/{client}", json={"is_member": True})
