"""Every refusal and every fault is a problem document, and tells nothing that is not the caller's business."""

from collections.abc import MutableMapping
from typing import Any

import httpx2
import pytest
from tests.customers import Customer
from tests.web.probe import REFUSALS_BY_STATUS

from nexusone.apps.compose import Composition
from nexusone.web.application import UnlockedDoor
from nexusone.web.door import DECLARATION, Door


def problem_of(answer: httpx2.Response, *, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer, held against RFC 9457 and ours."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"].startswith("https://")
    assert problem["status"] == status
    assert problem["instance"] == answer.headers["x-request-id"]
    assert all(isinstance(problem[key], str) and problem[key] for key in ("title", "detail", "code"))
    assert "{" not in problem["detail"]
    if code is not None:
        assert problem["code"] == code
    return problem


@pytest.mark.parametrize("status", sorted(REFUSALS_BY_STATUS))
async def test_a_refusal_is_a_problem(anyone: httpx2.AsyncClient, status: int) -> None:
    problem_of(await anyone.get(f"/v1/probe/refusals/{status}"), status=status, code=REFUSALS_BY_STATUS[status].code)


async def test_a_fault_is_a_problem_without_its_cause(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get("/v1/probe/faults")
    problem_of(answer, status=500, code="service.fault")
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text


async def test_an_unknown_outcome_is_a_503_that_says_so(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get("/v1/probe/unknown-outcomes")
    problem = problem_of(answer, status=503, code="service.outcome_unknown")
    assert "Idempotency-Key" in problem["detail"]
    assert "Retry-After" in answer.headers
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/", "/v2/me", "/v1/me/", "/v1/nothing", "/v1/probe", "//v1/me", "/v1/../v1/nothing", "/.env"])
async def test_an_unknown_path_is_a_problem_and_never_a_redirect(anyone: httpx2.AsyncClient, path: str) -> None:
    problem_of(await anyone.get(path), status=404, code="request.not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/me", "GET"),
        ("TRACE", "/v1/me", "GET"),
        ("HEAD", "/v1/me", "GET"),
        ("OPTIONS", "/v1/me", "GET"),
        ("BREW", "/v1/me", "GET"),
        ("DELETE", "/v1/api-keys", "GET, POST"),
        ("GET", "/v1/auth/sign-in", "POST"),
        ("POST", "/livez", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
async def test_an_unused_method_is_refused_with_those_there_are(anyone: httpx2.AsyncClient, method: str, path: str, allowed: str) -> None:
    answer = await anyone.request(method, path)
    assert answer.status_code == 405
    named = {name.strip() for name in answer.headers["allow"].split(",")}
    assert set(allowed.split(", ")) <= named
    if method != "HEAD":
        problem_of(answer, status=405, code="request.method_not_allowed")


async def test_without_a_credential_one_is_asked_for(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get("/v1/me")
    problem_of(answer, status=401, code="auth.unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_missing_permission_is_named(knocker: Customer) -> None:
    key = await knocker.api_key("contacts:read")
    answer = await knocker.client.post("/v1/probe/knocks", json={"name": "a"}, headers={"Authorization": f"Bearer {key}"})
    problem = problem_of(answer, status=403, code="auth.forbidden")
    assert "contacts:write" in problem["detail"]
    assert "RateLimit" in answer.headers


async def test_a_missing_permission_is_told_before_the_body_is_read(knocker: Customer) -> None:
    key = await knocker.api_key("contacts:read")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    problem_of(await knocker.client.post("/v1/probe/knocks", content=b"{", headers=headers), status=403)


async def test_faults_in_the_input_have_pointers_codes_and_sentences(knocker: Customer) -> None:
    answer = await knocker.client.post("/v1/probe/knocks", json={"name": "", "count": "x", "extra": 1, "~/": 2})
    problem = problem_of(answer, status=422, code="request.unprocessable")
    assert {error["pointer"] for error in problem["errors"]} == {"/name", "/count", "/extra", "/~0~1"}
    assert all(error["code"] and error["detail"] for error in problem["errors"])


async def test_a_problem_never_repeats_the_input(knocker: Customer) -> None:
    canary = "cAnArY4711"
    answer = await knocker.client.post("/v1/probe/knocks", json={"name": "a", "count": canary, "id": canary})
    problem_of(answer, status=422)
    assert canary not in answer.text


async def test_at_most_fifty_faults_are_listed(knocker: Customer) -> None:
    answer = await knocker.client.post("/v1/probe/knocks", json={"name": "a", "words": list(range(1000))})
    problem = problem_of(answer, status=422)
    assert len(problem["errors"]) == 50
    assert "1000" in problem["detail"]


@pytest.mark.parametrize("language", ["xx", "de-DE-u-co", "*", "%s{0}", "x" * 200, "en;q=0.1,de"])
async def test_an_unknown_language_is_answered_in_english(anyone: httpx2.AsyncClient, language: str) -> None:
    problem = problem_of(await anyone.get("/v1/probe/refusals/404", headers={"Accept-Language": language}), status=404)
    assert problem["title"] == "Not found"


@pytest.mark.parametrize(
    ("header", "locale"), [("pt_br,en", "pt-BR"), ("DE", "de"), ("*", "en"), ("<b>", "en"), ("zh-hant-tw;q=1", "zh-Hant-TW")]
)
async def test_the_language_asked_for_is_spelled_canonically(anyone: httpx2.AsyncClient, header: str, locale: str) -> None:
    answer = await anyone.get("/v1/probe/open", headers={"Accept-Language": header})
    assert answer.json()["locale"] == locale


async def test_every_refusal_of_the_product_has_a_text_in_english(composition: Composition) -> None:
    assert {"request.head_too_large", "database.contended", "auth.unauthenticated"} <= composition.messages.codes()


async def test_a_route_that_names_no_permission_keeps_the_process_from_starting(composition: Composition) -> None:
    door = Door("careless")

    @door.get("/careless", permission="", summary="Open by mistake")
    async def careless() -> dict[str, str]:
        return {}

    with pytest.raises(UnlockedDoor, match=r"careless"):
        composition.application(doors=[door])


async def test_a_route_whose_declaration_is_lost_keeps_the_process_from_starting(composition: Composition) -> None:
    door = Door("careless")

    @door.get("/careless", permission="public", summary="Declared")
    async def careless() -> dict[str, str]:
        return {}

    setattr(careless, DECLARATION, None)
    with pytest.raises(UnlockedDoor):
        composition.application(doors=[door])


async def test_a_fault_is_logged_and_found_by_the_request_id(anyone: httpx2.AsyncClient, log: list[MutableMapping[str, Any]]) -> None:
    answer = await anyone.get("/v1/probe/faults", headers={"X-Request-Id": "given-id-1234"})
    assert answer.json()["instance"] == "given-id-1234"
    [entry] = [entry for entry in log if entry["event"] == "request.fault"]
    assert isinstance(entry["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/auth/mfa/passkeys/options", "POST"),
        ("PATCH", "/v1/members/leave", "POST"),
        ("DELETE", "/v1/invitations/accept", "POST"),
    ],
)
async def test_a_spelled_out_path_is_no_value_of_a_parameter(knocker: Customer, method: str, path: str, allowed: str) -> None:
    answer = await knocker.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
