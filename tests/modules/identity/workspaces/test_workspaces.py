"""Settings, suspension, several workspaces, agencies."""

from uuid import UUID

import psycopg
import pytest
from tests.modules.identity.workspaces.companies import Company, user_id

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.workspaces import Switch
from nexusone.modules.identity.service.refusals import ProvedElsewhere
from nexusone.modules.identity.service.workspaces import list_own, switch
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context

SEGMENT = {"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}


async def test_a_workspace_is_renamed_and_knows_its_language_and_time_zone(company: Company) -> None:
    change = {"name": "Looms", "default_locale": "pt-br", "timezone": "America/Sao_Paulo"}
    changed = await company.ask("PATCH", "/v1/workspace", change, headers={"If-Match": '"1"'})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["default_locale"], changed.headers["etag"]) == ("Looms", "pt-BR", '"2"')
    wrong = await company.ask("PATCH", "/v1/workspace", {"default_locale": "no such tongue", "timezone": "Middle/Earth"})
    assert {fault["pointer"] for fault in wrong.json()["errors"]} == {"/default_locale", "/timezone"}
    assert (await company.ask("PATCH", "/v1/workspace", {"name": "Late"}, headers={"If-Match": '"1"'})).status_code == 412


async def test_a_suspended_workspace_can_be_read_and_resumed_and_nothing_else(company: Company) -> None:
    key = (await company.api_key())["secret"]
    assert (await company.ask("POST", "/v1/workspace/suspend")).json()["state"] == "suspended"
    for credential in (None, key):
        assert (await company.ask("GET", "/v1/segments", by=credential)).status_code == 200
        refused = await company.ask("POST", "/v1/segments", SEGMENT, by=credential)
        assert (refused.status_code, refused.json()["code"]) == (403, "auth.workspace_suspended")
    assert (await company.ask("POST", "/v1/workspace/resume")).json()["state"] == "active"
    assert (await company.ask("POST", "/v1/segments", SEGMENT, by=key)).status_code == 201


async def test_one_goes_on_in_another_workspace_with_tokens_of_its_own(company: Company) -> None:
    made = await company.ask("POST", "/v1/agency/workspaces", {"name": "Client", "timezone": "Europe/Vienna"})
    assert made.status_code == 201, made.text
    switched = await company.ask("POST", "/v1/auth/switch", {"workspace_id": made.json()["id"]})
    assert switched.json()["workspace"]["name"] == "Client"
    there = await company.ask("GET", "/v1/workspace", by=switched.json()["access_token"])
    assert (there.json()["id"], there.json()["agency_id"]) == (made.json()["id"], str(company.workspace_id))
    listed = (await company.ask("GET", "/v1/workspaces")).json()["items"]
    known = {item["name"]: (item["role"], item["is_current"]) for item in listed}
    assert known == {"Compilers": ("owner", True), "Client": ("owner", False)}


async def test_ten_01_a_workspace_named_from_outside_is_only_compared(company: Company) -> None:
    stranger = await company.site.open_account()
    for elsewhere in (stranger.session["workspace"]["id"], str(new_id())):
        refused = await company.ask("POST", "/v1/auth/switch", {"workspace_id": elsewhere})
        assert (refused.status_code, refused.json()["code"]) == (404, "request.not_found")
        with psycopg.connect(company.site.admin_url) as connection:
            noted = connection.execute(
                "select result from platform.audit_entry where action = 'identity.workspace.refused' and object_id = %s", (elsewhere,)
            ).fetchall()
        assert noted == [("refused",)]
    headers = {"X-Workspace-Id": stranger.session["workspace"]["id"], "X-Tenant-Id": stranger.session["workspace"]["id"]}
    assert (await company.ask("GET", "/v1/workspace", headers=headers)).json()["id"] == str(company.workspace_id)
    signed_in = await company.site.post(
        "/v1/auth/sign-in",
        {"email": company.owner.email, "password": company.owner.password, "workspace_id": stranger.session["workspace"]["id"]},
    )
    assert signed_in.status_code in (401, 404)


async def test_an_agency_sees_its_workspaces_together_and_no_others(company: Company) -> None:
    stranger = Company(company.site, await company.site.open_account())
    for name in ("First", "Second"):
        assert (await company.ask("POST", "/v1/agency/workspaces", {"name": name})).status_code == 201
    await stranger.ask("POST", "/v1/agency/workspaces", {"name": "Foreign"})
    seen = (await company.ask("GET", "/v1/agency")).json()
    assert [(item["name"], item["members"], item["api_keys"]) for item in seen["items"]] == [("First", 1, 0), ("Second", 1, 0)]
    assert (seen["workspaces"], seen["members"]) == (2, 1)


async def test_an_agencys_workspace_is_no_agency(company: Company) -> None:
    made = (await company.ask("POST", "/v1/agency/workspaces", {"name": "Client"})).json()
    token = (await company.ask("POST", "/v1/auth/switch", {"workspace_id": made["id"]})).json()["access_token"]
    refused = await company.ask("POST", "/v1/agency/workspaces", {"name": "Grandchild"}, by=token)
    assert refused.json()["code"] == "identity.not_an_agency"


async def test_what_one_workspaces_provider_vouches_for_counts_in_no_other(company: Company) -> None:
    other = (await company.ask("POST", "/v1/agency/workspaces", {"name": "Client"})).json()["id"]
    runtime = company.site.runtime
    person = Principal(
        kind="user",
        id=UUID(user_id(company.owner)),
        permissions=frozenset({"*"}),
        session_id=UUID(int=1),
        methods=("sso", "mfa"),
        authenticated_at=company.site.clock.now(),
    )
    ctx = Context(runtime=runtime, workspace_id=company.workspace_id, principal=person, request_id="test")
    with pytest.raises(ProvedElsewhere):
        await switch(ctx, wanted=Switch(workspace_id=UUID(other)))
    assert [item.workspace_id for item in (await list_own(ctx)).items] == [company.workspace_id]
