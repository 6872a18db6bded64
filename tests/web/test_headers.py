"""Headers: security on every answer, CORS by allow-list, request ids, versions."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.customers import Customer, no_lifespan, visitor_at
from tests.web.probe import Probe

from nexusone.apps.compose import Composition
from nexusone.platform.settings import PlatformSettings
from nexusone.web.application import locked_routes
from nexusone.web.boundary import Boundary

ORIGIN = "https://app.example.com"
# What everybody may read and nobody's person is in.
CACHED = frozenset({"identity.show_signing_keys"})


def check_security(answer: httpx2.Response, *, caching: str = "no-store") -> None:
    headers = answer.headers
    seconds = int(headers["strict-transport-security"].partition(";")[0].removeprefix("max-age="))
    assert seconds >= 31_536_000
    assert "includeSubDomains" in headers["strict-transport-security"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == caching
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert headers["x-request-id"]
    if answer.content:
        assert headers["content-type"]


async def test_every_route_answers_with_security_headers_and_never_with_a_fault(application: ASGIApp, customer: Customer) -> None:
    assert isinstance(application, Boundary)
    seen = 0
    for route, declared in locked_routes(application.app):  # type: ignore[arg-type]
        if declared.operation.startswith("stream."):
            continue
        path = route.path.replace(":path}", "}")
        for name in route.param_convertors:
            path = path.replace("{" + name + "}", "0198c0de-0000-7000-8000-000000000000")
        for method in route.methods or ():
            for headers in ({}, {"Authorization": ""}):
                answer = await customer.client.request(method, path, headers=headers)
                check_security(answer, caching="public, max-age=60" if declared.operation in CACHED else "no-store")
                assert "service.fault" not in answer.text, (method, path)
                seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("PUT", "/v1/me"), ("GET", "/v1/probe/faults"), ("GET", "/v1/probe/refusals/503"), ("GET", "/" + "x" * 9000)],
)
async def test_every_error_answers_with_security_headers(anyone: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await anyone.request(method, path)
    assert answer.status_code >= 400
    check_security(answer)


async def test_a_readable_request_id_is_kept_and_another_is_replaced(anyone: httpx2.AsyncClient) -> None:
    given = "client-id.0123_X"
    assert (await anyone.get("/livez", headers={"X-Request-Id": given})).headers["x-request-id"] == given
    for bad in ("short", "x" * 65, "with space in it", "inj<script>ection", "tab\tinside"):
        answer = await anyone.get("/livez", headers={"X-Request-Id": bad})
        assert answer.headers["x-request-id"] != bad


async def test_each_request_has_another_id(anyone: httpx2.AsyncClient) -> None:
    ids = {(await anyone.get("/livez")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.fixture
async def crossed(composition: Composition, probe: Probe) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a deployment that lets one origin in."""
    settings = composition.runtime.setting(PlatformSettings).model_copy(update={"cors_origins": (ORIGIN,)})
    runtime = replace(composition.runtime, settings={**composition.runtime.settings, PlatformSettings: settings})
    app = replace(composition, runtime=runtime).application(only=["identity"], doors=[probe.door], lifespan=no_lifespan)
    async with visitor_at(app) as client:
        yield client


async def test_a_listed_origin_may_read_answers(crossed: httpx2.AsyncClient) -> None:
    answer = await crossed.get("/v1/probe/open", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in answer.headers
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert all(name in exposed for name in ("etag", "ratelimit", "retry-after", "x-request-id", "idempotent-replayed"))


async def test_a_listed_origin_may_read_problems_too(crossed: httpx2.AsyncClient) -> None:
    for path in ("/v1/me", "/nothing", "/v1/probe/refusals/409", "/v1/probe/faults"):
        answer = await crossed.get(path, headers={"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN, path


async def test_a_listed_origin_may_ask_before(crossed: httpx2.AsyncClient) -> None:
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,if-match"}
    answer = await crossed.options("/v1/me", headers=asking)
    assert answer.status_code == 200
    check_security(answer)


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", ORIGIN + ".evil.com", "http://app.example.com", "https://APP.example.com:444"]
)
async def test_other_origins_are_not_let_in(crossed: httpx2.AsyncClient, origin: str) -> None:
    answer = await crossed.get("/v1/probe/open", headers={"Origin": origin})
    assert answer.headers.get("access-control-allow-origin") not in (origin, "*")
    asked = await crossed.options("/v1/me", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    assert asked.headers.get("access-control-allow-origin") not in (origin, "*")


async def test_without_a_list_no_origin_is_let_in(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get("/v1/probe/open", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_version_is_tagged(knocker: Customer) -> None:
    answer = await knocker.client.patch("/v1/probe/versions/1", headers={"If-Match": '"3"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"4"')


@pytest.mark.parametrize("given", ["*", ""])
async def test_any_version_may_be_changed_where_none_is_named(knocker: Customer, given: str) -> None:
    answer = await knocker.client.patch("/v1/probe/versions/1", headers={"If-Match": given} if given else {})
    assert answer.status_code == 200


async def test_another_version_is_a_412(knocker: Customer) -> None:
    answer = await knocker.client.patch("/v1/probe/versions/1", headers={"If-Match": '"2"'})
    assert answer.status_code == 412


@pytest.mark.parametrize("given", ["3", '"3", "4"', '"x"', '"-3"', '"' + "9" * 40 + '"', "'3'"])
async def test_what_is_no_tag_cannot_be_read(knocker: Customer, given: str) -> None:
    answer = await knocker.client.patch("/v1/probe/versions/1", headers={"If-Match": given})
    assert answer.status_code == 400
