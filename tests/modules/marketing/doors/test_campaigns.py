"""Campaigns over HTTP and GraphQL."""

from typing import Any
from uuid import uuid4

from tests.modules.audience.companies import Company
from tests.modules.marketing.doors.test_templates import add as add_template


async def add_segment(company: Company) -> str:
    definition = {"attribute": "email", "op": "exists", "value": True}
    answer = await company.client.post("/v1/segments", json={"name": "All", "definition": definition})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def draft(company: Company, **changes: Any) -> dict[str, Any]:
    wanted = {
        "name": "Spring",
        "template_id": (await add_template(company))["id"],
        "segment_id": await add_segment(company),
        "from_name": "Ada's Engines",
        "from_email": "news@engines.example",
        **changes,
    }
    answer = await company.client.post("/v1/campaigns", json=wanted)
    return {"status_code": answer.status_code, **answer.json()}


async def test_a_campaign_is_drafted_changed_and_deleted(company: Company) -> None:
    made = await draft(company)
    path = f"/v1/campaigns/{made['id']}"
    assert (made["status_code"], made["status"], made["recipients"]) == (201, "draft", None)
    changed = await company.client.patch(path, json={"from_name": "Ada"}, headers={"If-Match": '"1"'})
    assert (changed.json()["from_name"], changed.headers["ETag"]) == ("Ada", '"2"')
    assert (await company.client.patch(path, json={"name": "X"}, headers={"If-Match": '"1"'})).status_code == 412
    assert [item["id"] for item in (await company.client.get("/v1/campaigns")).json()["items"]] == [made["id"]]
    assert (await company.client.delete(path)).status_code == 204
    assert (await company.client.get(path)).status_code == 404


async def test_ids_of_strangers_and_bad_senders_are_refused(company: Company, stranger: Company) -> None:
    theirs = await draft(stranger)
    assert (await draft(company, template_id=theirs["template_id"]))["code"] == "marketing.template_not_found"
    assert (await draft(company, segment_id=theirs["segment_id"]))["status"] == 404
    bad = await draft(company, from_email="no one@engines")
    assert (bad["status"], bad["errors"][0]["pointer"]) == (422, "/from_email")
    path = f"/v1/campaigns/{theirs['id']}"
    key = {"Idempotency-Key": "k1"}
    answers = [
        await company.client.get(path),
        await company.client.patch(path, json={"name": "mine"}),
        await company.client.delete(path),
        *[await company.client.post(f"{path}/{verb}", headers=key) for verb in ("preflight", "send", "pause", "resume", "cancel")],
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert (await draft(company, from_name="x" * 101))["status"] == 422
    assert (await draft(company, subject="unknown field"))["status"] == 422


async def test_sending_needs_a_key_and_happens_once(company: Company) -> None:
    await company.drain()
    await company.add(email="ada@example.com", first_name="Ada")
    made = await draft(company)
    path = f"/v1/campaigns/{made['id']}"
    promised = (await company.client.post(f"{path}/preflight")).json()
    assert promised == {"recipients": 1, "excluded": {}, "credits_needed": "0.01"}
    assert (await company.client.post(f"{path}/send")).status_code == 400
    key = {"Idempotency-Key": str(uuid4())}
    first = await company.client.post(f"{path}/send", headers=key)
    assert (first.status_code, first.json()["status"]) == (202, "preparing")
    again = await company.client.post(f"{path}/send", headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json() == first.json()
    other = await company.client.post(f"{path}/send", headers={"Idempotency-Key": str(uuid4())})
    assert (other.status_code, other.json()["code"]) == (409, "marketing.campaign_already_sent")
    assert (await company.client.post(f"{path}/pause")).status_code == 409
    assert (await company.client.post(f"{path}/cancel")).json()["status"] == "cancelled"
    await company.drain()
    assert (await company.client.get(path)).json()["status"] == "cancelled"


async def test_without_credits_sending_is_402(company: Company) -> None:
    await company.add(email="ada@example.com")
    made = await draft(company)
    answer = await company.client.post(f"/v1/campaigns/{made['id']}/send", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (402, "billing.insufficient_credits")
    assert answer.json()["needed"] == "0.01"


async def test_graphql_shows_campaigns_with_their_template_and_counts(company: Company) -> None:
    made = await draft(company)
    query = """
    query ($id: UUID!) {
      campaigns(limit: 5) { items { id status template { name locales } } next_cursor }
      campaign(id: $id) { name template { id } deliveries { queued sent skipped { reason count } } }
      templates(limit: 5) { items { name default_locale } }
    }
    """
    answer = await company.client.post("/graphql", json={"query": query, "variables": {"id": made["id"]}})
    found = answer.json()
    assert "errors" not in found or found["errors"] is None, answer.text
    assert found["data"]["campaigns"]["items"] == [{"id": made["id"], "status": "draft", "template": {"name": "Sale", "locales": ["en"]}}]
    assert found["data"]["campaign"]["template"]["id"] == made["template_id"]
    assert found["data"]["campaign"]["deliveries"] == {"queued": 0, "sent": 0, "skipped": []}
    assert found["data"]["templates"]["items"] == [{"name": "Sale", "default_locale": "en"}]
