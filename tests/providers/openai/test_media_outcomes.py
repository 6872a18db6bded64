"""What the clients of pictures, vectors and judgements make of strange answers, and how compatible servers are spoken to."""

import asyncio
import base64
import json
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.providers.openai.serving import served

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Finished, ImageRequest, MediaFile
from nexusone.modules.ai.ports.text import TextModel, TextRequest
from nexusone.platform.provider import ProviderSetup, SimulatorSetup
from nexusone.providers.openai.client import client_of
from nexusone.providers.openai.embeddings import OpenAIEmbedder
from nexusone.providers.openai.images import OpenAIImageModel
from nexusone.providers.openai.manifest import MANIFEST
from nexusone.providers.openai.moderation import OpenAIModerator

KEY = "sk-very-secret"
PICTURE = ImageRequest(model="local-painter", prompt="A lamp", width=512, height=512, count=2)
RESULT: dict[str, Any] = {
    "flagged": True,
    "categories": {"hate": True, "illicit": None},
    "category_scores": {"hate": 1.7, "violence": -0.1},
}


@dataclass(slots=True)
class Vendor:
    """Says these bytes to every call, and keeps what it heard."""

    answer: bytes
    heard: list[bytes] = field(default_factory=list)
    client: AsyncOpenAI = field(init=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        self.heard.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        writer.close()

    def heads(self) -> str:
        return b"\n".join(self.heard).decode().lower()


@asynccontextmanager
async def answering(body: object, *, status: str = "200 OK", credentials: Mapping[str, str] | None = None) -> AsyncIterator[Vendor]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {len(raw)}\r\n\r\n"
    vendor = Vendor(head.encode() + raw)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    setup = ProviderSetup(
        address=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base",
        credentials={"api_key": KEY, **(credentials or {})},
        is_sandbox=True,
    )
    vendor.client = client_of(setup, deadline_seconds=2)
    try:
        yield vendor
    finally:
        await vendor.client.close()
        server.close()
        await server.wait_closed()


def packed(*numbers: float) -> str:
    return base64.b64encode(array("f", numbers).tobytes()).decode()


def vectors(*embeddings: object, indexes: tuple[int, ...] | None = None, **more: object) -> dict[str, object]:
    order = indexes or tuple(range(len(embeddings)))
    return {"data": [{"index": at, "embedding": one} for at, one in zip(order, embeddings, strict=True)], "model": "m", **more}


WITHOUT_PICTURES: tuple[object, ...] = (
    b"",
    b"<html>",
    {},
    [],
    {"data": []},
    {"data": [{}]},
    {"data": [{"b64_json": ""}]},
    {"data": [{"b64_json": "not base64!"}]},
    {"data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": -1, "output_tokens": 0}},
    {"data": [{"url": "http://127.0.0.1/x"}]},
)
WITHOUT_VECTORS: tuple[object, ...] = (
    b"",
    {},
    vectors(packed(1.0)),
    vectors(packed(1.0), packed(1.0), packed(1.0)),
    vectors(packed(1.0), packed(1.0), indexes=(0, 0)),
    vectors(packed(1.0), packed(1.0, 2.0)),
    vectors("", ""),
    vectors("!", "!"),
    vectors("AAA=", "AAA="),
    vectors(packed(1.0), packed(float("nan"))),
    vectors([1.0], ["x"]),
    vectors(packed(1.0), packed(1.0), usage={"prompt_tokens": -1}),
)


@pytest.mark.parametrize(
    "body",
    WITHOUT_PICTURES,
    ids=range(10),
)
async def test_an_answer_without_pictures_leaves_it_unknown(body: object) -> None:
    async with answering(body) as vendor:
        with pytest.raises(UnknownOutcome):
            await OpenAIImageModel(client=vendor.client).begin(PICTURE, correlation="c", webhook=None)


async def test_a_compatible_server_that_counts_nothing_is_paid_by_the_picture() -> None:
    async with answering({"created": 1, "data": [{"b64_json": "AAAA"}, {"b64_json": "AAAB"}]}) as vendor:
        state = await OpenAIImageModel(client=vendor.client).begin(PICTURE, correlation="ours", webhook=None)
    assert isinstance(state, Finished)
    assert (state.reference, dict(state.quantities)) == ("ours", {"image": 2})
    assert [made.content for made in state.files] == [b"\0\0\0", b"\0\0\1"]


async def test_a_picture_that_is_refused_for_what_it_shows_says_so() -> None:
    refusal = {"error": {"message": f"blocked {KEY}", "type": "image_generation_user_error", "param": None, "code": "moderation_blocked"}}
    async with answering(refusal, status="400 Bad Request") as vendor:
        with pytest.raises(DefiniteFailure) as caught:
            await OpenAIImageModel(client=vendor.client).begin(PICTURE, correlation="c", webhook=None)
    assert (caught.value.code, caught.value.is_retryable) == ("vendor.refused_content", False)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    WITHOUT_VECTORS,
    ids=range(12),
)
async def test_an_answer_that_is_not_a_vector_a_text_is_unknown(body: object) -> None:
    async with answering(body) as vendor:
        with pytest.raises(UnknownOutcome):
            await OpenAIEmbedder(client=vendor.client).embed(["a", "b"], model="local-embedder")


async def test_a_listed_models_vectors_must_have_its_dimensions() -> None:
    async with answering(vectors(packed(1.0))) as vendor:
        embedder = OpenAIEmbedder(client=vendor.client)
        with pytest.raises(UnknownOutcome, match="not one of this model"):
            await embedder.embed(["a"], model=embedder.catalog()[0].name)


async def test_plain_numbers_in_any_order_and_without_usage_are_read() -> None:
    async with answering(vectors([0.0, 1.0], [1.0, 0.0], indexes=(1, 0))) as vendor:
        made = await OpenAIEmbedder(client=vendor.client).embed(["12345678", "1"], model="local-embedder")
    assert made.vectors == ((1.0, 0.0), (0.0, 1.0))
    assert made.input_tokens == 3
    assert b'"dimensions"' not in vendor.heard[0]


@pytest.mark.parametrize(
    "body", [b"", {}, {"results": []}, {"results": [RESULT, RESULT]}, {"results": [{"flagged": "perhaps"}]}], ids=range(5)
)
async def test_an_answer_that_does_not_judge_each_input_is_unknown(body: object) -> None:
    async with answering(body) as vendor:
        with pytest.raises(UnknownOutcome):
            await OpenAIModerator(client=vendor.client).judge(texts=["a"])


async def test_scores_stay_within_their_bounds_and_pictures_travel_as_data() -> None:
    async with answering({"results": [RESULT]}) as vendor:
        judged = await OpenAIModerator(client=vendor.client).judge(texts=(), images=(MediaFile(b"\1\2\3", "image/png"),))
    assert [(one.is_flagged, one.categories, dict(one.scores)) for one in judged] == [(True, ("hate",), {"hate": 1000, "violence": 0})]
    assert b"data:image/png;base64,AQID" in vendor.heard[0]


async def test_an_account_says_its_organization_and_project() -> None:
    async with answering(vectors([1.0]), credentials={"organization": "org-1", "project": "proj-2"}) as vendor:
        await OpenAIEmbedder(client=vendor.client).embed(["a"], model="local-embedder")
    heads = vendor.heads()
    assert "post /base/embeddings http/1.1" in heads
    assert "openai-organization: org-1" in heads
    assert "openai-project: proj-2" in heads
    assert f"authorization: bearer {KEY}" in heads


async def test_an_address_with_versions_gets_the_key_as_it_wants_it() -> None:
    async with answering({"data": [{"b64_json": "AAAA"}]}, credentials={"api_version": "2026-01-01"}) as vendor:
        await OpenAIImageModel(client=vendor.client).begin(PICTURE, correlation="c", webhook=None)
    heads = vendor.heads()
    assert "post /base/deployments/local-painter/images/generations?api-version=2026-01-01 http/1.1" in heads
    assert f"api-key: {KEY}" in heads
    assert "authorization:" not in heads


async def test_every_capability_of_the_manifest_works_against_its_simulator(tmp_path: Path) -> None:
    assert MANIFEST.simulator is not None
    app = MANIFEST.simulator(SimulatorSetup(data=tmp_path, host="127.0.0.1")).app
    async with served(Starlette(routes=[Mount(f"/{MANIFEST.name}", app)])) as server:
        setup = ProviderSetup(
            address=f"{server}/{MANIFEST.name}{MANIFEST.simulator_path}", credentials=MANIFEST.sandbox_credentials, is_sandbox=True
        )
        built = {capability.port.__name__: capability.build(setup) for capability in MANIFEST.capabilities}
        names = {port: next(card.name for card in made.catalog() if card.is_default) for port, made in built.items()}
        written = await built["TextModel"].write(TextRequest(names["TextModel"], "Be brief.", "Hello", output_tokens_max=50))
        drawn = await built["ImageModel"].begin(ImageRequest(names["ImageModel"], "A lamp", 1024, 1024), correlation="c", webhook=None)
        judged = await built["Moderator"].judge(texts=["A lamp"])
        placed = await built["Embedder"].embed(["A lamp"], model=names["Embedder"])
        assert written.text
        assert isinstance(drawn, Finished)
        assert (len(judged), len(placed.vectors)) == (1, 1)
        for made in built.values():
            await made.close()
    assert TextModel in {capability.port for capability in MANIFEST.capabilities}
