"""Keys for machines: scoped, expiring, revocable, of one mode, shown once, and no way to become a person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_settings import BaseSettings
from starlette.types import ASGIApp
from tests.customers import Customer, customer_at, no_lifespan

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.settings import PlatformSettings

KEYS = "/v1/api-keys"


async def as_machine(customer: Customer, key: str, method: str, path: str, **options: Any) -> int:
    answer = await customer.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, **options)
    return answer.status_code


@asynccontextmanager
async def deployed(composition: Composition, *, clock: MovedClock | None = None, mode: str = "sandbox") -> AsyncIterator[Customer]:
    values: dict[type[BaseSettings], BaseSettings] = {
        **composition.runtime.settings,
        PlatformSettings: composition.runtime.setting(PlatformSettings).model_copy(update={"mode": mode}),
        IdentitySettings: IdentitySettings(requires_verification=False),
    }
    runtime = replace(composition.runtime, settings=values, clock=clock or composition.runtime.clock)
    async with customer_at(replace(composition, runtime=runtime).application(only=["identity"], lifespan=no_lifespan)) as customer:
        yield customer


async def test_a_key_acts_in_its_workspace_with_its_permissions(customer: Customer) -> None:
    key = await customer.api_key("contacts:read")
    answer = await customer.client.get("/v1/me", headers={"Authorization": f"Bearer {key}"})
    me = answer.json()
    assert (me["kind"], me["user"], me["permissions"]) == ("api_key", None, ["contacts:read"])
    assert me["workspace"]["id"] == str(customer.workspace_id)
    assert await as_machine(customer, key, "GET", "/v1/contacts") == 200
    assert await as_machine(customer, key, "POST", "/v1/contacts", json={}) == 403


async def test_the_secret_is_shown_once(customer: Customer) -> None:
    headers = {"Idempotency-Key": "k"}
    first = (await customer.client.post(KEYS, json={"name": "machine"}, headers=headers)).json()
    replayed = (await customer.client.post(KEYS, json={"name": "machine"}, headers=headers)).json()
    assert first["secret"].startswith("nx_test_")
    assert (replayed["secret"], replayed["key"]) == (None, first["key"])
    listed = await customer.client.get(KEYS)
    assert first["secret"] not in listed.text
    assert [item["id"] for item in listed.json()["items"]] == [first["key"]["id"]]


async def test_keys_are_listed_newest_first_page_by_page(customer: Customer) -> None:
    for number in range(5):
        await customer.api_key("contacts:read", name=f"machine {number}")
    found: list[str] = []
    params = {"limit": "2"}
    while True:
        page = (await customer.client.get(KEYS, params=params)).json()
        found += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert found == [f"machine {number}" for number in (4, 3, 2, 1, 0)]


async def test_a_revoked_key_works_no_more(customer: Customer) -> None:
    made = (await customer.client.post(KEYS, json={"name": "machine"})).json()
    assert await as_machine(customer, made["secret"], "GET", "/v1/me") == 200
    for _ in range(2):
        assert (await customer.client.delete(f"{KEYS}/{made['key']['id']}")).status_code == 204
    assert await as_machine(customer, made["secret"], "GET", "/v1/me") == 401
    [listed] = (await customer.client.get(KEYS)).json()["items"]
    assert listed["revoked_at"] is not None


async def test_another_companys_key_cannot_be_seen_or_ended(customer: Customer, application: ASGIApp) -> None:
    made = (await customer.client.post(KEYS, json={"name": "machine"})).json()
    async with customer_at(application) as stranger:
        assert (await stranger.client.get(KEYS)).json()["items"] == []
        answer = await stranger.client.delete(f"{KEYS}/{made['key']['id']}")
        assert (answer.status_code, answer.json()["code"]) == (404, "identity.api_key_not_found")
    assert await as_machine(customer, made["secret"], "GET", "/v1/me") == 200


async def test_a_key_ends_with_its_time(composition: Composition) -> None:
    clock = MovedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with deployed(composition, clock=clock) as customer:
        key = await customer.api_key("contacts:read", expires_at="2026-03-01T00:10:00Z")
        clock.move(timedelta(minutes=10, seconds=-1))
        assert await as_machine(customer, key, "GET", "/v1/me") == 200
        clock.move(timedelta(seconds=1))
        assert await as_machine(customer, key, "GET", "/v1/me") == 401


async def test_a_key_that_would_be_dead_from_the_start_is_refused(customer: Customer) -> None:
    answer = await customer.client.post(KEYS, json={"name": "machine", "expires_at": "2020-01-01T00:00:00Z"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/expires_at"
    made = (await customer.client.post(KEYS, json={"name": "machine"})).json()["key"]
    changed = await customer.client.patch(f"{KEYS}/{made['id']}", json={"expires_at": "2020-01-01T00:00:00Z"})
    assert (changed.status_code, changed.json()["errors"][0]["pointer"]) == (422, "/expires_at")


@pytest.mark.parametrize(("mode", "prefix"), [("sandbox", "nx_test_"), ("live", "nx_live_")])
async def test_a_key_works_in_its_own_mode_alone(composition: Composition, mode: str, prefix: str) -> None:
    async with deployed(composition, mode=mode) as customer:
        key = await customer.api_key("contacts:read")
        assert key.startswith(prefix)
        assert await as_machine(customer, key, "GET", "/v1/me") == 200
        respelled = key.replace("_test_", "_x_").replace("_live_", "_test_").replace("_x_", "_live_")
        assert await as_machine(customer, respelled, "GET", "/v1/me") == 401


@pytest.mark.parametrize("change", ["secret", "key", "workspace", "longer", "shorter", "upper", "newline"])
async def test_a_key_has_one_spelling(customer: Customer, change: str) -> None:
    key = await customer.api_key("contacts:read")
    other = new_id().hex
    respelled = {
        "secret": key[:-43] + "A" * 43,
        "key": key[:40] + other + key[72:],
        "workspace": key[:8] + other + key[40:],
        "longer": key + "A",
        "shorter": key[:-1],
        "upper": key[:8] + key[8:72].upper() + key[72:],
        "newline": key + "%0A",
    }[change]
    assert respelled != key
    assert await as_machine(customer, respelled, "GET", "/v1/me") == 401


async def test_what_nobody_can_hold_is_not_handed_out(customer: Customer) -> None:
    answer = await customer.client.post(KEYS, json={"name": "m", "permissions": ["anything:else", "contacts:read"]})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/permissions"]


async def test_a_machine_cannot_make_see_or_end_keys(customer: Customer) -> None:
    made = (await customer.client.post(KEYS, json={"name": "machine"})).json()
    key = made["secret"]
    assert await as_machine(customer, key, "POST", KEYS, json={"name": "more"}) == 403
    assert await as_machine(customer, key, "DELETE", f"{KEYS}/{made['key']['id']}") == 403
    assert await as_machine(customer, key, "GET", "/v1/me") == 200


async def test_a_key_does_not_sign_in(customer: Customer) -> None:
    key = await customer.api_key()
    for body in ({"email": customer.email, "password": key}, {"email": key, "password": key}):
        assert (await customer.client.post("/v1/auth/sign-in", json=body)).status_code in (401, 422)
    assert (await customer.client.post("/v1/auth/refresh", json={"refresh_token": key})).status_code == 401


@pytest.mark.parametrize(
    "permissions", [[], ["contacts"], ["contacts:read "], ["Contacts:read"], ["*:*"], ["a:b"], [1], ["x:y"] * 101, "contacts:read"]
)
async def test_what_is_no_permission_is_refused(customer: Customer, permissions: object) -> None:
    assert (await customer.client.post(KEYS, json={"name": "m", "permissions": permissions})).status_code == 422
