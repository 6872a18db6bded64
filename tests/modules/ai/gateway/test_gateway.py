"""The official SDK against our door: everything works unchanged, and is paid for to the micro-credit."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from tests.modules.ai.gateway_house import ASKED, CHEAP, PAINTER, PLACER, WRITER, House, open_house, plain
from tests.providers.openai.contract import hold_to_contract

from nexusone.apps.compose import Composition
from nexusone.kernel.money import credits_from_text
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.providers.openai.catalog import card_of

TOOL: Any = {
    "type": "function",
    "function": {"name": "stock", "description": "What is there", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture
async def house(composition: Composition) -> AsyncIterator[House]:
    async with open_house(composition) as made:
        yield made
    hold_to_contract(made.recorder.exchanges)


def price(model: str, kind: Any, usage: Usage, **traits: str) -> int:
    card = card_of(model, kind=kind)
    assert card is not None
    return Tariff(card.prices, 100, 20, traits).micros(usage)


async def spent(house: House) -> int:
    balance = await house.until_settled()
    assert (balance.held_micros, balance.overdraft_micros) == (0, 0)
    return int(balance.spent_micros)


async def test_a_chat_is_answered_and_paid_for_exactly(house: House) -> None:
    async with house.client() as client:
        answer = await client.chat.completions.create(model=WRITER, messages=ASKED, temperature=0.3, logprobs=False, seed=7)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    used = Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert await spent(house) == price(WRITER, "text", used)
    made = await house.until_ended()
    assert (made["kind"], made["origin"], made["status"], made["model"]) == ("text", "gateway", "succeeded", WRITER)
    assert credits_from_text(made["credits"]) == price(WRITER, "text", used)
    assert made["prompt"].startswith("Write two sentences")
    body = await house.last_body()
    assert (body["temperature"], body["logprobs"], body["seed"]) == (0.3, False, 7)


async def test_what_is_not_bounded_gets_the_bound_that_is_held_for(house: House) -> None:
    async with house.client() as client:
        await client.chat.completions.create(model=WRITER, messages=ASKED)
        assert (await house.last_body())["max_completion_tokens"] == 4_000
        await client.chat.completions.create(model=WRITER, messages=ASKED, max_tokens=50)
    assert "max_completion_tokens" not in await house.last_body()


@pytest.mark.parametrize("wants_usage", [True, False])
async def test_a_chat_is_streamed_as_the_vendor_streams_it(house: House, wants_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if wants_usage else {}
    async with house.client() as client:
        stream: Any = await client.chat.completions.create(model=WRITER, messages=ASKED, stream=True, **options)
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text
    told = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(told) == (1 if wants_usage else 0)
    assert ("usage" in chunks[0].model_fields_set) is wants_usage
    made = await house.until_ended()
    used = Usage(made["usage"]["input_tokens"], made["usage"]["output_tokens"])
    assert used.output_tokens > 0
    assert await spent(house) == price(WRITER, "text", used)
    assert made["output"] == text


async def test_tools_and_formats_go_through_untouched(house: House) -> None:
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "mail", "schema": {"type": "object", "properties": {}}}}
    async with house.client() as client:
        await client.chat.completions.create(
            model=WRITER, messages=ASKED, tools=[TOOL], tool_choice="auto", response_format=wanted, extra_body={"verbosity": "low"}
        )
    body = await house.last_body()
    assert (body["tools"], body["tool_choice"], body["response_format"], body["verbosity"]) == ([TOOL], "auto", wanted, "low")


async def test_a_picture_in_a_chat_goes_through_and_is_held_for(house: House) -> None:
    message: Any = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/lamp.png"}}]}
    async with house.client() as client:
        await client.chat.completions.create(model=WRITER, messages=[message])
    assert (await house.last_body())["messages"] == [message]


async def test_responses_are_answered_and_nothing_is_kept_at_the_vendor(house: House) -> None:
    async with house.client() as client:
        answer = await client.responses.create(model=WRITER, input="Write about the Solar Lamp.", instructions="Be brief.")
        assert answer.output_text
        assert answer.usage is not None
        stream = await client.responses.create(model=WRITER, input="Write about the Solar Lamp.", stream=True)
        events = [event async for event in stream]
    assert events[-1].type == "response.completed"
    last = events[-1].response.usage
    assert last is not None
    assert (await house.last_body())["store"] is False
    first = Usage(answer.usage.input_tokens, answer.usage.output_tokens)
    whole = price(WRITER, "text", first) + price(WRITER, "text", Usage(last.input_tokens, last.output_tokens))
    assert await spent(house) == whole


async def test_vectors_are_made_and_have_a_purpose_of_their_own(house: House) -> None:
    async with house.client() as client:
        answer = await client.embeddings.create(model=PLACER, input=["a lamp", "a chair"])
    assert len(answer.data) == 2
    assert isinstance(answer.data[0].embedding[0], float)
    assert await spent(house) == price(PLACER, "embedding", Usage(answer.usage.prompt_tokens))
    made = await house.until_ended()
    assert (made["kind"], made["output"]) == ("embedding", None)
    holds = (await house.customer.client.get("/v1/credits/holds")).json()["items"]
    assert {hold["purpose"] for hold in holds} == {"ai.embedding"}


async def test_pictures_are_drawn_at_a_price_that_is_known_before(house: House) -> None:
    async with house.client() as client:
        answer = await client.images.generate(model=PAINTER, prompt="A solar lamp", n=2, size="1024x1024", quality="low")
    assert answer.data is not None
    assert len(answer.data) == 2
    assert answer.data[0].b64_json
    assert answer.usage is not None
    used = Usage(input_tokens=answer.usage.input_tokens, images=2)
    assert await spent(house) == price(PAINTER, "image", used, size="1024x1024", quality="low")
    assert (await house.until_ended())["kind"] == "image"


async def test_models_are_listed_and_found(house: House) -> None:
    async with house.client() as client:
        listed = [model.id async for model in client.models.list()]
        assert {WRITER, PAINTER, PLACER} <= set(listed)
        assert (await client.models.retrieve(WRITER)).id == WRITER
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.models.retrieve("nobody")
    assert unknown.value.code == "model_not_found"


async def test_the_next_model_is_asked_where_the_first_is_not_available(house: House) -> None:
    await house.vendor.spoil("server_error")
    async with house.client(default_headers={"NexusOne-Fallbacks": CHEAP}) as client:
        answer = await client.chat.completions.create(model=WRITER, messages=ASKED)
    assert answer.model == CHEAP
    assert answer.usage is not None
    assert await spent(house) == price(CHEAP, "text", Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens))
    assert (await house.until_ended())["model"] == CHEAP


async def test_a_repeated_request_is_answered_again_and_paid_for_once(house: House) -> None:
    body = {"model": WRITER, "messages": ASKED}
    async with plain(house) as client:
        first = await client.post("/chat/completions", json=body, headers={"Idempotency-Key": "k1"})
        again = await client.post("/chat/completions", json=body, headers={"Idempotency-Key": "k1"})
        other = await client.post("/chat/completions", json={**body, "n": 1}, headers={"Idempotency-Key": "k1"})
    assert first.status_code == 200, first.text
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")
    assert len(await house.generations()) == 1
    await house.until_settled()


async def test_a_request_that_failed_may_be_repeated_under_its_key(house: House) -> None:
    body = {"model": WRITER, "messages": ASKED}
    await house.vendor.spoil("server_error")
    async with plain(house) as client:
        first = await client.post("/chat/completions", json=body, headers={"Idempotency-Key": "k2"})
        again = await client.post("/chat/completions", json=body, headers={"Idempotency-Key": "k2"})
    assert (first.status_code, again.status_code) == (503, 200)
    assert await spent(house) > 0


async def test_every_ending_is_a_fact_and_stands_in_the_audit_trail(house: House) -> None:
    async with house.client() as client:
        await client.chat.completions.create(model=WRITER, messages=ASKED)
    made = await house.until_ended()
    entries = (await house.customer.client.get("/v1/audit", params={"limit": 100})).json()["items"]
    mine = [entry for entry in entries if entry["action"] == "ai.generation.passed_on"]
    assert [entry["object_id"] for entry in mine] == [made["id"]]
