"""Contacts one by one, over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import ContextMaker
from tests.modules.audience.companies import Company

from nexusone.modules.audience import api
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

ADA = {
    "external_id": "crm-1",
    "email": "Ada@Example.com",
    "phone": "020 7946 0958",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "locale": "en_gb",
    "timezone": "europe/london",
    "country": "gb",
    "attributes": {"plan": "pro", "lifetime_value": 720, "trial": None},
}
LIST_EVENTS = sql("select name, payload from platform.event where workspace_id = %(workspace_id)s order by id")


async def events_of(ctx: Context) -> list[tuple[str, dict[str, Any]]]:
    async with ctx.transaction("platform") as tx:
        return [(name, payload) for name, payload in await tx.fetch_tuples(LIST_EVENTS, {"workspace_id": ctx.workspace})]


async def test_a_contact_is_stored_in_canonical_spelling_and_read_back(company: Company) -> None:
    made = await company.add(**ADA)
    assert made | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "external_id": "crm-1",
        "email": "ada@example.com",
        "phone": "+442079460958",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "locale": "en-GB",
        "timezone": "Europe/London",
        "country": "GB",
        "attributes": {"plan": "pro", "lifetime_value": 720},
        "email_status": "subscribed",
        "version": 1,
        "created_at": "",
        "updated_at": "",
    }
    assert made["created_at"].endswith("Z")
    answer = await company.client.get(f"/v1/contacts/{made['id']}")
    assert answer.json() == made
    assert answer.headers["etag"] == '"1"'


async def test_every_fault_of_a_contact_is_pointed_at(company: Company) -> None:
    body = {"email": "nobody", "timezone": "Mars/Base", "country": "XX", "attributes": {"Bad Name": 1, "ok": 2}}
    answer = await company.client.post("/v1/contacts", json=body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/email", "/timezone", "/country", "/attributes/Bad Name"}
    assert (await company.client.post("/v1/contacts", json={"first_name": "Ada"})).json()["errors"][0]["code"] == "identifier_missing"
    assert (await company.client.post("/v1/contacts", json={"email": "a@b.co", "nickname": "x"})).status_code == 422
    assert (await company.client.post("/v1/contacts", json={"email": 5})).status_code == 422


@pytest.mark.parametrize("field", ["external_id", "email", "phone"])
async def test_an_identifier_that_another_contact_has_is_refused_by_name(company: Company, field: str) -> None:
    await company.add(**ADA)
    other = await company.add(external_id="crm-2")
    body: dict[str, object] = {"country": "GB", field: ADA[field]}
    for answer in (
        await company.client.post("/v1/contacts", json=body),
        await company.client.patch(f"/v1/contacts/{other['id']}", json=body),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == "audience.identifier_taken"
        assert answer.json()["errors"][0]["pointer"] == f"/{field}"


async def test_two_workspaces_may_know_the_same_person(company: Company, stranger: Company) -> None:
    assert (await company.add(**ADA))["id"] != (await stranger.add(**ADA))["id"]


async def test_a_change_merges_and_null_removes(company: Company) -> None:
    made = await company.add(**ADA)
    change = {"first_name": "Augusta", "phone": None, "attributes": {"plan": None, "vip": True, "lifetime_value": 1}}
    answer = await company.client.patch(f"/v1/contacts/{made['id']}", json=change)
    assert answer.status_code == 200
    changed = answer.json()
    assert changed["first_name"] == "Augusta"
    assert changed["phone"] is None
    assert changed["last_name"] == "Lovelace"
    assert changed["attributes"] == {"vip": True, "lifetime_value": 1}
    assert changed["version"] == 2
    assert answer.headers["etag"] == '"2"'
    cleared = await company.client.patch(f"/v1/contacts/{made['id']}", json={"attributes": None})
    assert cleared.json()["attributes"] == {}


async def test_true_in_place_of_one_is_a_change(company: Company) -> None:
    made = await company.add(email="a@example.com", attributes={"n": 1})
    answer = await company.client.patch(f"/v1/contacts/{made['id']}", json={"attributes": {"n": True}})
    assert answer.json()["attributes"] == {"n": True}
    assert answer.json()["version"] == 2


async def test_a_change_of_nothing_leaves_the_version(company: Company) -> None:
    made = await company.add(**ADA)
    answer = await company.client.patch(f"/v1/contacts/{made['id']}", json={"email": "ADA@example.com", "attributes": {}})
    assert answer.json() == made


async def test_a_national_number_is_read_in_the_country_the_contact_has(company: Company) -> None:
    made = await company.add(external_id="1", country="DE")
    answer = await company.client.patch(f"/v1/contacts/{made['id']}", json={"phone": "030 123456"})
    assert answer.json()["phone"] == "+4930123456"


async def test_the_last_identifier_cannot_be_removed(company: Company) -> None:
    made = await company.add(email="a@example.com")
    answer = await company.client.patch(f"/v1/contacts/{made['id']}", json={"email": None})
    assert answer.status_code == 422


async def test_an_edit_of_another_version_is_refused(company: Company) -> None:
    path = f"/v1/contacts/{(await company.add(**ADA))['id']}"
    first = await company.client.patch(path, json={"first_name": "A"}, headers={"If-Match": '"1"'})
    second = await company.client.patch(path, json={"first_name": "B"}, headers={"If-Match": '"1"'})
    removal = await company.client.delete(path, headers={"If-Match": '"1"'})
    assert (first.status_code, second.status_code, removal.status_code) == (200, 412, 412)
    assert (await company.client.delete(path, headers={"If-Match": '"2"'})).status_code == 204
    assert (await company.client.delete(path)).status_code == 404


async def test_put_creates_then_replaces(company: Company) -> None:
    path = "/v1/contacts/by-external-id/crm%2F7"
    first = await company.client.put(path, json={"email": "a@example.com", "first_name": "Ada", "attributes": {"plan": "pro"}})
    assert first.status_code == 201
    assert first.json()["external_id"] == "crm/7"
    second = await company.client.put(path, json={"email": "b@example.com", "attributes": {"vip": True}})
    assert second.status_code == 200
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["version"] == 2
    assert (second.json()["first_name"], second.json()["attributes"]) == (None, {"vip": True})
    assert (await company.client.put(path, json={}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await company.client.put("/v1/contacts/by-external-id/new", json={}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await company.client.put(path, json={}, headers={"If-Match": '"2"'})).status_code == 200


async def test_put_refuses_another_name_and_a_taken_address(company: Company) -> None:
    await company.add(email="a@example.com")
    named = await company.client.put("/v1/contacts/by-external-id/x", json={"external_id": "y"})
    taken = await company.client.put("/v1/contacts/by-external-id/x", json={"email": "a@example.com"})
    blank = await company.client.put("/v1/contacts/by-external-id/%20", json={"email": "b@example.com"})
    assert (named.status_code, taken.status_code, blank.status_code) == (422, 409, 422)
    assert taken.json()["errors"][0]["pointer"] == "/email"


async def test_the_list_pages_newest_first_and_filters(company: Company) -> None:
    made = [await company.add(external_id=str(number), email=f"c{number}@example.com") for number in range(5)]
    first = (await company.client.get("/v1/contacts?limit=3")).json()
    second = (await company.client.get("/v1/contacts", params={"limit": "3", "cursor": first["next_cursor"]})).json()
    assert [*first["items"], *second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert await company.contacts(email="C3@example.com") == [made[3]]
    assert await company.contacts(external_id="4") == [made[4]]
    assert await company.contacts(external_id="4", email="c3@example.com") == []
    assert (await company.client.get("/v1/contacts?limit=101")).status_code == 422


async def test_another_workspaces_contact_is_not_there(company: Company, stranger: Company) -> None:
    made = await company.add(**ADA)
    answers = []
    for contact_id in (made["id"], str(uuid4())):
        path = f"/v1/contacts/{contact_id}"
        answers.append(
            [
                await stranger.client.get(path),
                await stranger.client.patch(path, json={"first_name": "X"}),
                await stranger.client.delete(path),
            ]
        )
    for foreign, unknown in zip(*answers, strict=True):
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json() | {"instance": ""} == unknown.json() | {"instance": ""}
    assert await stranger.contacts() == []
    assert await stranger.contacts(email="ada@example.com") == []
    assert (await company.client.get(f"/v1/contacts/{made['id']}")).json() == made


async def test_the_same_idempotency_key_adds_one_contact(company: Company) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await company.client.post("/v1/contacts", json=ADA, headers=headers)
    again = await company.client.post("/v1/contacts", json=ADA, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await company.contacts()) == 1


async def test_what_happens_to_a_contact_is_announced(company: Company, make_context: ContextMaker) -> None:
    made = await company.add(**ADA)
    path = f"/v1/contacts/{made['id']}"
    await company.client.patch(path, json={"first_name": "Augusta", "attributes": {"plan": "free"}})
    await company.client.put("/v1/contacts/by-external-id/crm-1", json={"first_name": "Augusta"})
    await company.client.delete(path)
    events = [(name, payload) for name, payload in await events_of(make_context(workspace_id=company.workspace_id)) if "contact." in name]
    assert [name for name, _ in events] == [
        "audience.contact.created.v1",
        "audience.contact.updated.v1",
        "audience.contact.updated.v1",
        "audience.contact.deleted.v1",
    ]
    assert {payload["contact_id"] for _, payload in events} == {made["id"]}
    assert events[1][1]["changed"] == ["first_name", "attributes.plan"]


async def test_an_unsubscribe_counts_once_and_outlives_the_contact(company: Company, make_context: ContextMaker) -> None:
    ctx = make_context(workspace_id=company.workspace_id)
    made = await company.add(**ADA)
    outcomes = [
        await api.record_unsubscribe(ctx, contact_id=made["id"], channel="email", source="link", reason="too many") for _ in range(2)
    ]
    assert outcomes == [True, False]
    assert not await api.record_unsubscribe(ctx, contact_id=uuid4(), channel="email", source="link", reason=None)
    path = f"/v1/contacts/{made['id']}"
    assert (await company.client.get(path)).json()["email_status"] == "unsubscribed"
    assert [name for name, _ in await events_of(ctx)].count("audience.contact.unsubscribed.v1") == 1
    moved = await company.client.patch(path, json={"email": "new@example.com"})
    assert moved.json()["email_status"] == "subscribed"
    assert (await company.client.patch(path, json={"email": "ada@example.com"})).json()["email_status"] == "unsubscribed"
    await company.client.delete(path)
    assert (await company.add(**ADA))["email_status"] == "unsubscribed"
    put = await company.client.put("/v1/contacts/by-external-id/crm-1", json={"email": "ada@example.com"})
    assert put.json()["email_status"] == "unsubscribed"


async def test_reading_needs_the_permission_to_read(company: Company) -> None:
    key = await company.client.post("/v1/api-keys", json={"name": "segments only", "permissions": ["segments:read"]})
    headers = {"Authorization": f"Bearer {key.json()['secret']}"}
    assert (await company.client.get("/v1/contacts", headers=headers)).status_code == 403
    assert (await company.client.post("/v1/contacts", json=ADA, headers=headers)).status_code == 403
    assert (await company.client.get("/v1/segments", headers=headers)).status_code == 200
