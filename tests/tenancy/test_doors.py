"""Every operation of the route table, called with another company's ids: there is no such thing, and nothing of it shows."""

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from tests.architecture.operations import operations
from tests.tenancy.companies import SEGMENT, Company

from nexusone.kernel.ids import new_id
from nexusone.web.door import Declaration
from nexusone.web.gate import AUTHENTICATED, PUBLIC
from nexusone.web.rights import OPERATOR

Companies = tuple[Company, Company]
Operation = tuple[APIRoute, Declaration]

# A report says when it was read.
AS_OF = re.compile(r'"as_of":"[^"]*"')

PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
LOCKED: list[Operation] = [(route, declared) for route, declared in operations() if declared.permission not in (PUBLIC, OPERATOR)]
OPERATORS: list[Operation] = [(route, declared) for route, declared in operations() if declared.permission == OPERATOR]
# A write by the company's own name for a contact makes the company's own contact, so it finds nothing of others.
BY_OWN_NAME = frozenset({"audience.put_contact"})
ADDRESSED = [item for item in LOCKED if PARAMETER.search(item[0].path) and item[1].operation not in BY_OWN_NAME]
LISTING = [
    item for item in LOCKED if not PARAMETER.search(item[0].path) and item[0].methods == {"GET"} and item[1].operation != "stream.follow"
]

BODIES: Mapping[str, object] = {
    "audience.change_contact": {"first_name": "Eve"},
    "audience.change_segment": {"name": "Eve's"},
    "marketing.change_campaign": {"name": "Eve's"},
    "marketing.change_template": {"name": "Eve's"},
    "marketing.render_template": {},
    "payments.refund": {},
    "pools.put_share": {"is_member": True},
}


def _name(item: Operation) -> str:
    return item[1].operation


async def _ask(company: Company, item: Operation, ids: Mapping[str, str]) -> httpx2.Response:
    route, declared = item
    method = next(iter(route.methods or ()))
    path = PARAMETER.sub(lambda found: ids[found.group(1)], route.path)
    headers = {} if declared.key_use == "none" else {"Idempotency-Key": str(new_id())}
    return await company.client.request(method, path, headers=headers, json=BODIES.get(declared.operation))


@pytest.mark.parametrize("item", ADDRESSED, ids=_name)
async def test_what_belongs_to_another_company_is_not_there(companies: Companies, item: Operation) -> None:
    ours, theirs = companies
    before = await _everything(theirs)
    answer = await _ask(ours, item, theirs.ids)
    assert answer.status_code == 404, answer.text
    assert await _everything(theirs) == before


@pytest.mark.parametrize("item", [item for item in ADDRESSED if item[0].methods == {"GET"}], ids=_name)
async def test_the_same_question_about_ones_own_is_answered(companies: Companies, item: Operation) -> None:
    answer = await _ask(companies[0], item, companies[0].ids)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("item", OPERATORS, ids=_name)
async def test_the_operators_doors_know_no_company(companies: Companies, item: Operation) -> None:
    path = PARAMETER.sub(lambda _: "1", item[0].path)
    answer = await companies[0].client.request(next(iter(item[0].methods or ())), path, json={})
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize("item", LISTING, ids=_name)
async def test_a_list_shows_nothing_of_another_company(companies: Companies, item: Operation) -> None:
    for ours, theirs in (companies, companies[::-1]):
        answer = await _ask(ours, item, {})
        assert answer.status_code == 200, answer.text
        foreign = [value for name, value in theirs.ids.items() if name != "external_id"]
        assert not any(value in answer.text for value in (*foreign, str(theirs.workspace_id)))


@pytest.mark.parametrize("item", [item for item in LISTING if item[1].permission != AUTHENTICATED], ids=_name)
async def test_a_list_shows_ones_own(companies: Companies, item: Operation) -> None:
    answer = await _ask(companies[0], item, {})
    if answer.headers["content-type"].startswith("text/csv"):
        assert len(answer.text.splitlines()) > 1
        return
    assert answer.json().get("items", [answer])


async def test_a_segment_counts_ones_own_contacts(companies: Companies) -> None:
    for company in companies:
        answer = await company.client.post("/v1/segments/preview", json={"definition": SEGMENT["definition"]})
        assert answer.json() == {"count": 1}


async def test_a_campaign_cannot_use_what_belongs_to_another_company(companies: Companies) -> None:
    ours, theirs = companies
    sound = {"name": "x", "from_name": "x", "from_email": "news@engines.example", "template_id": ours.ids["template_id"]}
    for stolen in (
        {"segment_id": theirs.ids["segment_id"]},
        {"segment_id": ours.ids["segment_id"], "template_id": theirs.ids["template_id"]},
    ):
        answer = await ours.client.post("/v1/campaigns", json={**sound, **stolen})
        assert answer.status_code in (404, 422), answer.text


async def test_a_write_by_own_name_leaves_anothers_contact_alone(companies: Companies) -> None:
    ours, theirs = companies
    before = await _everything(theirs)
    answer = await ours.client.put("/v1/contacts/by-external-id/crm-2", json={"first_name": "Eve"})
    assert answer.status_code == 200, answer.text
    assert await _everything(theirs) == before


async def test_the_graph_shows_nothing_of_another_company(companies: Companies) -> None:
    ours, theirs = companies
    question = "{ contacts(limit: 100) { items { id } } campaigns(limit: 100) { items { id } } }"
    answer = await ours.client.post("/graphql", json={"query": question})
    assert "errors" not in answer.json(), answer.text
    assert ours.ids["contact_id"] in answer.text
    assert ours.ids["campaign_id"] in answer.text
    assert not any(value in answer.text for name, value in theirs.ids.items() if name != "external_id")


async def _everything(company: Company) -> dict[str, Any]:
    shown = {}
    for item in (*ADDRESSED, *LISTING):
        if item[0].methods == {"GET"}:
            answer = await _ask(company, item, company.ids)
            shown[_name(item)] = (answer.status_code, AS_OF.sub("", answer.text))
    return shown
