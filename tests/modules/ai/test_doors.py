"""The doors of ai: status codes, problems, idempotency, jobs and GraphQL, over the whole application."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from tests.customers import visitor_at
from tests.draining import drain
from tests.modules.ai.scripted import GRANTED_MICROS, MAIL, REFUSED, SCHEMA, SETTINGS, ScriptedModel, said, scripted

from nexusone.apps.compose import Composition
from nexusone.modules.ai.ports.text import TextModels
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing.service.grants import grant_alone

ASKING = {"kind": "text", "prompt": "Announce the lamp.", "locale": "de"}


@asynccontextmanager
async def no_lifespan() -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class House:
    """A process with a model of its own, and somebody who asks."""

    composition: Composition
    client: httpx2.AsyncClient

    async def member(self, *, has_credits: bool = True) -> Mapping[str, str]:
        """The headers of a new company."""
        answer = await self.client.post(
            "/v1/auth/sign-up",
            json={"email": f"{uuid4()}@example.com", "password": "a long enough passphrase", "name": "Ada", "workspace_name": "Engines"},
        )
        assert answer.status_code == 201, answer.text
        signed_in = answer.json()
        if has_credits:
            await self.grant(signed_in["workspace"]["id"])
        return {"Authorization": f"Bearer {signed_in['access_token']}"}

    async def grant(self, workspace_id: str) -> None:
        """Gives a company a thousand credits at once, without waiting for the job that does."""
        ctx = self.composition.runtime.system(UUID(workspace_id))
        await grant_alone(ctx, key="test", amount_micros=GRANTED_MICROS, source="sign_up")

    async def work(self) -> None:
        """Runs all due jobs."""
        await drain(self.composition)

    async def post(self, headers: Mapping[str, str], body: object = ASKING, *, prefer: str = "wait", key: str = "") -> httpx2.Response:
        sent = dict(headers)
        if prefer:
            sent["Prefer"] = prefer
        if key:
            sent["Idempotency-Key"] = key
        return await self.client.post("/v1/generations", json=body, headers=sent)

    async def get(self, headers: Mapping[str, str], path: str) -> Any:
        answer = await self.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def house_with(composition: Composition, model: ScriptedModel | None, settings: AiSettings = SETTINGS) -> AsyncIterator[House]:
    runtime = composition.runtime
    ports = dict(runtime.ports)
    if model is not None:
        ports[TextModels] = TextModels({"scripted": model})
    used = replace(composition, runtime=replace(runtime, ports=ports, settings={**runtime.settings, AiSettings: settings}))
    app = used.application(lifespan=no_lifespan)
    # From an address of its own: what one address may sign up in a minute is less than these tests together do.
    async with visitor_at(app) as client:
        yield House(used, client)


async def test_a_text_is_written_at_once(composition: Composition) -> None:
    async with house_with(composition, scripted(said(MAIL))) as house:
        member = await house.member()
        answer = await house.post(member, {**ASKING, "output_schema": SCHEMA})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["status"] == "succeeded"
        assert made["output"]["subject"] == "Licht"
        assert made["credits"] == "0.036"
        assert (made["provenance"]["generated"], made["provenance"]["model"], made["provenance"]["provider"]) == (
            True,
            "writer-1",
            "scripted",
        )
        assert len(made["provenance"]["prompt_sha256"]) == 64
        assert answer.headers["location"] == f"/v1/generations/{made['id']}"
        assert await house.get(member, answer.headers["location"]) == made
        assert (await house.get(member, "/v1/credits"))["held"] == "0"


async def test_a_text_shows_up_in_what_was_used(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        member = await house.member()
        answer = await house.post(member)
        assert (answer.status_code, answer.json()["asked_model"]) == (201, None)
        used = {meter["meter"]: meter["value"] for meter in (await house.get(member, "/v1/usage"))["meters"]}
        assert (used["ai.text_tokens"], used["ai.text_input_tokens"], used["ai.text_output_tokens"]) == (150, 100, 50)


async def test_a_long_text_answers_202_and_is_asked_for_later(composition: Composition) -> None:
    gate = asyncio.Event()
    async with house_with(composition, scripted(gate=gate), SETTINGS.model_copy(update={"wait_seconds": 0.05})) as house:
        member = await house.member()
        answer = await house.post(member)
        assert (answer.status_code, answer.json()["status"]) == (202, "running")
        gate.set()
        async with asyncio.timeout(10):
            while (await house.get(member, "/v1/credits"))["held"] != "0":  # noqa: ASYNC110 - a client can only ask
                await asyncio.sleep(0.01)
        assert (await house.get(member, answer.headers["location"]))["status"] == "succeeded"


async def test_a_wish_not_to_wait_is_granted_and_a_job_writes(composition: Composition) -> None:
    model = scripted()
    async with house_with(composition, model) as house:
        member = await house.member()
        answer = await house.post(member, prefer="respond-async; wait=0")
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        assert model.requests == []
        await house.work()
        made = await house.get(member, answer.headers["location"])
        assert (made["status"], made["output"]) == ("succeeded", "Die Lampe ist da.")


@pytest.mark.parametrize("prefer", ["respond-async", "wait"])
async def test_the_same_key_writes_once(composition: Composition, prefer: str) -> None:
    model, asking = scripted(), {**ASKING, "prompt": f"Announce the lamp of {uuid4()}."}
    async with house_with(composition, model) as house:
        member = await house.member()
        first, second = [await house.post(member, asking, prefer=prefer, key="a-key") for _ in range(2)]
        assert second.status_code == first.status_code
        assert second.json() == first.json()
        assert second.headers["idempotent-replayed"] == "true"
        if prefer == "respond-async":
            await house.work()
        # What others left in the queue may be written by this model as well.
        assert sum(asking["prompt"] in request.prompt for request in model.requests) == 1
        assert (await house.post(member, {**asking, "locale": "en"}, key="a-key")).status_code == 422
        assert len((await house.get(member, "/v1/generations"))["items"]) == 1


async def test_many_with_the_same_key_have_one_effect(composition: Composition) -> None:
    gate = asyncio.Event()
    model = scripted(gate=gate)
    async with house_with(composition, model) as house:
        member = await house.member()
        tasks = [asyncio.create_task(house.post(member, key="a-key")) for _ in range(10)]
        await model.asked.wait()
        running = await house.post(member, key="a-key")
        assert (running.status_code, running.json()["status"]) == (202, "running")
        gate.set()
        answers = await asyncio.gather(*tasks)
        assert {answer.status_code for answer in answers} <= {201, 202, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code < 300}) == 1
        assert len(model.requests) == 1
        ended = await house.post(member, key="a-key")
        assert (ended.status_code, ended.json()["status"]) == (201, "succeeded")


async def test_a_refusal_frees_the_key(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        member = await house.member(has_credits=False)
        refused = await house.post(member, key="a-key")
        assert (refused.status_code, refused.json()["code"]) == (402, "billing.insufficient_credits")
        assert (await house.get(member, "/v1/generations"))["items"] == []
        await house.grant((await house.get(member, "/v1/me"))["workspace"]["id"])
        assert (await house.post(member, key="a-key")).status_code == 201


async def test_a_failed_generation_is_told_with_its_reason(composition: Composition) -> None:
    async with house_with(composition, scripted(REFUSED)) as house:
        answer = await house.post(await house.member())
        assert answer.status_code == 201
        assert answer.json()["error"] == {"code": "vendor.refused_content", "detail": "not that"}
        assert answer.json()["credits"] == "0"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "music"}, ""),
        ({"prompt": "   "}, "/prompt"),
        ({"prompt": "x" * 20_001}, "/prompt"),
        ({"prompt": 5}, "/prompt"),
        ({"locale": "german!"}, "/locale"),
        ({"output_schema": "object"}, "/output_schema"),
        ({"output_schema": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/"}}}}, "/output_schema/properties/a/$ref"),
        ({"output_tokens_max": 1}, "/output_tokens_max"),
        ({"temperature": 1}, "/temperature"),
    ],
)
async def test_bad_input_is_told_where(composition: Composition, change: dict[str, object], pointer: str) -> None:
    model = scripted()
    async with house_with(composition, model) as house:
        answer = await house.post(await house.member(has_credits=False), {**ASKING, **change})
        assert answer.status_code == 422, answer.text
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]
        assert model.requests == []


async def test_an_unknown_model_and_no_model_at_all_are_problems(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        answer = await house.post(await house.member(), {**ASKING, "model": "nobody"})
        assert (answer.status_code, answer.json()["code"]) == (422, "ai.model_unknown")
        assert "nobody" in answer.json()["detail"]
    async with house_with(composition, None) as house:
        member = await house.member()
        answer = await house.post(member)
        assert (answer.status_code, answer.json()["code"]) == (503, "ai.no_text_model")
        assert (await house.client.get("/v1/models", headers=member)).status_code == 503


async def test_the_models_are_listed_with_their_prices_in_credits(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        (model,) = (await house.get(await house.member(), "/v1/models"))["items"]
        assert (model["name"], model["is_default"]) == ("writer-1", True)
        prices = {price["unit"]: (price["per"], price["credits"], price["when"]) for price in model["prices"]}
        assert prices == {"input_token": (1_000_000, "120", {}), "output_token": (1_000_000, "480", {})}


async def test_generations_are_paged_newest_first_and_belong_to_one_workspace(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        member, stranger = await house.member(), await house.member()
        ids = [(await house.post(member)).json()["id"] for _ in range(3)]
        page = await house.get(member, "/v1/generations?limit=2")
        rest = await house.get(member, f"/v1/generations?limit=2&cursor={page['next_cursor']}")
        assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]
        assert rest["next_cursor"] is None
        assert (await house.get(stranger, "/v1/generations"))["items"] == []
        answer = await house.client.get(f"/v1/generations/{ids[0]}", headers=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "ai.generation_not_found")


async def test_a_key_that_may_only_read_cannot_spend(composition: Composition) -> None:
    model = scripted()
    async with house_with(composition, model) as house:
        member = await house.member()
        made = await house.client.post("/v1/api-keys", json={"name": "reader", "permissions": ["generations:read"]}, headers=member)
        reader = {"Authorization": f"Bearer {made.json()['secret']}"}
        assert (await house.post(reader)).status_code == 403
        assert (await house.get(reader, "/v1/generations"))["items"] == []
        assert model.requests == []


async def test_generations_can_be_asked_for_by_graphql(composition: Composition) -> None:
    async with house_with(composition, scripted(said(MAIL))) as house:
        member, stranger = await house.member(), await house.member()
        ids = [(await house.post(member, {**ASKING, "output_schema": SCHEMA})).json()["id"] for _ in range(2)]

        async def ask(headers: Mapping[str, str], query: str) -> Any:
            return (await house.client.post("/graphql", json={"query": query}, headers=headers)).json()

        page = (await ask(member, "{ generations(limit: 1) { items { id output credits } next_cursor } }"))["data"]["generations"]
        assert page["items"] == [{"id": ids[1], "output": {"subject": "Licht", "body": "Unsere Lampe ist da."}, "credits": "0.036"}]
        query = f'{{ generations(limit: 1, cursor: "{page["next_cursor"]}") {{ items {{ id }} next_cursor }} }}'
        assert (await ask(member, query))["data"]["generations"] == {"items": [{"id": ids[0]}], "next_cursor": None}
        one = f'{{ generation(id: "{ids[0]}") {{ status generated error {{ code }} }} }}'
        assert (await ask(member, one))["data"]["generation"] == {"status": "succeeded", "generated": True, "error": None}
        assert (await ask(stranger, one))["errors"][0]["extensions"]["code"] == "ai.generation_not_found"
        assert "errors" in await ask(stranger, query)
        assert "errors" in await ask(member, "{ generations(limit: 1000) { next_cursor } }")
