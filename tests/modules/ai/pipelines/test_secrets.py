"""Secrets of pipelines over the doors: a real server sees the value in a header, and nothing else ever does."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import structlog
from aiohttp import web
from psycopg import sql as psql
from tests.architecture.catalog_rules import RELATIONS
from tests.conftest import TestDatabase
from tests.customers import Customer, customer_at, no_lifespan
from tests.fresh_database import fresh_database

from nexusone.apps.compose import Composition, composed
from nexusone.kernel.ids import new_id
from nexusone.platform.addresses import sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys

CANARY = "canary-4711-s3cret/value+of=the.house"
OTHER = "canary-0815-s3cret/value+of=another"
TABLES = f"select n.nspname, c.relname from {RELATIONS} where c.relkind in ('r', 'p') order by 1, 2"


@dataclass
class Server:
    """A server on a real socket: what it was asked, and where it sends who asks for /away."""

    origin: str = ""
    elsewhere: str = ""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, {name.lower(): value for name, value in request.headers.items()}))
        if request.path == "/away":
            return web.Response(status=307, headers={"Location": f"{self.elsewhere}/caught"})
        return web.json_response({"taken": True})

    @property
    def values(self) -> list[str]:
        """Every Authorization it saw."""
        return [headers["authorization"] for _, headers in self.seen]


@asynccontextmanager
async def served() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


@dataclass
class House:
    """A company, its process, and the server that its pipelines call."""

    composition: Composition
    customer: Customer
    server: Server

    @property
    def client(self) -> httpx2.AsyncClient:
        return self.customer.client

    async def put(self, value: str, *, name: str = "crm_token") -> dict[str, Any]:
        answer = await self.client.put(f"/v1/pipeline-secrets/{name}", json={"value": value})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def pipeline(self, **step: Any) -> str:
        """A pipeline of one call, not published yet."""
        definition = {"inputs": {"brief": {"is_required": False}}, "steps": [self.step(**step)]}
        made = await self.client.post("/v1/pipelines", json={"name": "Hand-over", "definition": definition})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def step(self, **fields: Any) -> dict[str, Any]:
        headers = {"Authorization": "Bearer {{ secrets.crm_token }}"}
        return {"id": "tell", "kind": "http", "method": "POST", "url": f"{self.server.origin}/take", "headers": headers, **fields}

    async def publish(self, pipeline_id: str) -> httpx2.Response:
        return await self.client.post(f"/v1/pipelines/{pipeline_id}/publish", json={})

    async def run(self, pipeline_id: str, **wanted: Any) -> dict[str, Any]:
        key = {"Idempotency-Key": str(new_id())}
        answer = await self.client.post(f"/v1/pipelines/{pipeline_id}/runs", json=wanted, headers=key)
        assert answer.status_code == 202, answer.text
        await self.composition.worker(only=["ai", "billing", "identity"]).drain()
        run: dict[str, Any] = (await self.client.get(f"/v1/pipeline-runs/{answer.json()['id']}")).json()
        return run

    async def published(self, **step: Any) -> str:
        pipeline_id = await self.pipeline(**step)
        answer = await self.publish(pipeline_id)
        assert answer.status_code == 200, answer.text
        return pipeline_id


@asynccontextmanager
async def house_of(composition: Composition) -> AsyncIterator[House]:
    async with served() as server, served() as elsewhere:
        server.elsewhere = elsewhere.origin
        http = OutgoingHttp(sandbox_reach(server.origin, elsewhere.origin))
        ports = {**composition.runtime.ports, OutgoingHttp: http}
        used = replace(composition, runtime=replace(composition.runtime, ports=ports))
        try:
            async with customer_at(used.application(lifespan=no_lifespan)) as customer:
                await used.worker(only=["identity", "billing"]).drain()
                yield House(used, customer, server)
                assert elsewhere.seen == []
        finally:
            await http.close()


@pytest.fixture
async def house(composition: Composition) -> AsyncIterator[House]:
    async with house_of(composition) as made:
        yield made


def everything(admin_url: str) -> Iterator[str]:
    """Every row of every table, as text."""
    with psycopg.connect(admin_url) as admin:
        for schema, table in admin.execute(TABLES).fetchall():
            for (line,) in admin.execute(psql.SQL("select t::text from {} as t").format(psql.Identifier(schema, table))):
                yield str(line)


async def test_dat_05_dat_07_dat_11_a_secret_is_in_the_call_and_nowhere_else(
    house: House, database: TestDatabase, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = []
    with structlog.testing.capture_logs() as lines:
        answers.append(str(await house.put(CANARY)))
        pipeline_id = await house.published()
        run = await house.run(pipeline_id)
        assert (run["status"], house.server.values) == ("succeeded", [f"Bearer {CANARY}"])
        refused = await house.run(await house.published(url=f"{house.server.origin}/away"))
        assert (refused["status"], refused["steps"][0]["error"]["code"]) == ("failed", "ai.pipeline_http_refused")
        await house.run(await house.published(url="http://127.0.0.1:1/"))
        for path in ("pipeline-secrets", "pipelines", f"pipelines/{pipeline_id}", f"pipeline-runs/{run['id']}", "audit"):
            answers.append((await house.client.get(f"/v1/{path}")).text)
        query = f'{{ pipeline(id: "{pipeline_id}") {{ definition }} pipeline_run(id: "{run["id"]}") {{ steps }} }}'
        answers.append((await house.client.post("/graphql", json={"query": query})).text)
        answers += [str(run), str(refused)]
    assert "{{ secrets.crm_token }}" in answers[3]
    written = capfd.readouterr()
    rows = list(everything(database.admin_url))
    assert any("Hand-over" in row for row in rows)
    for text in (*answers, str(lines), written.out, written.err, *rows):
        assert CANARY not in text
        assert CANARY.encode().hex() not in text


async def test_a_secret_is_listed_without_its_value_and_replaced_from_the_next_call_on(house: House) -> None:
    first = await house.put(CANARY)
    assert (first["name"], first["version"], first["last_used_at"]) == ("crm_token", 1, None)
    pipeline_id = await house.published()
    await house.run(pipeline_id)
    assert (await house.put(OTHER))["version"] == 2
    await house.run(pipeline_id)
    assert house.server.values == [f"Bearer {CANARY}", f"Bearer {OTHER}"]
    (listed,) = (await house.client.get("/v1/pipeline-secrets")).json()["items"]
    assert listed["last_used_at"] is not None
    assert listed["created_by"] == listed["updated_by"]
    assert set(listed) == {"name", "version", "created_by", "created_at", "updated_by", "updated_at", "last_used_at"}
    assert (await house.client.get("/v1/pipeline-secrets/crm_token")).status_code == 405


async def test_a_redirect_carries_nothing_anywhere(house: House) -> None:
    await house.put(CANARY)
    run = await house.run(await house.published(url=f"{house.server.origin}/away"))
    assert run["steps"][0]["error"]["detail"] == "the answer has the status 307"
    assert [path for path, _ in house.server.seen] == ["/away"]


async def test_a_secret_is_kept_while_something_published_names_it(house: House) -> None:
    await house.put(CANARY)
    pipeline_id = await house.published()
    kept = await house.client.delete("/v1/pipeline-secrets/crm_token")
    assert (kept.status_code, kept.json()["code"]) == (409, "ai.pipeline_secret_in_use")
    assert "Hand-over" in kept.json()["detail"]
    await house.client.patch(f"/v1/pipelines/{pipeline_id}", json={"definition": {"steps": [house.step(headers={})]}})
    assert (await house.client.delete("/v1/pipeline-secrets/crm_token")).status_code == 409
    await house.publish(pipeline_id)
    assert (await house.client.delete("/v1/pipeline-secrets/crm_token")).status_code == 204
    gone = await house.client.delete("/v1/pipeline-secrets/crm_token")
    assert (gone.status_code, gone.json()["code"]) == (404, "ai.pipeline_secret_not_found")
    again = await house.client.post(f"/v1/pipelines/{pipeline_id}/publish", json={"version": 1})
    assert (again.status_code, again.json()["code"]) == (422, "ai.pipeline_faulty")


async def test_what_names_a_secret_that_is_not_there_is_not_published_and_a_run_of_it_calls_nobody(house: House) -> None:
    pipeline_id = await house.pipeline(attempts=3)
    refused = await house.publish(pipeline_id)
    assert (refused.status_code, refused.json()["code"]) == (422, "ai.pipeline_faulty")
    (fault,) = refused.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/definition/steps/0/headers/Authorization", "pipeline.secret_missing")
    assert fault["detail"] == "step tell: no secret is called crm_token"
    run = await house.run(pipeline_id, version=1)
    (step,) = run["steps"]
    assert (run["status"], step["error"]["code"], step["attempts"]) == ("failed", "ai.pipeline_secret_missing", 1)
    assert house.server.seen == []
    await house.put(CANARY)
    await house.client.post(f"/v1/pipeline-runs/{run['id']}/retry", json={}, headers={"Idempotency-Key": str(new_id())})
    await house.composition.worker(only=["ai"]).drain()
    assert house.server.values == [f"Bearer {CANARY}"]


async def test_authz_04_a_secret_of_the_same_name_in_another_workspace_is_not_used(house: House) -> None:
    async with customer_at(house.composition.application(lifespan=no_lifespan)) as customer:
        other = House(house.composition, customer, house.server)
        await other.put(OTHER)
        run = await house.run(await house.pipeline(), version=1)
        assert run["steps"][0]["error"]["code"] == "ai.pipeline_secret_missing"
        assert (await house.client.get("/v1/pipeline-secrets")).json()["items"] == []
        await house.put(CANARY)
        await house.run(await house.published())
        await other.run(await other.published())
    assert house.server.values == [f"Bearer {CANARY}", f"Bearer {OTHER}"]


async def test_what_a_run_is_given_puts_no_secret_anywhere(house: House) -> None:
    await house.put(CANARY)
    await house.put(OTHER, name="other")
    headers = {"Authorization": "Bearer {{ secrets.crm_token }}", "X-Note": "{{ inputs.brief }}"}
    run = await house.run(await house.published(headers=headers), inputs={"brief": "{{ secrets.other }}"})
    assert run["status"] == "succeeded"
    ((_, seen),) = house.server.seen
    assert (seen["authorization"], seen["x-note"]) == (f"Bearer {CANARY}", "{{ secrets.other }}")


@pytest.mark.parametrize("value", ["", " padded ", f"{CANARY}\r\nX-Injected: 1", "ümlaut", "x" * 4_001])
async def test_a_value_that_no_header_can_hold_is_refused_and_not_said_back(house: House, value: str) -> None:
    answer = await house.client.put("/v1/pipeline-secrets/crm_token", json={"value": value})
    assert answer.status_code == 422
    assert CANARY not in answer.text


async def test_a_workspace_has_a_bounded_number_of_secrets(house: House) -> None:
    for number in range(100):
        await house.put("x", name=f"s{number}")
    full = await house.client.put("/v1/pipeline-secrets/one_more", json={"value": "x"})
    assert (full.status_code, full.json()["code"]) == (409, "ai.pipeline_secrets_full")
    assert (await house.put("y", name="s0"))["version"] == 2


async def test_keys_for_machines_and_those_who_only_read_put_no_secret(house: House) -> None:
    key = await house.customer.api_key()
    machine = {"Authorization": f"Bearer {key}"}
    answer = await house.client.put("/v1/pipeline-secrets/crm_token", json={"value": CANARY}, headers=machine)
    assert answer.status_code == 403


async def test_dat_08_secrets_stay_readable_when_the_master_key_was_rotated_and_retired(
    postgres: EmbeddedPostgres, database: TestDatabase, keys: MasterKeys
) -> None:
    with fresh_database(postgres) as own, tempfile.TemporaryDirectory() as folder:
        settings = PlatformSettings(data=Path(folder), database_connections=4)
        async with composed(settings, url=own.url, keys=keys, ports={}) as composition, house_of(composition) as house:
            await house.put(CANARY)
            pipeline_id = await house.published()
            vault = composition.runtime.vault
            vault.use(vault.keys.with_key("k_next").with_primary("k_next"))
            assert [step.broken async for step in vault.rewrap_all()][-1] == 0
            left = await vault.retire(keys.primary_id)
            vault.forget(house.customer.workspace_id)
            assert left.ids == ("k_next",)
            signed_in = {"email": house.customer.email, "password": house.customer.password}
            session = (await house.client.post("/v1/auth/sign-in", json=signed_in)).json()
            house.client.headers["Authorization"] = f"Bearer {session['access_token']}"
            await house.run(pipeline_id)
        assert house.server.values == [f"Bearer {CANARY}"]
