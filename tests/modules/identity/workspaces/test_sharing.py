"""Segments and campaigns that not everybody may see."""

from typing import Any

from tests.modules.identity.accounts.site import Person
from tests.modules.identity.workspaces.companies import Company, user_id

SEGMENT = {"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}
TEMPLATE = {
    "name": "Sale",
    "channel": "email",
    "default_locale": "en",
    "variants": {"en": {"subject": "Sale", "mjml": "<mjml><mj-body><mj-text>Hello</mj-text></mj-body></mjml>"}},
}


async def a_segment(company: Company) -> str:
    """A fresh segment."""
    return str((await company.ask("POST", "/v1/segments", SEGMENT)).json()["id"])


async def a_campaign(company: Company, segment: str) -> str:
    """A fresh draft."""
    template = (await company.ask("POST", "/v1/templates", TEMPLATE)).json()["id"]
    draft = {"name": "Sale", "template_id": template, "segment_id": segment, "from_name": "Shop", "from_email": "shop@example.com"}
    answer = await company.ask("POST", "/v1/campaigns", draft)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def share(company: Company, path: str, **wanted: Any) -> str:
    """A grant by the owner; its id."""
    answer = await company.ask("POST", f"{path}/grants", wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def listed(company: Company, path: str, by: Person | str) -> list[str]:
    """The ids that somebody's list shows."""
    return [item["id"] for item in (await company.ask("GET", path, by=by)).json()["items"]]


async def test_an_unshared_segment_is_everybodys_and_a_shared_one_only_theirs(company: Company) -> None:
    friend, stranger = await company.join("marketer"), await company.join("marketer")
    segment = await a_segment(company)
    assert await listed(company, "/v1/segments", stranger) == [segment]
    await share(company, f"/v1/segments/{segment}", user_id=user_id(friend))
    assert await listed(company, "/v1/segments", stranger) == []
    hidden = await company.ask("GET", f"/v1/segments/{segment}", by=stranger)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "audience.segment_not_found")
    assert (await company.ask("GET", f"/v1/contacts?segment_id={segment}", by=stranger)).status_code in (404, 422)
    assert (await company.ask("GET", f"/v1/segments/{segment}", by=friend)).status_code == 200
    assert await listed(company, "/v1/segments", company.owner) == [segment]


async def test_view_is_not_edit(company: Company) -> None:
    friend = await company.join("marketer")
    segment = await a_segment(company)
    await share(company, f"/v1/segments/{segment}", user_id=user_id(friend), level="view")
    refused = await company.ask("PATCH", f"/v1/segments/{segment}", {"name": "Mine"}, by=friend)
    assert (refused.status_code, refused.json()["code"]) == (403, "audience.segment_read_only")
    assert (await company.ask("DELETE", f"/v1/segments/{segment}", by=friend)).status_code == 403
    assert (await company.ask("POST", f"/v1/segments/{segment}/grants", {"role": "viewer"}, by=friend)).status_code == 403
    await share(company, f"/v1/segments/{segment}", user_id=user_id(friend), level="edit")
    assert (await company.ask("PATCH", f"/v1/segments/{segment}", {"name": "Mine"}, by=friend)).status_code == 200


async def test_a_grant_to_a_role_is_for_all_who_have_it(company: Company) -> None:
    analyst, marketer = await company.join("analyst"), await company.join("marketer")
    segment = await a_segment(company)
    grant = await share(company, f"/v1/segments/{segment}", role="analyst")
    assert await listed(company, "/v1/segments", analyst) == [segment]
    assert await listed(company, "/v1/segments", marketer) == []
    assert (await company.ask("DELETE", f"/v1/segments/{segment}/grants/{grant}")).status_code == 204
    assert await listed(company, "/v1/segments", marketer) == [segment]


async def test_whoever_shares_keeps_their_own_hold(company: Company) -> None:
    marketer, other = await company.join("marketer"), await company.join("marketer")
    segment = await a_segment(company)
    body = {"user_id": user_id(other), "level": "view"}
    assert (await company.ask("POST", f"/v1/segments/{segment}/grants", body, by=marketer)).status_code == 201
    assert (await company.ask("PATCH", f"/v1/segments/{segment}", {"name": "Still mine"}, by=marketer)).status_code == 200
    grants = (await company.ask("GET", f"/v1/segments/{segment}/grants", by=marketer)).json()["items"]
    assert {grant["user_id"]: grant["level"] for grant in grants} == {user_id(marketer): "edit", user_id(other): "view"}


async def test_a_shared_object_stays_closed_when_its_only_reader_leaves(company: Company) -> None:
    friend, stranger = await company.join("marketer"), await company.join("marketer")
    segment = await a_segment(company)
    await share(company, f"/v1/segments/{segment}", user_id=user_id(friend))
    assert (await company.ask("DELETE", f"/v1/members/{user_id(friend)}")).status_code == 204
    assert await listed(company, "/v1/segments", stranger) == []


async def test_a_shared_campaign_is_hidden_from_lists_reports_graphs_and_sending(company: Company) -> None:
    friend, stranger = await company.join("marketer"), await company.join("marketer")
    campaign = await a_campaign(company, await a_segment(company))
    await share(company, f"/v1/campaigns/{campaign}", user_id=user_id(friend), level="edit")
    assert await listed(company, "/v1/campaigns", stranger) == []
    assert await listed(company, "/v1/campaigns", friend) == [campaign]
    for method, path in (
        ("GET", ""), ("GET", "/report"), ("PATCH", ""), ("DELETE", ""), ("POST", "/preflight"), ("POST", "/send"), ("POST", "/pause"),
        ("GET", "/grants"),
    ):  # fmt: skip
        body = {"name": "Mine"} if method == "PATCH" else None
        refused = await company.ask(method, f"/v1/campaigns/{campaign}{path}", body, by=stranger, headers={"Idempotency-Key": path or "x"})
        assert (refused.status_code, refused.json()["code"]) == (404, "marketing.campaign_not_found"), path
    query = "query ($id: UUID!) { campaigns { items { id } } campaign(id: $id) { id } }"
    seen = (await company.ask("POST", "/graphql", {"query": query, "variables": {"id": campaign}}, by=stranger)).json()
    assert seen["data"]["campaigns"]["items"] == []
    assert seen["data"]["campaign"] is None
    assert (await company.ask("PATCH", f"/v1/campaigns/{campaign}", {"name": "Ours"}, by=friend)).status_code == 200


async def test_keys_see_shared_objects_only_if_they_manage_the_kind(company: Company) -> None:
    segment = await a_segment(company)
    await share(company, f"/v1/segments/{segment}", role="analyst")
    reader = (await company.api_key("segments:read"))["secret"]
    keeper = (await company.api_key("segments:read", "segments:manage"))["secret"]
    assert await listed(company, "/v1/segments", reader) == []
    assert await listed(company, "/v1/segments", keeper) == [segment]


async def test_a_grant_is_for_one_known_member_or_role(company: Company) -> None:
    segment = await a_segment(company)
    path = f"/v1/segments/{segment}/grants"
    assert (await company.ask("POST", path, {"level": "view"})).status_code == 422
    assert (await company.ask("POST", path, {"user_id": user_id(company.owner), "role": "viewer"})).status_code == 422
    assert (await company.ask("POST", path, {"role": "astronaut"})).json()["code"] == "identity.role_not_found"
    stranger = await company.site.open_account()
    assert (await company.ask("POST", path, {"user_id": user_id(stranger)})).json()["code"] == "identity.member_not_found"
