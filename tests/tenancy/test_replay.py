"""AUTHZ-04 and TEN-10: every id of the API that is another company's is answered as one that nobody has, and nothing of it changes."""

import re
from collections.abc import Mapping

import httpx2
import pytest
from tests.customers import visitor_at
from tests.modules.identity.mfa.people import sign_in_with_passkey
from tests.tenancy.calls import ANSWERS, EXEMPT, FAULTS, FILES, NARROWED, body_of, id_of, is_desk, path_of
from tests.tenancy.companies import Company
from tests.tenancy.deployments import Deployment
from tests.tenancy.places import Place, places, with_id
from tests.tenancy.state import state_of

from nexusone.kernel.ids import new_id
from nexusone.web.gate import PUBLIC
from nexusone.web.rights import OPERATOR

TRIED = [place for place in places() if place.title not in EXEMPT]
# What differs between any two answers: the request's name, and the time of a reading.
VOLATILE = re.compile(r'"(instance|as_of)":\s*"[^"]*"')
TOLD = ("content-type", "etag", "location", "content-disposition", "idempotent-replayed")


async def ask(deployment: Deployment, company: Company, place: Place, taken: str, **headers: str) -> httpx2.Response:
    """The company calls an operation with an id from elsewhere at that place, and its own at all others."""
    path = path_of(place, company, taken={place.name: taken} if place.where == "path" else {})
    body = body_of(company, place.operation, title=place.title)
    if place.where == "body":
        body = with_id(body, place.steps, taken)
    if place.key_use == "required":
        headers["Idempotency-Key"] = str(new_id())
    if place.where == "header":
        headers[place.name] = taken
    query = {place.name: taken} if place.where == "query" else {}
    async with visitor_at(deployment.app) as client:
        if place.permission != PUBLIC:
            client.headers["Authorization"] = (
                f"Bearer {company.operator_token if place.permission == OPERATOR and not is_desk(place) else company.token}"
            )
        files = FILES.get(place.operation)
        return await client.request(place.method, path, params=query, json=body, files=files, headers=headers)


def shown(answer: httpx2.Response, sent: str) -> tuple[int, str, Mapping[str, str]]:
    """What an answer tells, but for what it was told itself."""
    text = VOLATILE.sub("", answer.text).replace(sent, "sent")
    return answer.status_code, text, {name: answer.headers[name] for name in TOLD if name in answer.headers}


@pytest.mark.parametrize("place", TRIED, ids=lambda place: place.title)
async def test_authz_04_an_id_of_another_company_is_like_one_that_nobody_has(deployment: Deployment, place: Place) -> None:
    ours, theirs = deployment.companies
    before = state_of(deployment.database.admin_url, theirs.workspace_id)
    stolen, unknown = id_of(theirs, place.operation, place.name), str(new_id())
    answer = await ask(deployment, ours, place, stolen)
    assert shown(answer, stolen) == shown(await ask(deployment, ours, place, unknown), unknown)
    if place.title not in NARROWED and deployment.walls != "row security alone":
        assert answer.status_code == (401 if is_desk(place) else ANSWERS.get(place.title, 404)), answer.text
        assert FAULTS.get(place.title, "") in answer.text
    assert theirs.mark not in answer.text
    assert state_of(deployment.database.admin_url, theirs.workspace_id) == before


@pytest.mark.parametrize("place", [place for place in TRIED if place.where == "path" and place.is_versioned], ids=lambda place: place.title)
async def test_authz_04_an_expected_version_tells_nothing_of_another_companys_things(deployment: Deployment, place: Place) -> None:
    ours, theirs = deployment.companies
    stolen, unknown = id_of(theirs, place.operation, place.name), str(new_id())
    for version in ('"1"', '"99"'):
        answer = await ask(deployment, ours, place, stolen, **{"If-Match": version})
        assert shown(answer, stolen) == shown(await ask(deployment, ours, place, unknown, **{"If-Match": version}), unknown)
        assert answer.status_code == 404 or deployment.walls == "row security alone"


async def test_authz_04_a_passkey_opens_no_workspace_of_others(deployment: Deployment) -> None:
    ours, theirs = deployment.companies
    before = state_of(deployment.database.admin_url, theirs.workspace_id)
    stolen, unknown = theirs.ids["workspace_id"], str(new_id())
    answers = [await sign_in_with_passkey(deployment.app, ours.device, workspace_id=wanted) for wanted in (stolen, unknown)]
    assert shown(answers[0], stolen) == shown(answers[1], unknown)
    assert answers[0].status_code in (401, 404)
    assert state_of(deployment.database.admin_url, theirs.workspace_id) == before
    own = await sign_in_with_passkey(deployment.app, ours.device, workspace_id=ours.ids["workspace_id"])
    assert own.status_code == 200, own.text


OWN = [place for place in TRIED if place.where == "path" and place.method == "GET" and place.permission != PUBLIC and not is_desk(place)]


@pytest.mark.parametrize("place", OWN, ids=lambda place: place.title)
async def test_ten_10_the_same_question_about_ones_own_is_answered_unless_every_query_asks_for_others(
    deployment: Deployment, place: Place
) -> None:
    ours, _ = deployment.companies
    answer = await ask(deployment, ours, place, id_of(ours, place.operation, place.name))
    assert (answer.status_code == 200) == (deployment.walls != "row security alone"), answer.text


MADE_OF = [place for place in TRIED if place.where == "body" and place.operation.startswith(("ai.", "content_tasks."))]
MADE_OF += [place for place in TRIED if place.where == "body" and place.name == "generation_id"]


@pytest.mark.parametrize("place", MADE_OF, ids=lambda place: place.title)
async def test_authz_04_what_is_refused_of_others_is_taken_of_ones_own(deployment: Deployment, place: Place) -> None:
    ours, _ = deployment.companies
    answer = await ask(deployment, ours, place, id_of(ours, place.operation, place.name))
    is_taken = answer.is_success and '_not_found"' not in answer.text
    assert is_taken == (deployment.walls != "row security alone"), answer.text


def test_authz_04_what_is_exempt_is_there() -> None:
    assert set(EXEMPT) | NARROWED | set(ANSWERS) <= {place.title for place in places()}
