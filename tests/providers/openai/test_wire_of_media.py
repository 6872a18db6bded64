"""The simulator's pictures, vectors and judgements against the vendor's own SDK and contract."""

import base64
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types import ModerationMultiModalInputParam
from PIL import Image
from tests.providers.openai.contract import hold_to_contract
from tests.providers.openai.serving import Recorder, served

from nexusone.kernel.clock import SystemClock
from nexusone.providers.openai.catalog import listed_models, priced_models
from nexusone.providers.openai.simulator import build_app

PAINTER, PLACER, JUDGE = (
    next(card.name for card in priced_models(kind) if card.is_default) for kind in ("image", "embedding", "moderation")
)
WRITER = next(card.name for card in priced_models("text") if card.is_default)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="


@dataclass(frozen=True, slots=True)
class Desk:
    address: str
    sdk: AsyncOpenAI

    async def post(self, path: str, body: object) -> tuple[int, Mapping[str, Any]]:
        headers = {"authorization": "Bearer sk-test"}
        async with aiohttp.ClientSession() as session, session.post(f"{self.address}{path}", json=body, headers=headers) as answer:
            told: Mapping[str, Any] = await answer.json()
            return answer.status, told


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    recorder = Recorder(build_app(clock=SystemClock()))
    async with served(recorder) as address:
        sdk = AsyncOpenAI(
            api_key="sk-test", base_url=f"{address}/v1", max_retries=0, http_client=openai.DefaultAsyncHttpxClient(trust_env=False)
        )
        yield Desk(address, sdk)
        await sdk.close()
    hold_to_contract(recorder.exchanges, is_refused_request_checked=False)


async def test_the_sdk_gets_pictures_with_their_usage(desk: Desk) -> None:
    answer = await desk.sdk.images.generate(model=PAINTER, prompt="A lamp", n=2, size="1536x1024", quality="low", output_format="webp")
    assert answer.data is not None
    assert answer.usage is not None
    assert (answer.size, answer.quality, answer.output_format) == ("1536x1024", "low", "webp")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    for made in answer.data:
        with Image.open(io.BytesIO(base64.b64decode(made.b64_json or ""))) as image:
            assert (image.size, image.format) == ((1536, 1024), "WEBP")


async def test_a_picture_of_a_size_left_to_the_vendor_is_a_square_png(desk: Desk) -> None:
    answer = await desk.sdk.images.generate(model=PAINTER, prompt="A lamp")
    assert answer.data is not None
    with Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or ""))) as image:
        assert (image.size, image.format) == ((1024, 1024), "PNG")


async def test_numbers_and_packed_numbers_are_the_same_vectors(desk: Desk) -> None:
    packed = await desk.sdk.embeddings.create(model=PLACER, input=["tea", "coffee"])
    plain = await desk.sdk.embeddings.create(model=PLACER, input=["tea", "coffee"], encoding_format="float")
    assert [item.index for item in plain.data] == [0, 1]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert all(isclose(x, y, abs_tol=1e-6) for x, y in zip(one.embedding, other.embedding, strict=True))
    assert packed.usage == plain.usage


async def test_vectors_are_as_short_as_asked_for_and_of_length_one(desk: Desk) -> None:
    answer = await desk.sdk.embeddings.create(model=PLACER, input="A lamp on a balcony", dimensions=256)
    assert len(answer.data[0].embedding) == 256
    assert isclose(sum(number**2 for number in answer.data[0].embedding), 1.0, abs_tol=1e-4)


async def test_tokens_are_taken_for_a_text_as_well(desk: Desk) -> None:
    one = await desk.sdk.embeddings.create(model=PLACER, input=[5, 6, 7])
    two = await desk.sdk.embeddings.create(model=PLACER, input=[[5, 6, 7], [8]])
    assert (len(one.data), one.usage.prompt_tokens) == (1, 3)
    assert (len(two.data), two.usage.prompt_tokens) == (2, 4)


async def test_texts_are_judged_one_by_one_and_parts_together(desk: Desk) -> None:
    texts = await desk.sdk.moderations.create(input=["You idiot", "A lamp"])
    assert [result.flagged for result in texts.results] == [True, False]
    assert texts.results[0].categories.harassment
    assert texts.results[0].category_applied_input_types.harassment == ["text"]
    together: list[ModerationMultiModalInputParam] = [
        {"type": "text", "text": "A lamp"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    parts = await desk.sdk.moderations.create(model=JUDGE, input=together)
    assert [result.flagged for result in parts.results] == [False]
    assert parts.results[0].category_applied_input_types.violence == ["text", "image"]
    assert parts.results[0].category_applied_input_types.harassment == ["text"]
    assert parts.model == JUDGE


async def test_models_of_all_kinds_are_listed(desk: Desk) -> None:
    names = {model.id async for model in desk.sdk.models.list()}
    assert names == {listed.name for listed in listed_models()}
    assert {PAINTER, PLACER, JUDGE, WRITER} <= names


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("images/generations", {"model": PAINTER}, 400, "missing_required_parameter"),
        ("images/generations", {"prompt": "x"}, 400, "missing_required_parameter"),
        ("images/generations", {"model": WRITER, "prompt": "x"}, 404, "model_not_found"),
        ("images/generations", {"model": PAINTER, "prompt": 5}, 400, "invalid_type"),
        ("images/generations", {"model": PAINTER, "prompt": "x" * 32_001}, 400, "string_above_max_length"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "n": 11}, 400, "integer_above_max_value"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "n": 0}, 400, "integer_below_min_value"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "n": True}, 400, "invalid_type"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "size": "9x9"}, 400, "invalid_value"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "quality": "hd"}, 400, "invalid_value"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "output_format": "gif"}, 400, "invalid_value"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "response_format": "url"}, 400, "unknown_parameter"),
        ("images/generations", {"model": PAINTER, "prompt": "x", "stream": True}, 400, "unsupported_value"),
        (
            "images/generations",
            {"model": PAINTER, "prompt": "x", "background": "transparent", "output_format": "jpeg"},
            400,
            "invalid_value",
        ),
        ("embeddings", {"model": PLACER}, 400, "missing_required_parameter"),
        ("embeddings", {"model": PAINTER, "input": "x"}, 404, "model_not_found"),
        ("embeddings", {"model": PLACER, "input": ""}, 400, None),
        ("embeddings", {"model": PLACER, "input": []}, 400, None),
        ("embeddings", {"model": PLACER, "input": ["x", ""]}, 400, None),
        ("embeddings", {"model": PLACER, "input": ["x", 5]}, 400, "invalid_type"),
        ("embeddings", {"model": PLACER, "input": {"a": "b"}}, 400, "invalid_type"),
        ("embeddings", {"model": PLACER, "input": ["x"] * 2_049}, 400, None),
        ("embeddings", {"model": PLACER, "input": "x", "dimensions": 0}, 400, "integer_below_min_value"),
        ("embeddings", {"model": PLACER, "input": "x", "dimensions": 9_999}, 400, "integer_above_max_value"),
        ("embeddings", {"model": PLACER, "input": "x", "encoding_format": "hex"}, 400, "invalid_value"),
        ("embeddings", {"model": PLACER, "input": "x", "colour": "red"}, 400, "unknown_parameter"),
        ("moderations", {}, 400, "missing_required_parameter"),
        ("moderations", {"input": []}, 400, "invalid_type"),
        ("moderations", {"input": "x", "model": WRITER}, 404, "model_not_found"),
        ("moderations", {"input": [{"type": "sound"}]}, 400, "invalid_value"),
        ("moderations", {"input": ["x", {"type": "text", "text": "y"}]}, 400, "invalid_type"),
        ("moderations", {"input": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}, 400, "invalid_image"),
        ("chat/completions", {"model": PAINTER, "messages": [{"role": "user", "content": "x"}]}, 404, "model_not_found"),
        (
            "chat/completions",
            {"model": WRITER, "messages": [{"role": "user", "content": "x"}], "stream_options": {"include_usage": True}},
            400,
            None,
        ),
    ],
)
async def test_a_wrong_request_is_refused_as_the_vendor_does(
    desk: Desk, path: str, body: dict[str, object], status: int, code: str | None
) -> None:
    got, answer = await desk.post(f"/v1/{path}", body)
    assert (got, answer["error"]["code"]) == (status, code)


async def test_only_calls_to_the_path_of_a_fault_fail(desk: Desk) -> None:
    async with aiohttp.ClientSession() as session:
        await session.put(f"{desk.address}/_faults", json={"mode": "server_error", "times": 5, "path": "/images"})
    assert (await desk.post("/v1/moderations", {"input": "x"}))[0] == 200
    assert (await desk.post("/v1/images/generations", {"model": PAINTER, "prompt": "x"}))[0] == 500
