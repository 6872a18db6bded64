"""The doors of content tasks: one language and many, waiting, repairs, refusals, repeated requests."""

import json
from typing import Any

import pytest
from tests.modules.ai.scripted import said, scripted
from tests.modules.ai.test_doors import House, house_with

from nexusone.apps.compose import Composition
from nexusone.modules.ai.domain.tasks.registry import TASKS

SMS = {"input": {"brief": "Our lamp is here."}, "locales": ["en"]}
GOOD = said(json.dumps({"sms_text": "The lamp is here."}))
LONG = said(json.dumps({"sms_text": "The lamp\u2026 " * 8}))


async def run(house: House, headers: Any, name: str, body: object, *, prefer: str = "wait", key: str = "") -> Any:
    sent = {**headers, **({"Prefer": prefer} if prefer else {}), **({"Idempotency-Key": key} if key else {})}
    return await house.client.post(f"/v1/content-tasks/{name}", json=body, headers=sent)


async def test_the_tasks_are_listed_with_their_schemas(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        found = (await house.get(await house.member(), "/v1/content-tasks"))["items"]
    assert [item["name"] for item in found] == list(TASKS)
    assert all(item["input_schema"]["properties"] and item["output_schema"]["required"] for item in found)


async def test_a_task_is_written_at_once_where_that_is_wished(composition: Composition) -> None:
    async with house_with(composition, scripted(GOOD)) as house:
        member = await house.member()
        answer = await run(house, member, "sms", SMS)
        assert answer.status_code == 201, answer.text
        (item,) = answer.json()["items"]
        assert (item["locale"], item["part"], item["generation"]["output"]) == ("en", None, {"sms_text": "The lamp is here."})
        assert await house.get(member, f"/v1/generations/{item['generation']['id']}") == item["generation"]


async def test_each_language_and_network_is_a_generation_of_its_own(composition: Composition) -> None:
    body = {"input": {"brief": "Our lamp is here.", "networks": ["x", "bluesky"]}, "locales": ["en", "de"]}
    model = scripted(said(json.dumps({"post_text": "Nova!", "hashtags": ["#Nova"]})))
    async with house_with(composition, model) as house:
        member = await house.member()
        answer = await run(house, member, "social_post", body)
        assert answer.status_code == 202, answer.text
        items = answer.json()["items"]
        assert [(item["locale"], item["part"]) for item in items] == [("en", "x"), ("en", "bluesky"), ("de", "x"), ("de", "bluesky")]
        await house.work()
        for item in items:
            made = await house.get(member, f"/v1/generations/{item['generation']['id']}")
            assert (made["status"], made["locale"]) == ("succeeded", item["locale"])
        assert len({request.instructions for request in model.requests if "Write a post for" in request.instructions}) == 4


async def test_an_answer_that_breaks_a_rule_is_asked_for_again_twice_and_then_fails(composition: Composition) -> None:
    async with house_with(composition, scripted(LONG, GOOD)) as house:
        made = (await run(house, await house.member(), "sms", SMS)).json()["items"][0]["generation"]
        assert (made["status"], made["usage"]["input_tokens"]) == ("succeeded", 200)
    model = scripted(LONG)
    async with house_with(composition, model) as house:
        made = (await run(house, await house.member(), "sms", SMS)).json()["items"][0]["generation"]
        assert (made["status"], made["error"]["code"], len(model.requests)) == ("failed", "ai.output_not_matching", 3)
        assert "sent as 2 parts" in made["error"]["detail"]
        assert "sent as 2 parts" in model.requests[1].prompt
        retried = await house.client.post(f"/v1/generations/{made['id']}/retry", headers=await house.member())
        assert retried.status_code == 404


async def test_a_failed_task_is_retried_as_the_same_task(composition: Composition) -> None:
    async with house_with(composition, scripted(LONG, LONG, LONG, LONG, GOOD)) as house:
        member = await house.member()
        made = (await run(house, member, "sms", SMS)).json()["items"][0]["generation"]
        retried = await house.client.post(f"/v1/generations/{made['id']}/retry", headers=member)
        assert retried.status_code == 202, retried.text
        await house.work()
        again = await house.get(member, f"/v1/generations/{retried.json()['id']}")
        assert (again["status"], again["output"]) == ("succeeded", {"sms_text": "The lamp is here."})


async def test_the_brands_forbidden_claims_are_kept_out(composition: Composition) -> None:
    claims = said(json.dumps({"sms_text": "The best lamp of all."}))
    async with house_with(composition, scripted(claims, GOOD)) as house:
        member = await house.member()
        voice = {"name": "House", "tone": "Plain.", "forbidden_claims": ["best lamp"], "is_default": True}
        assert (await house.client.post("/v1/brand-voices", json=voice, headers=member)).status_code == 201
        made = (await run(house, member, "sms", SMS)).json()["items"][0]["generation"]
        assert made["output"] == {"sms_text": "The lamp is here."}


async def test_lists_of_fallbacks_and_of_wishes_are_read(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        member = await house.member()
        asked = {"kind": "text", "prompt": "Announce the lamp.", "locale": "de", "fallbacks": ["writer-1"], "knowledge": []}
        answer = await house.client.post("/v1/generations/batch", json={"items": [asked, asked]}, headers=member)
        assert (answer.status_code, len(answer.json()["items"])) == (202, 2), answer.text
        assert (await run(house, member, "sms", {**SMS, "fallbacks": ["writer-1"], "knowledge": []}, prefer="")).status_code == 202


@pytest.mark.parametrize("prefer", ["", "wait"])
async def test_the_same_key_writes_once(composition: Composition, prefer: str) -> None:
    model = scripted(GOOD)
    async with house_with(composition, model) as house:
        member = await house.member()
        body = {**SMS, "input": {"brief": "Only once."}}
        first, second = [await run(house, member, "sms", body, prefer=prefer, key="a-key") for _ in range(2)]
        ids = [answer.json()["items"][0]["generation"]["id"] for answer in (first, second)]
        assert (ids[0] == ids[1], second.status_code) == (True, 202)
        await house.work()
        assert len([request for request in model.requests if "Only once." in request.prompt]) == 1


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("poem", SMS, 404, "ai.task_not_found"),
        ("sms", {**SMS, "input": {}}, 422, "ai.task_input_invalid"),
        ("sms", {**SMS, "input": {"brief": "x", "voice": "y"}}, 422, "ai.task_input_invalid"),
        ("sms", {**SMS, "locales": []}, 422, "request.unprocessable"),
        ("sms", {**SMS, "locales": ["de", "de"]}, 422, "request.unprocessable"),
        ("sms", {**SMS, "model": "nobody"}, 422, "ai.model_unknown"),
        ("sms", {**SMS, "brand_voice_id": "0198c0de-0000-7000-8000-000000000001"}, 404, "ai.brand_voice_not_found"),
        ("rewrite_to_brand_voice", {"input": {"text": "Hello"}, "locales": ["en"]}, 404, "ai.brand_voice_not_found"),
        (
            "social_post",
            {"input": {"brief": "x", "networks": ["x", "bluesky", "threads", "reddit", "tiktok", "facebook"]}, "locales": []},
            422,
            "request.unprocessable",
        ),
    ],
)
async def test_bad_input_is_refused_and_nothing_is_asked(
    composition: Composition, name: str, body: dict[str, Any], status: int, code: str
) -> None:
    model = scripted()
    async with house_with(composition, model) as house:
        answer = await run(house, await house.member(), name, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert model.requests == []


async def test_without_credits_it_is_refused_as_a_whole(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        answer = await run(house, await house.member(has_credits=False), "sms", {**SMS, "locales": ["en", "de"]}, prefer="")
        assert (answer.status_code, answer.json()["code"]) == (402, "billing.insufficient_credits")
