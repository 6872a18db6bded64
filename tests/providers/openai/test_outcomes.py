"""What the client makes of endings that no simulator would think of, from a server that says exactly what the test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.providers.openai.serving import served

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.text import TextRequest, TextResult
from nexusone.platform.provider import ProviderSetup, SimulatorSetup
from nexusone.providers.openai.client import open_client, shown
from nexusone.providers.openai.manifest import MANIFEST
from nexusone.providers.openai.text import OpenAITextModel

REQUEST = TextRequest(model="some-model", instructions="Be brief.", prompt="Hello", output_tokens_max=5)
DONE = {
    "id": "resp_1",
    "model": "m",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
}


@asynccontextmanager
async def answering(answer: bytes, *, is_heard_first: bool = True) -> AsyncIterator[OpenAITextModel]:
    """A model whose vendor says these bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_heard_first:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            await reader.readexactly(length)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = open_client(address=f"http://127.0.0.1:{port}/v1", api_key="sk-x", deadline_seconds=2, is_sandbox=True)
    model = OpenAITextModel(client=client, deadline_seconds=2)
    try:
        yield model
    finally:
        await model.close()
        server.close()
        await server.wait_closed()


def http(status: str, body: object, *, media_type: str = "application/json", headers: str = "") -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {len(raw)}\r\n{headers}\r\n".encode() + raw


def error(code: str | None, message: str = "no") -> dict[str, object]:
    return {"error": {"message": message, "type": "t", "param": None, "code": code}}


@pytest.mark.parametrize(
    ("answer", "code", "is_retryable", "retry_after_seconds"),
    [
        (http("400 Bad Request", error("invalid_value")), "vendor.rejected", False, None),
        (http("400 Bad Request", error("content_policy_violation")), "vendor.refused_content", False, None),
        (http("400 Bad Request", error("content_filter")), "vendor.refused_content", False, None),
        (http("401 Unauthorized", error("invalid_api_key", "key sk-secret123 is wrong")), "vendor.unauthorized", False, None),
        (http("403 Forbidden", error(None)), "vendor.forbidden", False, None),
        (http("404 Not Found", b"<html>", media_type="text/html"), "vendor.not_found", False, None),
        (http("409 Conflict", error(None)), "vendor.rejected", True, None),
        (http("422 Unprocessable", error(None)), "vendor.rejected", False, None),
        (http("429 Too Many", error("rate_limit_exceeded"), headers="retry-after: 12\r\n"), "vendor.rate_limited", True, 12.0),
        (http("429 Too Many", error(None), headers="retry-after-ms: 250\r\n"), "vendor.rate_limited", True, 0.25),
        (http("429 Too Many", error(None), headers="retry-after: soon\r\n"), "vendor.rate_limited", True, None),
        (http("429 Too Many", error(None), headers="retry-after: -5\r\n"), "vendor.rate_limited", True, None),
        (http("429 Too Many", error("insufficient_quota")), "vendor.quota_exhausted", False, None),
        (http("500 Error", error("server_error")), "vendor.unavailable", True, None),
        (http("503 Overloaded", error(None), headers="retry-after: 2\r\n"), "vendor.unavailable", True, 2.0),
        (http("302 Found", b"", headers="location: http://127.0.0.1:1/\r\n"), "vendor.rejected", False, None),
        (http("200 OK", {**DONE, "status": "failed", "error": {"code": "server_error", "message": "x"}}), "vendor.unavailable", True, None),
        (
            http("200 OK", {**DONE, "status": "failed", "error": {"code": "invalid_prompt", "message": "x"}}),
            "vendor.refused_content",
            False,
            None,
        ),
    ],
)
async def test_these_answers_say_that_nothing_was_written(
    answer: bytes, code: str, is_retryable: bool, retry_after_seconds: float | None
) -> None:
    async with answering(answer) as model:
        with pytest.raises(DefiniteFailure) as caught:
            await model.write(REQUEST)
    failure = caught.value
    assert (failure.code, failure.is_retryable, failure.retry_after_seconds) == (code, is_retryable, retry_after_seconds)
    assert "secret" not in str(failure)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\ncontent-type: application/json\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9\r\n",
        http("200 OK", b""),
        http("200 OK", b"{"),
        http("200 OK", [1, 2]),
        http("200 OK", {}),
        http("200 OK", b"<html>", media_type="text/html"),
        http("200 OK", b"\xff\xfe"),
        http("200 OK", {**DONE, "output": "text"}),
        http("200 OK", {**DONE, "status": "in_progress"}),
        http("200 OK", {**DONE, "usage": {"input_tokens": -1, "output_tokens": 2}}),
        http("200 OK", b"not gzip", headers="content-encoding: gzip\r\n"),
        http("502 Bad Gateway", b"<html>", media_type="text/html"),
        http("504 Gateway Timeout", error("timeout")),
        http("500 Error", {"fine": "print"}),
    ],
    ids=range(16),
)
async def test_these_answers_leave_it_unknown(answer: bytes) -> None:
    async with answering(answer) as model:
        with pytest.raises(UnknownOutcome):
            await model.write(REQUEST)


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (b"", UnknownOutcome),
        (b"data: {\n\n", UnknownOutcome),
        (b"data: [DONE]\n\n", UnknownOutcome),
        (b'data: {"type":"response.completed","response":"gone"}\n\n', UnknownOutcome),
        (b'data: {"type":"response.completed"}\n\n', UnknownOutcome),
        (b'data: {"type":"response.output_text.delta"}\n\n', UnknownOutcome),
        (b'data: {"type":"a.new.kind"}\n\n', UnknownOutcome),
        (b'data: {"type":"error","code":"rate_limit_exceeded","message":"m","param":null,"sequence_number":1}\n\n', DefiniteFailure),
        (b'data: {"type":"error"}\n\n', DefiniteFailure),
        (b'data: {"type":"response.output_text.delta","delta":"x"}\n\ndata: {"type":"error","code":"server_error"}\n\n', UnknownOutcome),
    ],
    ids=range(10),
)
async def test_a_strange_stream_never_ends_as_a_success(told: bytes, outcome: type[Exception]) -> None:
    async with answering(http("200 OK", told, media_type="text/event-stream")) as model:
        with pytest.raises(outcome):
            async for _ in model.stream(REQUEST):
                pass


async def test_usage_is_counted_where_a_compatible_server_leaves_it_out() -> None:
    async with answering(http("200 OK", DONE)) as model:
        result = await model.write(REQUEST)
    assert result == TextResult(text="Hi", input_tokens=4, output_tokens=1, model="m", vendor_reference="resp_1", finish_reason="stop")


async def test_a_text_cut_by_the_content_filter_says_so() -> None:
    cut = {**DONE, "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    async with answering(http("200 OK", cut)) as model:
        assert (await model.write(REQUEST)).finish_reason == "content_filter"


async def test_reasoning_that_used_up_all_tokens_is_an_empty_text_of_full_length() -> None:
    thought = {
        **DONE,
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{"type": "reasoning", "summary": []}],
    }
    async with answering(http("200 OK", thought)) as model:
        result = await model.write(REQUEST)
    assert (result.text, result.finish_reason) == ("", "length")


async def test_a_request_that_cannot_be_encoded_was_surely_not_sent() -> None:
    async with answering(http("200 OK", DONE)) as model:
        with pytest.raises(DefiniteFailure, match="encoded"):
            await model.write(TextRequest(model="m", instructions="", prompt="\ud800", output_tokens_max=5))


async def test_a_cancelled_call_stays_cancelled() -> None:
    async with answering(b"", is_heard_first=True) as model:
        call = asyncio.create_task(model.write(REQUEST))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


def test_keys_and_length_are_kept_out_of_what_is_shown() -> None:
    assert "abc" not in shown("Incorrect API key provided: sk-abc***def.")
    assert len(shown("x" * 5000)) == 300


async def test_the_manifest_brings_model_and_simulator_together(tmp_path: Path) -> None:
    assert set(MANIFEST.sandbox_credentials) == set(MANIFEST.credential_fields)
    assert MANIFEST.simulator is not None
    app = MANIFEST.simulator(SimulatorSetup(data=tmp_path, host="127.0.0.1")).app
    assert app is not None
    async with served(Starlette(routes=[Mount(f"/{MANIFEST.name}", app)])) as server:
        address = f"{server}/{MANIFEST.name}{MANIFEST.simulator_path}"
        capability = MANIFEST.capabilities[0]
        model = capability.build(ProviderSetup(address=address, credentials=MANIFEST.sandbox_credentials, is_sandbox=True))
        assert isinstance(model, OpenAITextModel)
        default = next(card.name for card in model.catalog() if card.is_default)
        assert (await model.write(replace(REQUEST, model=default))).text
        await model.close()
