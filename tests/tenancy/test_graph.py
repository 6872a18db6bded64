"""AUTHZ-04 over GraphQL: every id and every cursor of another company is answered as one that nobody has."""

import re
from typing import Any

import httpx2
import pytest
from tests.tenancy.calls import id_in_graph
from tests.tenancy.companies import Company
from tests.tenancy.deployments import Deployment
from tests.tenancy.graph import Field, fields
from tests.tenancy.state import state_of

from nexusone.kernel.ids import new_id
from nexusone.web.paging import write_cursor

PLACES = [(field, argument) for field in fields() for argument in field.ids]
INSTANCE = re.compile(r'"(instance|request_id)":\s*"[^"]*"')


async def ask(deployment: Deployment, company: Company, query: str) -> httpx2.Response:
    async with deployment.client_of(company) as client:
        return await client.post("/graphql", json={"query": query})


def shown(answer: httpx2.Response, sent: str) -> tuple[int, str]:
    return answer.status_code, INSTANCE.sub("", answer.text).replace(sent, "sent")


def _data(answer: httpx2.Response, field: Field) -> Any:
    return (answer.json().get("data") or {}).get(field.name)


@pytest.mark.parametrize(("field", "argument"), PLACES, ids=lambda part: part if isinstance(part, str) else part.name)
async def test_authz_04_an_id_of_another_company_is_like_one_that_nobody_has_in_the_graph(
    deployment: Deployment, field: Field, argument: str
) -> None:
    ours, theirs = deployment.companies
    before = state_of(deployment.database.admin_url, theirs.workspace_id)
    stolen, unknown = id_in_graph(theirs, field), str(new_id())
    answer = await ask(deployment, ours, field.asked(argument, stolen))
    assert shown(answer, stolen) == shown(await ask(deployment, ours, field.asked(argument, unknown)), unknown)
    assert _data(answer, field) in (None, {"items": [], "next_cursor": None})
    assert state_of(deployment.database.admin_url, theirs.workspace_id) == before
    own = _data(await ask(deployment, ours, field.asked(argument, id_in_graph(ours, field))), field)
    assert (own in (None, {"items": [], "next_cursor": None})) == (deployment.walls == "row security alone")


@pytest.mark.parametrize("field", [field for field in fields() if not field.required], ids=lambda field: field.name)
async def test_authz_05_a_field_of_the_graph_shows_nothing_of_another_company(deployment: Deployment, field: Field) -> None:
    for ours, theirs in (deployment.companies, deployment.companies[::-1]):
        answer = await ask(deployment, ours, field.asked())
        assert theirs.mark not in answer.text
        # The trail tells which ids its own company asked for, and was refused.
        assert field.name == "audit" or not any(value in answer.text for value in theirs.ids.values())
        if field.is_paged:
            assert bool((_data(answer, field) or {}).get("items")) == (deployment.walls != "row security alone"), answer.text


@pytest.mark.parametrize("field", [field for field in fields() if field.is_paged], ids=lambda field: field.name)
async def test_authz_04_a_cursor_of_another_company_is_like_one_that_was_never_given_out_in_the_graph(
    deployment: Deployment, field: Field
) -> None:
    ours, theirs = deployment.companies
    key = deployment.composition.runtime.keys.derive_steady("cursor")
    purpose = f"{theirs.workspace_id}:graphql.{field.name}".encode()
    stolen = write_cursor((str(new_id()), str(new_id())), key=key, purpose=purpose)
    made_up = write_cursor((str(new_id()), str(new_id())), key=b"another", purpose=purpose)
    about = (next(iter(field.required)), id_in_graph(ours, field)) if field.required else ()
    answers = [await ask(deployment, ours, field.asked(*about, cursor=f'"{cursor}"')) for cursor in (stolen, made_up)]
    assert shown(answers[0], stolen) == shown(answers[1], made_up)
    assert _data(answers[0], field) is None
