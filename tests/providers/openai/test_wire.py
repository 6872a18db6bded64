"""The simulator against the vendor's own SDK and contract."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from tests.providers.openai.contract import hold_to_contract
from tests.providers.openai.serving import Exchange, Recorder, served

from nexusone.kernel.clock import SystemClock
from nexusone.providers.openai.simulator import build_app

MODEL = "gpt-5.6-terra"
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"subject": {"type": "string"}, "mjml": {"type": "string"}},
    "required": ["subject", "mjml"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Desk:
    address: str
    sdk: AsyncOpenAI
    exchanges: list[Exchange]

    async def post(self, path: str, body: object, *, key: str | None = "sk-test") -> tuple[int, Mapping[str, str], dict[str, object]]:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with aiohttp.ClientSession() as session, session.post(f"{self.address}{path}", json=body, headers=headers) as answer:
            return answer.status, answer.headers, await answer.json()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    recorder = Recorder(build_app(clock=SystemClock()))
    async with served(recorder) as address:
        sdk = AsyncOpenAI(
            api_key="sk-test", base_url=f"{address}/v1", max_retries=0, http_client=openai.DefaultAsyncHttpxClient(trust_env=False)
        )
        yield Desk(address, sdk, recorder.exchanges)
        await sdk.close()
    hold_to_contract(recorder.exchanges, is_refused_request_checked=False)


async def test_a_response_has_the_vendors_shape(desk: Desk) -> None:
    answer = await desk.sdk.responses.create(model=MODEL, input="Write a mail about tea", instructions="Be kind", metadata={"a": "b"})
    assert answer.status == "completed"
    assert "tea" in answer.output_text
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.id.startswith("resp_")
    assert answer.metadata == {"a": "b"}


async def test_the_same_request_gets_the_same_words_and_another_request_other_words(desk: Desk) -> None:
    asked = [await desk.sdk.responses.create(model=MODEL, input=f"Write a mail about {what}") for what in ("tea", "tea", "coffee")]
    assert asked[0].output_text == asked[1].output_text
    assert asked[0].output_text.replace("tea", "coffee") != asked[2].output_text
    assert len({answer.id for answer in asked}) == 3


async def test_a_response_is_streamed_in_the_vendors_order(desk: Desk) -> None:
    stream = await desk.sdk.responses.create(model=MODEL, input="Write a mail about tea", stream=True)
    events = [event async for event in stream]
    kinds = [event.type for event in events]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "".join(deltas)


async def test_a_streamed_response_that_hits_the_limit_ends_incomplete(desk: Desk) -> None:
    stream = await desk.sdk.responses.create(model=MODEL, input="Write a mail about tea", stream=True, max_output_tokens=16)
    last = [event async for event in stream][-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"


async def test_the_sdks_stream_reader_follows_the_stream(desk: Desk) -> None:
    async with desk.sdk.responses.stream(model=MODEL, input="Write a mail about tea") as stream:
        final = await stream.get_final_response()
    assert "tea" in final.output_text


async def test_a_schema_is_followed_on_both_wires(desk: Desk) -> None:
    prompt = "Newsletter about Solar Lamp, https://lamp.example/new"
    answer = await desk.sdk.responses.create(
        model=MODEL, input=prompt, text={"format": {"type": "json_schema", "name": "mail", "schema": SCHEMA, "strict": True}}
    )
    completion = await desk.sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": prompt}],
        response_format={"type": "json_schema", "json_schema": {"name": "mail", "schema": SCHEMA, "strict": True}},
    )
    for text in (answer.output_text, completion.choices[0].message.content or ""):
        made = json.loads(text)
        assert set(made) == {"subject", "mjml"}
        assert 'href="https://lamp.example/new"' in made["mjml"]


async def test_a_json_object_must_be_named_in_the_request(desk: Desk) -> None:
    answer = await desk.sdk.responses.create(model=MODEL, input="Mail about tea as JSON", text={"format": {"type": "json_object"}})
    assert isinstance(json.loads(answer.output_text), dict)
    with pytest.raises(openai.BadRequestError, match="json"):
        await desk.sdk.responses.create(model=MODEL, input="Mail about tea", text={"format": {"type": "json_object"}})


async def test_messages_of_all_roles_and_parts_are_read(desk: Desk) -> None:
    answer = await desk.sdk.responses.create(
        model=MODEL,
        input=[
            {"role": "developer", "content": "Write in German."},
            {"role": "user", "content": [{"type": "input_text", "text": "A mail about Solar Lamp"}]},
        ],
    )
    assert "Solar Lamp" in answer.output_text
    assert " und " in answer.output_text


async def test_a_chat_completion_has_the_vendors_shape(desk: Desk) -> None:
    completion = await desk.sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "system", "content": "Write in French."}, {"role": "user", "content": "Write a mail about Solar Lamp"}],
        max_completion_tokens=900,
    )
    assert completion.choices[0].finish_reason == "stop"
    assert "vous" in (completion.choices[0].message.content or "")
    assert completion.usage is not None


@pytest.mark.parametrize("includes_usage", [True, False])
async def test_a_chat_completion_is_streamed_with_usage_only_where_asked(desk: Desk, includes_usage: bool) -> None:
    stream = await desk.sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Write a mail about tea"}],
        stream=True,
        stream_options={"include_usage": includes_usage},
    )
    chunks = [chunk async for chunk in stream]
    usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "tea" in text
    assert len(usages) == int(includes_usage)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


async def test_the_models_are_listed_and_found_by_name(desk: Desk) -> None:
    names = [model.id async for model in desk.sdk.models.list()]
    assert MODEL in names
    assert (await desk.sdk.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError):
        await desk.sdk.models.retrieve("gpt-0")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"model": None}, 400, "missing_required_parameter"),
        ({"input": None}, 400, "missing_required_parameter"),
        ({"colour": "red"}, 400, "unknown_parameter"),
        ({"model": "gpt-0"}, 404, "model_not_found"),
        ({"model": 5}, 400, "invalid_type"),
        ({"stream": "yes"}, 400, "invalid_type"),
        ({"input": 7}, 400, "invalid_type"),
        ({"max_output_tokens": 3}, 400, "integer_below_min_value"),
        ({"max_output_tokens": "many"}, 400, "invalid_type"),
        ({"safety_identifier": "x" * 65}, 400, "string_above_max_length"),
        ({"text": {"format": {"type": "xml"}}}, 400, "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, 400, "missing_required_parameter"),
        ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}}, 400, "invalid_value"),
        (
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}}},
            400,
            "invalid_json_schema",
        ),
        ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {"$ref": "#/$defs/gone"}}}}, 400, "invalid_json_schema"),
        ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {"$ref": "#"}}}}, 400, "invalid_json_schema"),
    ],
)
async def test_a_wrong_request_is_refused_as_the_vendor_does(desk: Desk, changes: dict[str, object], status: int, code: str) -> None:
    body: dict[str, object] = {"model": MODEL, "input": "Hello", **changes}
    got, _, answer = await desk.post("/v1/responses", {name: value for name, value in body.items() if value is not None})
    error = answer["error"]
    assert isinstance(error, dict)
    assert (got, error["code"]) == (status, code)


@pytest.mark.parametrize(("key", "code"), [(None, None), ("nope", "invalid_api_key")])
async def test_a_call_without_a_good_key_is_refused(desk: Desk, key: str | None, code: str | None) -> None:
    status, _, answer = await desk.post("/v1/responses", {"model": MODEL, "input": "Hello"}, key=key)
    assert status == 401
    assert isinstance(answer["error"], dict)
    assert answer["error"]["code"] == code


async def test_a_rate_limit_comes_with_its_headers(desk: Desk) -> None:
    async with aiohttp.ClientSession() as session:
        await session.put(f"{desk.address}/_faults", json={"mode": "rate_limit", "times": 5, "delay_seconds": 3})
        status, headers, _ = await desk.post("/v1/responses", {"model": MODEL, "input": "Hello"})
        assert (status, headers["retry-after"], headers["x-ratelimit-remaining-requests"]) == (429, "3", "0")
        await session.delete(f"{desk.address}/_faults")
    assert (await desk.post("/v1/responses", {"model": MODEL, "input": "Hello"}))[0] == 200


async def test_an_unknown_fault_is_not_set(desk: Desk) -> None:
    async with aiohttp.ClientSession() as session:
        wrong: list[object] = [{"mode": "sideways"}, {"mode": "slow", "times": 0}, {"mode": "slow", "delay_seconds": -1}, []]
        for body in wrong:
            async with session.put(f"{desk.address}/_faults", json=body) as answer:
                assert answer.status == 422


async def test_an_address_that_does_not_exist_is_told_so(desk: Desk) -> None:
    status, _, _ = await desk.post("/v1/audio/speech", {})
    assert status == 404


async def test_the_request_log_is_bounded(desk: Desk) -> None:
    async with aiohttp.ClientSession() as session:
        await session.put(f"{desk.address}/_faults", json={"mode": "server_error", "times": 1000})
        for number in range(210):
            async with session.post(f"{desk.address}/v1/responses", data=str(number), headers={"authorization": "Bearer sk-x"}) as answer:
                assert answer.status == 500
        async with session.get(f"{desk.address}/_requests") as answer:
            log = await answer.json()
    assert (log["count"], log["answered"], len(log["requests"])) == (210, 0, 200)
    assert log["requests"][-1]["body"] == 209
