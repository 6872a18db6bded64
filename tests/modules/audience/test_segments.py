"""Segments over HTTP, over GraphQL, and as other modules ask for them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.conftest import ContextMaker
from tests.modules.audience.companies import Company

from nexusone.modules.audience import api
from nexusone.platform.sql import fragment

PRO_OR_RICH = {"any": [{"attribute": "plan", "op": "eq", "value": "pro"}, {"attribute": "ltv", "op": "gt", "value": 500}]}
NOT_GERMAN = {"not": {"attribute": "country", "op": "in", "value": ["DE", "AT"]}}

LIST_EMAILS = fragment("select c.email from audience.contact_v1 c where c.workspace_id = %(workspace_id)s and {where} order by c.email")


async def populate(company: Company) -> None:
    await company.add(email="a@example.com", country="DE", attributes={"plan": "pro"})
    await company.add(email="b@example.com", country="FR", attributes={"plan": "free", "ltv": 700})
    await company.add(email="c@example.com", attributes={"plan": "free", "ltv": 10})


async def define(company: Company, definition: dict[str, Any], name: str = "Good") -> dict[str, Any]:
    answer = await company.client.post("/v1/segments", json={"name": name, "definition": definition})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_segment_is_defined_counted_listed_and_used_as_a_filter(company: Company) -> None:
    await populate(company)
    preview = await company.client.post("/v1/segments/preview", json={"definition": PRO_OR_RICH})
    assert preview.json() == {"count": 2}
    made = await define(company, PRO_OR_RICH)
    assert made["definition"] == PRO_OR_RICH
    answer = await company.client.get(f"/v1/segments/{made['id']}")
    assert answer.json() == made
    assert answer.headers["etag"] == '"1"'
    assert [contact["email"] for contact in await company.contacts(segment_id=made["id"])] == ["a@example.com", "b@example.com"]
    other = await define(company, NOT_GERMAN, name="Elsewhere")
    assert (await company.client.get("/v1/segments")).json()["items"] == [other, made]
    assert [contact["email"] for contact in await company.contacts(segment_id=other["id"])] == ["b@example.com", "c@example.com"]


async def test_a_segment_filter_pages(company: Company) -> None:
    await populate(company)
    made = await define(company, {"attribute": "plan", "op": "exists"})
    query = {"limit": "2", "segment_id": made["id"]}
    first = (await company.client.get("/v1/contacts", params=query)).json()
    second = (await company.client.get("/v1/contacts", params={**query, "cursor": first["next_cursor"]})).json()
    assert [contact["email"] for contact in [*first["items"], *second["items"]]] == ["c@example.com", "b@example.com", "a@example.com"]


async def test_a_fault_in_a_definition_is_pointed_at(company: Company) -> None:
    definition = {"all": [{"attribute": "plan", "op": "like", "value": "p%"}]}
    answer = await company.client.post("/v1/segments", json={"name": "Bad", "definition": definition})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/definition/all/0"]
    assert (await company.client.post("/v1/segments/preview", json={"definition": {}})).status_code == 422


async def test_a_segment_changes_by_parts_and_by_version(company: Company) -> None:
    made = await define(company, PRO_OR_RICH)
    path = f"/v1/segments/{made['id']}"
    renamed = await company.client.patch(path, json={"name": "Best"}, headers={"If-Match": '"1"'})
    assert (renamed.json()["name"], renamed.json()["definition"], renamed.json()["version"]) == ("Best", PRO_OR_RICH, 2)
    assert (await company.client.patch(path, json={"name": "X"}, headers={"If-Match": '"1"'})).status_code == 412
    defined = await company.client.patch(path, json={"definition": NOT_GERMAN})
    assert (defined.json()["name"], defined.json()["definition"]) == ("Best", NOT_GERMAN)
    assert (await company.client.patch(path, json={"name": None})).status_code == 422
    assert (await company.client.patch(path, json={})).json() == defined.json()
    assert (await company.client.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await company.client.delete(path)).status_code == 204
    assert (await company.client.get(path)).status_code == 404


async def test_another_workspaces_segment_is_not_there(company: Company, stranger: Company) -> None:
    await populate(company)
    made = await define(company, PRO_OR_RICH)
    for segment_id in (made["id"], str(uuid4())):
        path = f"/v1/segments/{segment_id}"
        answers = [
            await stranger.client.get(path),
            await stranger.client.patch(path, json={"name": "X"}),
            await stranger.client.delete(path),
            await stranger.client.get("/v1/contacts", params={"segment_id": segment_id}),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert {answer.json()["code"] for answer in answers} == {"audience.segment_not_found"}
    preview = await stranger.client.post("/v1/segments/preview", json={"definition": PRO_OR_RICH})
    assert preview.json() == {"count": 0}


async def test_other_modules_get_a_relation_over_the_published_view(company: Company, make_context: ContextMaker) -> None:
    await populate(company)
    made = await define(company, PRO_OR_RICH)
    ctx = make_context(workspace_id=UUID(company.workspace_id))
    relation = await api.compile_segment(ctx, segment_id=UUID(made["id"]))
    parameters = {"workspace_id": ctx.workspace, **relation.parameters}
    async with ctx.transaction("marketing") as tx:
        rows = await tx.fetch_tuples(LIST_EMAILS.fill(where=relation.where), parameters)
    assert rows == [("a@example.com",), ("b@example.com",)]
    assert await api.count_segment(ctx, segment_id=UUID(made["id"])) == 2
    with pytest.raises(api.SegmentNotFound):
        await api.compile_segment(ctx, segment_id=uuid4())


async def test_graphql_gives_contacts_and_counts_of_segments(company: Company) -> None:
    await populate(company)
    good, elsewhere = await define(company, PRO_OR_RICH), await define(company, NOT_GERMAN, name="Elsewhere")
    query = """query ($id: UUID!) {
        contacts(limit: 2) { items { email attributes } next_cursor }
        segments(limit: 10) { items { name count definition } next_cursor }
        segment(id: $id) { name count }
    }"""
    answer = await company.client.post("/graphql", json={"query": query, "variables": {"id": good["id"]}})
    found = answer.json()["data"]
    assert [item["email"] for item in found["contacts"]["items"]] == ["c@example.com", "b@example.com"]
    assert [(item["name"], item["count"]) for item in found["segments"]["items"]] == [("Elsewhere", 2), ("Good", 2)]
    assert found["segments"]["items"][0]["definition"] == elsewhere["definition"]
    assert found["segment"] == {"name": "Good", "count": 2}
    following = "query ($cursor: String) { contacts(limit: 2, cursor: $cursor) { items { id email } next_cursor } }"
    variables = {"cursor": found["contacts"]["next_cursor"]}
    second = (await company.client.post("/graphql", json={"query": following, "variables": variables})).json()["data"]["contacts"]
    assert [item["email"] for item in second["items"]] == ["a@example.com"]
    one = "query ($id: UUID!) { contact(id: $id) { email } }"
    contact_id = second["items"][0]["id"]
    assert (await company.client.post("/graphql", json={"query": one, "variables": {"id": contact_id}})).json() == {
        "data": {"contact": {"email": "a@example.com"}}
    }


async def test_graphql_refuses_with_codes(company: Company, stranger: Company) -> None:
    made = await define(company, PRO_OR_RICH)
    query = "query ($id: UUID!) { segment(id: $id) { count } }"
    answer = (await stranger.client.post("/graphql", json={"query": query, "variables": {"id": made["id"]}})).json()
    assert answer["errors"][0]["extensions"]["code"] == "audience.segment_not_found"
    answer = (await company.client.post("/graphql", json={"query": '{ contacts(limit: 5, cursor: "x") { next_cursor } }'})).json()
    assert answer["errors"][0]["extensions"]["code"] == "request.unprocessable"
    key = await company.client.post("/v1/api-keys", json={"name": "segments only", "permissions": ["segments:read"]})
    headers = {"Authorization": f"Bearer {key.json()['secret']}"}
    answer = (await company.client.post("/graphql", json={"query": "{ contacts { next_cursor } }"}, headers=headers)).json()
    assert answer["errors"][0]["extensions"]["code"] == "auth.forbidden"


@pytest.mark.parametrize("value", [-6.812291509445416e107, 1e300, 2.0**63, 24.0, 9007199254740993])
async def test_a_large_number_is_read_as_it_was_written(company: Company, value: float) -> None:
    made = await define(company, {"not": {"attribute": "ltv", "op": "in", "value": [value, 0.5]}})
    answer = await company.client.get(f"/v1/segments/{made['id']}")
    assert (answer.status_code, answer.json()["definition"]) == (200, {"not": {"attribute": "ltv", "op": "in", "value": [value, 0.5]}})
    assert (await company.client.get("/v1/segments")).status_code == 200
    await company.add(email="rich@example.com", attributes={"ltv": value})
    contacts = await company.contacts()
    assert float(contacts[0]["attributes"]["ltv"]) == float(value)
    assert await company.contacts(segment_id=made["id"]) == []
