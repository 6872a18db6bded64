"""Rate limits over HTTP: exact, told in headers, per caller, and not moved by forged addresses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import httpx2
import pytest
from tests.architecture.operations import operations
from tests.customers import Customer, customer_at, fresh_ip, no_lifespan, visitor_at
from tests.platform.test_limits import parse_list
from tests.web.probe import Probe

from nexusone.apps.compose import Composition
from nexusone.platform.settings import PlatformSettings

OPEN = "/v1/probe/open"
Deploy = Callable[..., AbstractAsyncContextManager[tuple[httpx2.AsyncClient, Customer]]]


@pytest.fixture
def deployed(composition: Composition, probe: Probe) -> Deploy:
    """An anonymous client and a customer of a deployment with other settings."""

    @asynccontextmanager
    async def deploy(*, ip: str | None = None, **changed: object) -> AsyncIterator[tuple[httpx2.AsyncClient, Customer]]:
        settings = composition.runtime.setting(PlatformSettings).model_copy(update=changed)
        runtime = replace(composition.runtime, settings={**composition.runtime.settings, PlatformSettings: settings})
        app = replace(composition, runtime=runtime).application(only=["identity"], doors=[probe.door], lifespan=no_lifespan)
        async with visitor_at(app, ip=ip) as visitor, customer_at(app) as customer:
            yield visitor, customer

    return deploy


async def test_api_07_every_answer_says_what_is_left(knocker: Customer) -> None:
    first, second = [parse_list((await knocker.client.get("/v1/me")).headers["ratelimit"]) for _ in range(2)]
    assert second["default"]["r"] == first["default"]["r"] - 1
    assert 1 <= second["default"]["t"] <= 60


async def test_api_07_exactly_the_quota_is_accepted_and_the_rest_told_when_to_come_back(deployed: Deploy) -> None:
    async with deployed(rate_limit="20/minute") as (_, customer):
        answers = await asyncio.gather(*(customer.client.get("/v1/me") for _ in range(35)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(answers) - len(refused) == 20
    for answer in refused:
        problem = answer.json()
        assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert problem["violated-policies"] == ["default"]
        assert parse_list(answer.headers["ratelimit-policy"]) == {"default": {"q": 20, "w": 60}}
        assert int(answer.headers["retry-after"]) >= parse_list(answer.headers["ratelimit"])["default"]["t"]


async def test_api_07_a_limit_is_the_callers_own(deployed: Deploy) -> None:
    async with deployed(rate_limit="5/minute") as (_, customer):
        machine = {"Authorization": f"Bearer {await customer.api_key('contacts:read')}"}
        for _ in range(6):
            last = await customer.client.get("/v1/me")
        assert last.status_code == 429
        assert (await customer.client.get("/v1/me", headers=machine)).status_code == 200


async def test_api_07_anonymous_callers_are_counted_by_address(deployed: Deploy) -> None:
    async with deployed(rate_limit_anonymous="5/minute") as (visitor, _):
        codes = [(await visitor.get(OPEN)).status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2


async def test_api_08_forged_addresses_do_not_move_the_bucket(deployed: Deploy) -> None:
    ip = fresh_ip()
    async with deployed(ip=ip, rate_limit_anonymous="3/minute") as (visitor, _):
        codes = []
        for number in range(5):
            forged = {"X-Forwarded-For": f"192.0.2.{number}", "X-Real-IP": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
            answer = await visitor.get(OPEN, headers=forged)
            codes.append(answer.status_code)
            if answer.status_code == 200:
                assert answer.json()["ip"] == ip
    assert codes == [200, 200, 200, 429, 429]


async def test_api_08_behind_a_trusted_proxy_the_nearest_untrusted_address_counts(deployed: Deploy) -> None:
    near, far = fresh_ip(), fresh_ip()
    async with deployed(ip=near, trusted_proxies=(near, far)) as (visitor, _):
        for forwarded, counted in (
            ("192.0.2.1", "192.0.2.1"),
            (f"192.0.2.9, 192.0.2.2, {far}", "192.0.2.2"),
            (f"192.0.2.3,{far},{far}", "192.0.2.3"),
            ("2001:DB8::1", "2001:db8::1"),
            ("not an address", "0.0.0.0"),
            (far, far),
        ):
            answer = await visitor.get(OPEN, headers={"X-Forwarded-For": forwarded})
            assert answer.json()["ip"] == counted, forwarded
        lines = [("X-Forwarded-For", "192.0.2.8"), ("X-Forwarded-For", f"192.0.2.4, {far}")]
        assert (await visitor.get(OPEN, headers=lines)).json()["ip"] == "192.0.2.4"


async def test_api_07_failed_credentials_count_by_address(deployed: Deploy) -> None:
    async with deployed(rate_limit_anonymous="4/minute") as (visitor, customer):
        forged = f"Bearer nx_test_{customer.workspace_id.hex}{'0' * 32}_{'x' * 43}"
        codes = [(await visitor.get("/v1/me", headers={"Authorization": forged})).status_code for _ in range(6)]
        assert codes == [401] * 4 + [429] * 2
        assert (await customer.client.get("/v1/me")).status_code == 200


async def test_api_07_wrong_secrets_cannot_use_up_the_limit_of_a_key(deployed: Deploy) -> None:
    async with deployed(rate_limit="10/minute") as (visitor, customer):
        key = await customer.api_key("contacts:read")
        wrong = key[:-5] + "wrong"
        for _ in range(15):
            assert (await visitor.get("/v1/me", headers={"Authorization": f"Bearer {wrong}"})).status_code == 401
        assert (await visitor.get("/v1/me", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_api_07_health_is_never_limited(deployed: Deploy) -> None:
    async with deployed(rate_limit_anonymous="2/minute") as (visitor, _):
        assert {(await visitor.get("/livez")).status_code for _ in range(6)} == {200}


async def test_api_07_what_costs_more_takes_more(deployed: Deploy) -> None:
    async with deployed(rate_limit="100/minute") as (_, customer):
        left = [
            parse_list((await customer.client.request(method, path)).headers["ratelimit"])["default"]["r"]
            for method, path in (("GET", "/v1/me"), ("POST", "/v1/workspace/export"), ("GET", "/v1/me"))
        ]
    assert (left[0] - left[1], left[1] - left[2]) == (20, 1)


def test_api_07_exports_imports_previews_and_generations_cost_more() -> None:
    costs = {declared.operation: declared.cost for _, declared in operations()}
    for operation in (
        "workspaces.order_export",
        "compliance.export_audit",
        "assets.upload_asset",
        "assets.make_rendition",
        "assets.get_waveform",
        "audience.start_import",
        "audience.preview_segment",
        "marketing.preflight",
        "marketing.render_template",
        "ai.generate",
    ):
        assert costs[operation] > 1, operation


async def test_api_07_all_callers_of_a_workspace_share_a_limit(deployed: Deploy) -> None:
    async with deployed(rate_limit_workspace="8/minute") as (_, customer):
        machine = {"Authorization": f"Bearer {await customer.api_key('contacts:read')}"}
        codes = [(await customer.client.get("/v1/me", headers=headers)).status_code for headers in ({}, machine) * 5]
        last = await customer.client.get("/v1/me", headers=machine)
    assert codes.count(200) == 7, "one was taken by making the key"
    assert codes[7:] == [429] * 3
    assert last.json()["violated-policies"] == ["workspace"]
    assert parse_list(last.headers["ratelimit-policy"]).keys() == {"default", "workspace"}


async def test_api_07_nobody_uses_up_their_workspaces_limit_alone(deployed: Deploy) -> None:
    async with deployed(rate_limit="10/minute", rate_limit_workspace="15/minute", rate_limit_anonymous="100/minute") as (visitor, customer):
        key = await customer.api_key("contacts:read")
        for _ in range(20):
            await visitor.get("/v1/me", headers={"Authorization": f"Bearer {key[:-5]}wrong"})
            last = await customer.client.get("/v1/me")
        assert last.json()["violated-policies"] == ["default"]
        assert (await visitor.get("/v1/me", headers={"Authorization": f"Bearer {key}"})).status_code == 200
