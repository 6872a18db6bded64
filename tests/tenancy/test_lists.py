"""AUTHZ-04 and AUTHZ-05 of lists: they show one's own, and no cursor or key leads into another company's."""

from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from tests.architecture.operations import operations
from tests.tenancy.calls import filled
from tests.tenancy.companies import DEFINITION, SHARED_NAME, Company
from tests.tenancy.deployments import Deployment
from tests.tenancy.places import described
from tests.tenancy.state import state_of
from tests.tenancy.test_replay import shown

from nexusone.kernel.ids import new_id
from nexusone.web.door import Declaration
from nexusone.web.gate import AUTHENTICATED, PUBLIC
from nexusone.web.paging import write_cursor
from nexusone.web.rights import OPERATOR

Operation = tuple[APIRoute, Declaration]
LISTING: list[Operation] = [
    (route, declared)
    for route, declared in operations()
    if route.methods == {"GET"}
    and "{" not in route.path
    and declared.permission not in (PUBLIC, OPERATOR)
    and declared.operation != "stream.follow"
]
PAGED = [
    (path, methods["get"]["operationId"])
    for path, methods in described()["paths"].items()
    if any(parameter["name"] == "cursor" for parameter in methods.get("get", {}).get("parameters", ()))
    and methods["get"]["x-permission"] not in (PUBLIC, OPERATOR)
]
# What a person or an agency has beyond the workspace: found by who they are.
OF_THE_PERSON = frozenset(
    {
        "identity.me",
        "mfa.state",
        "pools.get_statement",
        "pools.get_statement_csv",
        "workspaces.get_agency",
        "workspaces.list_workspaces",
    }
)
# The trail tells which ids its own company asked for, and was refused.
TRAIL = frozenset({"compliance.list_audit", "compliance.export_audit"})


async def get(deployment: Deployment, company: Company, path: str, **query: Any) -> httpx2.Response:
    async with deployment.client_of(company) as client:
        return await client.get(path, params=query)


@pytest.mark.parametrize("item", LISTING, ids=lambda item: item[1].operation)
async def test_authz_05_a_list_shows_ones_own_and_nothing_of_another_company(deployment: Deployment, item: Operation) -> None:
    route, declared = item
    for ours, theirs in (deployment.companies, deployment.companies[::-1]):
        answer = await get(deployment, ours, route.path)
        assert theirs.mark not in answer.text
        assert declared.operation in TRAIL or not any(value in answer.text for value in theirs.ids.values())
        if deployment.walls != "row security alone":
            assert answer.status_code == 200, answer.text
            if declared.permission != AUTHENTICATED and answer.headers["content-type"] == "application/json":
                assert answer.json().get("items", [answer.json()]), answer.text
        elif declared.operation not in OF_THE_PERSON:
            assert ours.mark not in answer.text


@pytest.mark.parametrize(("path", "operation"), PAGED)
async def test_authz_04_a_cursor_of_another_company_is_like_one_that_was_never_given_out(
    deployment: Deployment, path: str, operation: str
) -> None:
    ours, theirs = deployment.companies
    key = deployment.composition.runtime.keys.derive_steady("cursor")
    given = (await get(deployment, theirs, filled(path, operation, theirs), limit=1)).json().get("next_cursor")
    purpose = f"{theirs.workspace_id}:{path}".encode()
    stolen = given or write_cursor((str(new_id()), str(new_id())), key=key, purpose=purpose)
    made_up = write_cursor((str(new_id()), str(new_id())), key=b"another", purpose=purpose)
    answers = [await get(deployment, ours, filled(path, operation, ours), cursor=cursor) for cursor in (made_up, stolen, made_up)]
    # The first refusal of a minute is noted in the trail, which row-level security alone does not let through.
    assert shown(answers[1], stolen) == shown(answers[2], made_up)
    assert answers[1].status_code == 422


async def test_authz_05_a_count_is_of_ones_own(deployment: Deployment) -> None:
    for company in deployment.companies:
        async with deployment.client_of(company) as client:
            answer = await client.post("/v1/segments/preview", json={"definition": DEFINITION})
        assert answer.json() == {"count": 0 if deployment.walls == "row security alone" else 1}


async def test_authz_04_the_same_key_of_idempotency_belongs_to_each_company_alone(deployment: Deployment) -> None:
    ours, theirs = deployment.companies
    answers = []
    for company in (theirs, ours):
        async with deployment.client_of(company) as client:
            wanted = {"name": "the same", "definition": DEFINITION}
            answers.append(await client.post("/v1/segments", json=wanted, headers={"Idempotency-Key": "the same"}))
    assert all("idempotent-replayed" not in answer.headers for answer in answers)
    if deployment.walls == "row security alone":
        assert not any(answer.is_success for answer in answers)
    else:
        assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_authz_04_a_name_of_ones_own_leaves_anothers_contact_of_that_name_alone(deployment: Deployment) -> None:
    ours, theirs = deployment.companies
    before = state_of(deployment.database.admin_url, theirs.workspace_id)
    async with deployment.client_of(ours) as client:
        answer = await client.put(f"/v1/contacts/by-external-id/{SHARED_NAME}", json={"first_name": "Eve"})
    assert answer.is_success == (deployment.walls != "row security alone"), answer.text
    assert state_of(deployment.database.admin_url, theirs.workspace_id) == before
