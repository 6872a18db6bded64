"""The price list for everybody, the catalogue behind it, and the operators' desk."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.customers import Customer, visitor_at
from tests.modules.billing.plans.offers import runtime_catalogue
from tests.modules.identity.workspaces.staff import hired

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.service.plan_catalogue import FILE, PlanCatalogue, read_catalogue
from nexusone.modules.billing.service.plan_versions import list_plans
from nexusone.platform.runtime import Runtime

CATALOGUE = ["free", "starter", "growth", "scale"]


@pytest.fixture
async def staff(application: ASGIApp, runtime: Runtime) -> AsyncIterator[httpx2.AsyncClient]:
    """An operator, signed in."""
    await runtime_catalogue(runtime.system())
    async with visitor_at(application) as client:
        client.headers["Authorization"] = f"Bearer {await hired(application, runtime)}"
        yield client


async def offers(client: httpx2.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.get("/v1/plans", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def monthly(listing: dict[str, Any], code: str) -> object:
    (plan,) = (plan for plan in listing["plans"] if plan["code"] == code)
    return next(price["price"] for price in plan["prices"] if price["every"] == "month")


async def test_everybody_sees_the_plans_with_the_prices_of_their_country(visitor: httpx2.AsyncClient) -> None:
    world, germany, britain = await offers(visitor), await offers(visitor, country="DE"), await offers(visitor, country="GB")
    assert [plan["code"] for plan in world["plans"] if plan["code"] in (*CATALOGUE, "sandbox")] == CATALOGUE
    assert (monthly(world, "growth"), monthly(germany, "growth")) == (
        {"amount": 9900, "currency": "USD"},
        {"amount": 8900, "currency": "EUR"},
    )
    assert (britain["price_list"], britain["currency"]) == ("britain", "GBP")
    assert (await offers(visitor, country="BR"))["price_list"] == "world"
    assert (await visitor.get("/v1/plans?country=Germany")).status_code == 422


async def test_plans_have_names_in_the_readers_language(visitor: httpx2.AsyncClient) -> None:
    for language, name in (("de-AT", "Wachstum"), ("ar", "النمو"), ("ja", "Growth")):
        answer = await visitor.get("/v1/plans", headers={"Accept-Language": language})
        assert name in [plan["name"] for plan in answer.json()["plans"]]


async def test_the_catalogue_is_written_once_whoever_comes_first(runtime: Runtime) -> None:
    await asyncio.gather(*(PlanCatalogue(FILE).be_written(runtime.system()) for _ in range(5)))
    plans = {plan.code: plan for plan in (await list_plans(runtime.system())).items}
    assert all(len(plans[plan.code].versions) == 1 for plan in read_catalogue(FILE).plans)
    assert all(plans[code].versions[0].published_at for code in CATALOGUE)


async def test_nobody_but_operators_writes_plans(customer: Customer, visitor: httpx2.AsyncClient) -> None:
    for client in (customer.client, visitor):
        for method, path in (("GET", "/v1/operators/plans"), ("PUT", "/v1/operators/plans/mine"), ("PUT", "/v1/operators/coupons/MINE")):
            assert (await client.request(method, path, json={})).status_code == 401


async def test_a_version_is_on_offer_from_its_publication_until_it_is_retired(
    staff: httpx2.AsyncClient, visitor: httpx2.AsyncClient
) -> None:
    code = f"p{new_id().hex}"
    wish = {"names": {"en": "Special"}, "position": 9000}
    assert (await staff.put(f"/v1/operators/plans/{code}", json=wish)).status_code == 200
    version = {"features": {"sso": {}}, "allowance": "5", "prices": [{"price_list": "world", "every": "month", "amount": 900}]}

    async def on_offer() -> list[int]:
        return [plan["version"] for plan in (await offers(visitor))["plans"] if plan["code"] == code]

    place = f"/v1/operators/plans/{code}/versions"
    for number in (1, 2):
        assert (await staff.post(place, json=version)).json()["number"] == number
        assert (await staff.post(f"{place}/{number}/publish")).status_code == 200
        assert await on_offer() == [number]
    again = await staff.post(f"{place}/2/publish")
    assert (again.status_code, again.json()["code"]) == (409, "billing.version_fixed")
    assert (await staff.post(f"{place}/2/retire")).status_code == 200
    assert await on_offer() == [1]
    priced = await staff.post(f"{place}/1/prices", json={"prices": [{"price_list": "britain", "every": "year", "amount": 8000}]})
    assert len(priced.json()["prices"]) == 2
    twice = await staff.post(f"{place}/1/prices", json={"prices": [{"price_list": "britain", "every": "year", "amount": 9000}]})
    assert twice.status_code == 409
    assert (await staff.post(f"/v1/operators/plans/{code}/retire")).status_code == 200
    assert await on_offer() == []
    assert (await staff.post(f"{place}/9/publish")).status_code == 404


@pytest.mark.parametrize(
    ("version", "pointer"),
    [
        ({"features": {"no.such": {}}}, "/features/no.such"),
        ({"features": {"sso": {"quantity": 1}}}, "/features/sso/quantity"),
        ({"features": {"contacts.total": {"quantity": 1, "overage": "1"}}}, "/features/contacts.total/overage"),
        ({"features": {}, "rollover": "capped"}, "/rollover_cap"),
        ({"features": {}, "prices": [{"price_list": "nowhere", "every": "month", "amount": 1}]}, "/prices/0/price_list"),
        ({"features": {}, "prices": [{"price_list": "world", "every": "month", "amount": 1}] * 2}, "/prices/1"),
    ],
)
async def test_a_version_against_the_rules_is_not_written(staff: httpx2.AsyncClient, version: object, pointer: str) -> None:
    answer = await staff.post("/v1/operators/plans/free/versions", json=version)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("antarctica", {"currency": "USD", "countries": ["DE"]}),
        ("europe", {"currency": "USD", "countries": []}),
        ("world", {"currency": "USD", "countries": [], "is_default": False}),
    ],
)
async def test_price_lists_keep_their_countries_and_currencies_apart(staff: httpx2.AsyncClient, code: str, wanted: object) -> None:
    answer = await staff.put(f"/v1/operators/price-lists/{code}", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "billing.plan_faulty")


async def test_a_coupon_is_made_asked_for_and_ended(staff: httpx2.AsyncClient, customer: Customer) -> None:
    code = new_id().hex.upper()
    made = await staff.put(f"/v1/operators/coupons/{code}", json={"percent": "12.5", "plans": ["starter"], "uses_max": 3})
    assert (made.status_code, made.json()["percent"]) == (200, "12.5")
    question = {"code": code, "plan": "starter", "every": "year", "country": "DE"}
    offer = (await customer.client.post("/v1/coupons/check", json=question)).json()
    assert (offer["discount"]["amount"], offer["to_pay"]) == (3375, {"amount": 23625, "currency": "EUR"})
    other = await customer.client.post("/v1/coupons/check", json={**question, "plan": "growth"})
    assert (other.status_code, other.json()["code"]) == (409, "billing.coupon_unusable")
    assert (await staff.post(f"/v1/operators/coupons/{code}/end")).json()["ended_at"] is not None
    listed = await staff.get("/v1/operators/coupons?limit=100")
    assert listed.status_code == 200
