"""The doors of credits: grants, holds, spends, caps, alerts, top-up, by REST and by GraphQL, for those who may."""

from datetime import timedelta

import pytest
from tests.conftest import ContextMaker
from tests.customers import Customer

from nexusone.modules.billing import api
from nexusone.modules.billing.service.grants import grant_alone

HOUR = timedelta(hours=1)
READING = ["/v1/credits/grants", "/v1/credits/holds", "/v1/credits/caps", "/v1/credits/alerts", "/v1/credits/top-up"]
WRITING = {
    "/v1/credits/caps": {"caps": [{"scope": "workspace", "period": "day", "limit": "5"}]},
    "/v1/credits/alerts": {"thresholds": ["100", "10.5"]},
    "/v1/credits/top-up": {"is_enabled": True, "threshold": "1", "amount": "100", "monthly_maximum": "500"},
}


async def test_grants_holds_and_spends_are_listed(customer: Customer, make_context: ContextMaker) -> None:
    ctx = make_context(workspace_id=customer.workspace_id)
    grant_id = await grant_alone(ctx, key="door", amount_micros=5_000_000, source="purchase")
    await api.hold(ctx, key="a", amount_micros=3_000_000, purpose="text", expires_in=HOUR)
    await api.settle(ctx, key="a", amount_micros=1_500_000)
    await api.hold(ctx, key="b", amount_micros=1_000_000, purpose="text", expires_in=HOUR)
    get = customer.client.get
    [grant] = (await get("/v1/credits/grants")).json()["items"]
    assert (grant["id"], grant["amount"], grant["remaining"], grant["source"]) == (str(grant_id), "5", "2.5", "purchase")
    [spend] = (await get(f"/v1/credits/grants/{grant_id}/spends")).json()["items"]
    assert (spend["amount"], spend["key"]) == ("1.5", "a")
    holds = (await get("/v1/credits/holds?state=held")).json()["items"]
    assert [(hold["key"], hold["amount"], hold["state"]) for hold in holds] == [("b", "1", "held")]
    first = (await get("/v1/credits/holds?limit=1")).json()
    second = (await get("/v1/credits/holds", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [first["items"][0]["key"], second["items"][0]["key"]] == ["a", "b"]
    assert (await get(f"/v1/credits/grants/{customer.workspace_id}/spends")).json()["code"] == "billing.grant_not_found"


async def test_graphql_tells_the_same(customer: Customer, make_context: ContextMaker) -> None:
    ctx = make_context(workspace_id=customer.workspace_id)
    grant_id = await grant_alone(ctx, key="door", amount_micros=5_000_000, source="purchase")
    await api.hold(ctx, key="a", amount_micros=3_000_000, purpose="text", expires_in=HOUR)
    await api.settle(ctx, key="a", amount_micros=1_500_000)
    await customer.client.put("/v1/credits/alerts", json={"thresholds": ["1"]})
    await customer.client.put("/v1/credits/caps", json=WRITING["/v1/credits/caps"])
    asked = f"""{{
        credit_grants(limit: 5) {{ items {{ id remaining }} }} credit_holds(state: "settled", limit: 5) {{ items {{ key settled }} }}
        credit_spends(grant_id: "{grant_id}", limit: 5) {{ items {{ amount }} }}
        credit_entries(limit: 1) {{ items {{ account amount }} next_cursor }}
        credit_caps {{ scope limit }} credit_alerts {{ threshold is_armed }}
    }}"""
    answer = (await customer.client.post("/graphql", json={"query": asked})).json()
    assert "data" in answer, answer
    data = answer["data"]
    assert data["credit_grants"]["items"] == [{"id": str(grant_id), "remaining": "3.5"}]
    assert data["credit_holds"]["items"] == [{"key": "a", "settled": "1.5"}]
    assert data["credit_spends"]["items"] == [{"amount": "1.5"}]
    assert data["credit_entries"]["next_cursor"] is not None
    assert data["credit_caps"] == [{"scope": "workspace", "limit": "5"}]
    assert data["credit_alerts"] == [{"threshold": "1", "is_armed": True}]


async def test_settings_are_what_was_set(customer: Customer) -> None:
    for path, wanted in WRITING.items():
        answer = await customer.client.put(path, json=wanted)
        assert answer.status_code == 200, answer.text
        assert (await customer.client.get(path)).json() == answer.json()
    assert (await customer.client.get("/v1/credits/caps")).json()["caps"][0]["used"] == "0"
    assert [each["threshold"] for each in (await customer.client.get("/v1/credits/alerts")).json()["alerts"]] == ["100", "10.5"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/v1/credits/caps", {"caps": [{"scope": "workspace", "period": "day", "limit": "-1"}]}),
        ("/v1/credits/caps", {"caps": [{"scope": "planet", "period": "day", "limit": "1"}]}),
        ("/v1/credits/alerts", {"thresholds": ["0"]}),
        ("/v1/credits/alerts", {"thresholds": ["1", "1.0"]}),
        ("/v1/credits/top-up", {"is_enabled": True, "threshold": "1", "amount": "100", "monthly_maximum": "99"}),
    ],
)
async def test_a_setting_that_makes_no_sense_is_refused(customer: Customer, path: str, wanted: object) -> None:
    assert (await customer.client.put(path, json=wanted)).status_code == 422


async def test_who_may_only_read_credits_sets_nothing(customer: Customer) -> None:
    headers = {"Authorization": f"Bearer {await customer.api_key('credits:read')}"}
    for path in READING:
        assert (await customer.client.get(path, headers=headers)).status_code == 200
    for path, wanted in WRITING.items():
        assert (await customer.client.put(path, json=wanted, headers=headers)).status_code == 403


async def test_a_cap_that_is_reached_is_a_problem_of_payment(customer: Customer, make_context: ContextMaker) -> None:
    ctx = make_context(workspace_id=customer.workspace_id)
    await grant_alone(ctx, key="door", amount_micros=10_000_000, source="purchase")
    await customer.client.put("/v1/credits/caps", json=WRITING["/v1/credits/caps"])
    await api.hold(ctx, key="a", amount_micros=5_000_000, purpose="text", expires_in=HOUR)
    with pytest.raises(api.CapReached):
        await api.hold(ctx, key="b", amount_micros=1, purpose="text", expires_in=HOUR)
    assert (await customer.client.get("/v1/credits/caps")).json()["caps"][0]["used"] == "5"
