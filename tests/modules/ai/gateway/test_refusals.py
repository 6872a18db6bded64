"""What goes wrong is told as the wire tells it, so that the official SDK raises the class that its users know."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from tests.modules.ai.gateway_house import ASKED, PAINTER, PLACER, SETTINGS, WRITER, House, open_house, plain

from nexusone.apps.compose import Composition
from nexusone.modules.billing import api as billing

ASKING: dict[str, Any] = {"model": WRITER, "messages": ASKED}


@pytest.fixture
async def house(composition: Composition) -> AsyncIterator[House]:
    async with open_house(composition) as made:
        yield made


async def nothing_was_spent(house: House) -> None:
    balance = await house.until_settled()
    assert (balance.spent_micros, balance.available_micros) == (0, balance.granted_micros)


async def test_an_unknown_key_is_an_authentication_error(house: House) -> None:
    async with house.client(key="nx_nobody") as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.chat.completions.create(**ASKING)
    assert refused.value.code == "invalid_api_key"
    assert refused.value.type == "authentication_error"


async def test_a_key_that_may_not_is_denied(house: House) -> None:
    key = await house.customer.api_key("generations:read")
    async with house.client(key=key) as client:
        assert (await client.models.list()).data
        with pytest.raises(openai.PermissionDeniedError):
            await client.chat.completions.create(**ASKING)


@pytest.mark.parametrize("name", ["nobody", "gpt-5.5-pro"])
async def test_an_unknown_or_unpriced_model_is_not_found(house: House, name: str) -> None:
    async with house.client() as client:
        with pytest.raises(openai.NotFoundError) as refused:
            await client.chat.completions.create(model=name, messages=ASKING["messages"])
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    assert name in refused.value.message
    assert (await house.vendor.log())["count"] == 0
    await nothing_was_spent(house)


async def test_a_model_of_another_kind_is_not_found(house: House) -> None:
    async with house.client() as client:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model=PLACER, messages=ASKING["messages"])


async def test_what_credits_do_not_cover_is_an_exhausted_quota(composition: Composition) -> None:
    async with open_house(composition, granted_micros=1) as house, house.client() as client:
        with pytest.raises(openai.RateLimitError) as refused:
            await client.chat.completions.create(**ASKING)
        assert refused.value.code == refused.value.type == "insufficient_quota"
        assert refused.value.response.headers["x-should-retry"] == "false"
        assert await house.generations() == []
        await nothing_was_spent(house)


@pytest.mark.parametrize(
    ("changed", "param", "reason"),
    [
        ({"max_tokens": "many"}, "max_tokens", "invalid_type"),
        ({"max_completion_tokens": 10**9}, "max_completion_tokens", "integer_above_max_value"),
        ({"n": 0}, "n", "invalid_value"),
        ({"messages": []}, "messages", "missing_required_parameter"),
        ({"store": True}, "store", "unsupported_parameter"),
        ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
        ({"service_tier": "priority"}, "service_tier", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]", "unsupported_parameter"),
        ({"stream": "yes"}, "stream", "invalid_type"),
    ],
)
async def test_what_cannot_be_answered_for_is_a_bad_request(house: House, changed: dict[str, Any], param: str, reason: str) -> None:
    async with house.client() as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.post("/chat/completions", body={**ASKING, **changed}, cast_to=object)
    assert (refused.value.param, refused.value.code) == (param, reason)
    assert (await house.vendor.log())["count"] == 0
    await nothing_was_spent(house)


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt", "background", "store"])
async def test_nothing_is_reached_that_the_vendor_keeps_for_others(house: House, name: str) -> None:
    async with house.client() as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.post("/responses", body={"model": WRITER, "input": "x", name: "resp_of_somebody"}, cast_to=object)
    assert refused.value.param == name
    assert (await house.vendor.log())["count"] == 0


async def test_a_file_of_somebody_is_not_reached(house: House) -> None:
    asked = [{"role": "user", "content": [{"type": "input_file", "file_id": "file-of-somebody"}]}]
    async with house.client() as client:
        with pytest.raises(openai.BadRequestError):
            await client.post("/responses", body={"model": WRITER, "input": asked}, cast_to=object)


async def test_a_picture_without_a_price_is_a_bad_request(house: House) -> None:
    async with house.client() as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.post("/images/generations", body={"model": PAINTER, "prompt": "x", "size": "8x8"}, cast_to=object)
    assert refused.value.param == "size"


async def test_what_the_vendor_finds_fault_with_comes_back_as_it_said(house: House) -> None:
    async with house.client() as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(**ASKING, extra_body={"no_such_thing": 1})
    assert refused.value.code == "unknown_parameter"
    assert "no_such_thing" in refused.value.message
    assert (await house.until_ended())["status"] == "failed"
    await nothing_was_spent(house)


@pytest.mark.parametrize(
    ("mode", "kind"), [("rate_limit", openai.RateLimitError), ("server_error", openai.InternalServerError)], ids=["busy", "down"]
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_vendor_that_cannot_says_when_to_come_back(
    house: House, mode: str, kind: type[openai.APIStatusError], *, is_stream: bool
) -> None:
    await house.vendor.spoil(mode)
    async with house.client() as client:
        with pytest.raises(kind) as refused:
            await client.chat.completions.create(**ASKING, stream=is_stream)
    assert int(refused.value.response.headers["retry-after"]) >= 1
    await nothing_was_spent(house)


@pytest.mark.parametrize("mode", ["lost_answer", "garbage", "reset"])
async def test_a_lost_answer_is_unknown_stays_held_and_is_not_repeated(house: House, mode: str) -> None:
    await house.vendor.spoil(mode)
    async with house.client() as client:
        with pytest.raises(openai.InternalServerError) as refused:
            await client.with_options(max_retries=2).chat.completions.create(**ASKING)
    assert refused.value.status_code == 503
    assert (await house.vendor.log())["count"] == 1
    assert (await house.until_ended())["status"] == "unknown"
    assert (await billing.get_balance(house.ctx)).held_micros > 0


async def test_a_body_that_is_too_large_and_one_that_is_no_json(house: House) -> None:
    async with plain(house) as client:
        large = await client.post("/chat/completions", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
        broken = await client.post("/chat/completions", content=b"{", headers={"Content-Type": "application/json"})
        nowhere = await client.get("/nowhere")
        wrong = await client.get("/chat/completions")
    told = [(answer.status_code, answer.json()["error"]["code"]) for answer in (large, broken, nowhere)]
    assert told == [(413, "request_too_large"), (400, "request.invalid"), (404, "request.not_found")]
    assert wrong.status_code == 405
    assert all(answer.headers["content-type"] == "application/json" for answer in (large, broken, nowhere, wrong))


async def test_so_many_at_once_are_told_to_wait(composition: Composition) -> None:
    settings = replace_settings(gateway_running_max=1)
    async with open_house(composition, settings=settings) as house, house.client() as client:
        await house.vendor.spoil("slow", delay_seconds=3.0)
        first = asyncio.create_task(client.chat.completions.create(**ASKING))
        async with asyncio.timeout(30):
            while (await house.vendor.log())["count"] == 0:  # noqa: ASYNC110 - the vendor is another process in earnest
                await asyncio.sleep(0.01)
        with pytest.raises(openai.RateLimitError) as refused:
            await client.chat.completions.create(**ASKING)
        assert refused.value.response.headers["retry-after"] == "1"
        assert (await first).choices
        assert (await client.chat.completions.create(**ASKING)).choices
        await house.until_settled()


async def test_what_the_policy_refuses_is_not_passed_on(composition: Composition) -> None:
    async with open_house(composition, settings=replace_settings(moderation="refuse")) as house, house.client() as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model=WRITER, messages=[{"role": "user", "content": "Write: you idiot, you moron"}])
        assert refused.value.code == "content_policy_violation"
        made = await house.until_ended()
        assert (made["status"], made["error"]["code"]) == ("failed", "ai.refused_by_moderation")
        await nothing_was_spent(house)
        stream: Any = await client.chat.completions.create(**ASKING, stream=True)
        assert [chunk async for chunk in stream]


async def test_what_the_policy_only_marks_is_marked_afterwards(composition: Composition) -> None:
    async with open_house(composition, settings=replace_settings(moderation="flag")) as house, house.client() as client:
        await client.chat.completions.create(**ASKING)
        await house.until_settled()
        async with asyncio.timeout(5):
            while (safety := (await house.until_ended())["safety"]) is None:  # noqa: ASYNC110 - the change is in the database
                await asyncio.sleep(0.01)
        assert (safety["policy"], safety["is_flagged"]) == ("flag", False)


def replace_settings(**changes: object) -> Any:
    return SETTINGS.model_copy(update=changes)
