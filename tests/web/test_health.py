"""Alive, ready, measured, documented: and in live mode nobody reads metrics or documents who should not."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2
import pytest
from pydantic_settings import BaseSettings
from tests.conftest import TestDatabase
from tests.customers import Customer, no_lifespan, visitor_at
from tests.faults.proxy import proxy_before

from nexusone.apps.compose import Composition
from nexusone.platform.database import Database
from nexusone.platform.settings import PlatformSettings


@asynccontextmanager
async def visiting(composition: Composition, *, database: Database | None = None, **changed: object) -> AsyncIterator[httpx2.AsyncClient]:
    settings = composition.runtime.setting(PlatformSettings).model_copy(update=changed)
    values: dict[type[BaseSettings], BaseSettings] = {**composition.runtime.settings, PlatformSettings: settings}
    runtime = replace(composition.runtime, settings=values, database=database or composition.runtime.database)
    async with visitor_at(replace(composition, runtime=runtime).application(only=["identity"], lifespan=no_lifespan)) as client:
        yield client


async def test_a_process_is_alive_and_ready(visitor: httpx2.AsyncClient) -> None:
    for path in ("/livez", "/readyz"):
        answer = await visitor.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_its_database_a_process_is_alive_but_not_ready(composition: Composition, database: TestDatabase) -> None:
    async with proxy_before(database.url) as proxy:
        pool = Database(proxy.url, connections_max=2)
        await pool.open()
        try:
            async with visiting(composition, database=pool) as client:
                assert (await client.get("/readyz")).status_code == 200
                proxy.freeze()
                began = time.monotonic()
                answer = await client.get("/readyz")
                assert time.monotonic() - began < 5
                assert (answer.status_code, answer.json()["code"]) == (503, "service.not_ready")
                assert "Retry-After" in answer.headers
                assert (await client.get("/livez")).status_code == 200
                proxy.thaw()
                assert (await client.get("/readyz")).status_code == 200
        finally:
            proxy.thaw()
            await pool.close()


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_lost_answer_to_commit_is_told_and_the_retry_finds_out(composition: Composition, database: TestDatabase, lost: int) -> None:
    async with proxy_before(database.url) as proxy:
        pool = Database(proxy.url, connections_max=4)
        await pool.open()
        try:
            async with visiting(composition, database=pool) as client:
                wanted = {"email": f"lost-{lost}@example.com", "password": "a long enough passphrase", "name": "Ada", "workspace_name": "E"}
                signed = await client.post("/v1/auth/sign-up", json=wanted)
                headers = {"Authorization": f"Bearer {signed.json()['access_token']}", "Idempotency-Key": "k"}
                await client.get("/v1/me", headers=headers)
                # The first commit takes the key, the second is the effect's.
                proxy.loses_answer_to, proxy.spared = b"commit\0", lost
                first = await client.post("/v1/api-keys", json={"name": "lost"}, headers=headers)
                assert proxy.struck == 1
                assert first.status_code == (201, 503)[lost]
                again = await client.post("/v1/api-keys", json={"name": "lost"}, headers=headers)
                listed = await client.get("/v1/api-keys", headers=headers)
                assert again.status_code == 201
                assert len(listed.json()["items"]) == 1
        finally:
            await pool.close()


async def test_metrics_are_open_in_the_sandbox(visitor: httpx2.AsyncClient) -> None:
    answer = await visitor.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


async def test_requests_are_measured_by_route_not_by_path(composition: Composition, customer: Customer) -> None:
    await customer.client.delete("/v1/api-keys/0198c0de-0000-7000-8000-00000000abcd")
    text = composition.metrics.render().decode()
    assert "/v1/api-keys/{key_id}" in text
    assert "00000000abcd" not in text


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}])
@pytest.mark.parametrize("token", [None, "right"])
async def test_metrics_are_hidden_in_live_mode(composition: Composition, token: str | None, given: dict[str, str]) -> None:
    async with visiting(composition, mode="live", metrics_token=token) as client:
        answer = await client.get("/metrics", headers=given)
        assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")


async def test_metrics_are_shown_to_who_has_the_token(composition: Composition) -> None:
    async with visiting(composition, mode="live", metrics_token="right") as client:
        assert (await client.get("/metrics", headers={"Authorization": "Bearer right"})).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/docs/oauth2-redirect"])
async def test_documents_are_hidden_in_live_mode(composition: Composition, path: str) -> None:
    async with visiting(composition, mode="live") as client:
        assert (await client.get(path)).status_code == 404


async def test_documents_are_open_in_the_sandbox(visitor: httpx2.AsyncClient) -> None:
    assert (await visitor.get("/openapi.json")).json()["openapi"].startswith("3.1")
    assert (await visitor.get("/docs")).status_code == 200
