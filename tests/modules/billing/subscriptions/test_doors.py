"""The doors of the subscription over HTTP: keys, permissions, refusals, GraphQL, mails on their way."""

from typing import Any

import httpx2
import pytest
from tests.customers import Customer

from nexusone.kernel.ids import new_id

START = {"plan": "starter", "every": "month"}


async def post(customer: Customer, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> httpx2.Response:
    return await customer.client.post(f"/v1/subscription{path}", json=body, headers={"Idempotency-Key": key or str(new_id())})


async def test_a_company_tries_changes_and_cancels(customer: Customer) -> None:
    assert (await customer.client.get("/v1/subscription")).status_code == 404
    begun = await post(customer, "", START)
    assert (begun.status_code, begun.json()["state"], begun.json()["terms"]["price"]) == (
        201,
        "trialing",
        {"amount": 2900, "currency": "USD"},
    )
    preview = await customer.client.get("/v1/subscription/preview", params={"quantity": 3})
    assert (preview.json()["due_now"]["amount"], preview.json()["renewal_price"]["amount"]) == (0, 8700)
    changed = await post(customer, "/change", {"quantity": 3})
    assert changed.json()["renewal_price"]["amount"] == 8700
    assert (await post(customer, "/cancel", {"when": "period_end"})).json()["ending"] == "cancel"
    assert (await post(customer, "/resume")).json()["ending"] is None
    assert (await post(customer, "/cancel", {"when": "now"})).json()["state"] == "ended"
    history = (await customer.client.get("/v1/subscription/history")).json()
    assert [step["step"] for step in history["items"]] == ["cancel", "resume", "cancel", "change", "start"]


@pytest.mark.parametrize("path", ["", "/change", "/pause", "/resume", "/cancel"])
async def test_api_04_what_moves_money_needs_a_key(customer: Customer, path: str) -> None:
    answer = await customer.client.post(f"/v1/subscription{path}", json=START if path == "" else {})
    assert answer.status_code == 400


async def test_api_04_the_same_key_subscribes_once_and_another_is_refused(customer: Customer) -> None:
    first = await post(customer, "", START, key="once")
    again = await post(customer, "", START, key="once")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    other = await post(customer, "", START)
    assert (other.status_code, other.json()["code"]) == (409, "billing.already_subscribed")


async def test_nothing_but_reading_without_the_permission(customer: Customer) -> None:
    reader = {"Authorization": f"Bearer {await customer.api_key('subscriptions:read')}"}
    assert (await customer.client.get("/v1/subscription/history", headers=reader)).status_code == 200
    refused = await customer.client.post("/v1/subscription", json=START, headers={**reader, "Idempotency-Key": "k"})
    assert refused.status_code == 403
    stranger = {"Authorization": f"Bearer {await customer.api_key('contacts:read')}"}
    assert (await customer.client.get("/v1/subscription", headers=stranger)).status_code == 403


async def test_a_step_the_state_does_not_allow_is_refused_with_its_state(customer: Customer) -> None:
    await post(customer, "", START)
    refused = await post(customer, "/pause", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "billing.subscription_step_refused")
    assert "trialing" in refused.json()["detail"]
    unchanged = await post(customer, "/change", {"quantity": 1})
    assert (unchanged.status_code, unchanged.json()["code"]) == (422, "billing.nothing_to_change")


async def test_the_subscription_is_readable_in_graphql(customer: Customer) -> None:
    query = {"query": "{ subscription { state coupon next { plan } terms { plan plan_name price { amount currency } } } }"}
    assert (await customer.client.post("/graphql", json=query)).json() == {"data": {"subscription": None}}
    await post(customer, "", START)
    assert (await customer.client.post("/graphql", json=query)).json()["data"]["subscription"] == {
        "state": "trialing",
        "coupon": None,
        "next": None,
        "terms": {"plan": "starter", "plan_name": "Starter", "price": {"amount": "2900", "currency": "USD"}},
    }


async def test_what_happens_is_in_the_audit_trail(customer: Customer) -> None:
    await post(customer, "", START)
    await post(customer, "/cancel", {"when": "now"})
    trail = (await customer.client.get("/v1/audit")).json()["items"]
    told = [entry["action"] for entry in trail if entry["action"].startswith("billing.subscription")]
    assert sorted(told) == ["billing.subscription.canceled", "billing.subscription.ended", "billing.subscription.started"]
