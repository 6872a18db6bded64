"""Roles of a workspace's own."""

from tests.modules.identity.workspaces.companies import Company, user_id

SEGMENT = {"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}


async def test_a_role_of_ones_own_gives_exactly_its_permissions(company: Company) -> None:
    role = (await company.ask("POST", "/v1/roles", {"name": "Segmenter", "permissions": ["segments:read", "segments:write"]})).json()
    person = await company.join(role["role"])
    assert (await company.ask("POST", "/v1/segments", SEGMENT, by=person)).status_code == 201
    assert (await company.ask("GET", "/v1/contacts", by=person)).status_code == 403
    me = (await company.ask("GET", "/v1/me", by=person)).json()
    assert me["permissions"] == ["segments:read", "segments:write"]


async def test_changing_a_role_holds_from_the_next_request(company: Company) -> None:
    role = (await company.ask("POST", "/v1/roles", {"name": "Segmenter", "permissions": ["segments:write"]})).json()
    person = await company.join(role["role"])
    changed = await company.ask("PATCH", f"/v1/roles/{role['role']}", {"permissions": ["segments:read"]}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (await company.ask("POST", "/v1/segments", SEGMENT, by=person)).status_code == 403
    stale = await company.ask("PATCH", f"/v1/roles/{role['role']}", {"name": "Other"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


async def test_nobody_makes_a_role_that_may_more_than_they(company: Company) -> None:
    admin = await company.join("admin")
    above = await company.ask("POST", "/v1/roles", {"name": "Destroyer", "permissions": ["workspace:delete"]}, by=admin)
    assert (above.status_code, above.json()["code"]) == (403, "identity.permission_not_held")
    strong = (await company.ask("POST", "/v1/roles", {"name": "Destroyer", "permissions": ["workspace:delete"]})).json()
    weakened = await company.ask("PATCH", f"/v1/roles/{strong['role']}", {"permissions": ["segments:read"]}, by=admin)
    assert weakened.json()["code"] == "identity.rank_too_high"
    given = await company.ask("PATCH", f"/v1/members/{user_id(admin)}", {"role": strong["role"]}, by=admin)
    assert given.json()["code"] == "identity.rank_too_high"


async def test_unknown_permissions_taken_names_and_roles_in_use_are_refused(company: Company) -> None:
    unknown = await company.ask("POST", "/v1/roles", {"name": "Odd", "permissions": ["tea:brew"]})
    assert unknown.status_code == 422
    body = {"name": "Reader", "permissions": ["segments:read"]}
    role = (await company.ask("POST", "/v1/roles", body)).json()
    assert (await company.ask("POST", "/v1/roles", body)).json()["code"] == "identity.role_name_taken"
    assert (await company.ask("POST", "/v1/roles", {**body, "name": "owner"})).json()["code"] == "identity.role_name_taken"
    person = await company.join(role["role"])
    assert (await company.ask("DELETE", f"/v1/roles/{role['role']}")).json()["code"] == "identity.role_in_use"
    await company.ask("PATCH", f"/v1/members/{user_id(person)}", {"role": "viewer"})
    assert (await company.ask("DELETE", f"/v1/roles/{role['role']}")).status_code == 204


async def test_the_list_shows_built_in_roles_and_ones_own(company: Company) -> None:
    await company.ask("POST", "/v1/roles", {"name": "Reader", "permissions": ["segments:read"]})
    listed = (await company.ask("GET", "/v1/roles")).json()["items"]
    assert [role["name"] for role in listed] == [
        "owner", "admin", "marketer", "merchant", "analyst", "developer", "billing", "viewer", "Reader",
    ]  # fmt: skip
    words = (await company.ask("GET", "/v1/permissions")).json()["items"]
    assert {"permission", "meaning", "is_personal"} == words[0].keys()
