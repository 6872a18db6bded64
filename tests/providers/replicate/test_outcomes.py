"""Endings that no simulator would think of, from a server that says exactly what the test wants; and the simulator's own refusals."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.providers.conformance.media_model import content, ended
from tests.providers.openai.serving import served
from tests.providers.replicate.studio import DEFAULT, model_at, opened

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Failed, Finished, ImageRequest, MadeFile
from nexusone.platform.provider import ProviderSetup, SimulatorSetup
from nexusone.providers.replicate.images import ReplicateImages
from nexusone.providers.replicate.manifest import MANIFEST
from nexusone.providers.replicate.simulation.asking import deadline_seconds
from nexusone.providers.replicate.simulation.refusals import VendorError

REQUEST = ImageRequest(model=DEFAULT, prompt="A lamp.", width=1024, height=1024)
PREDICT = f"/models/{DEFAULT}/predictions"


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[ReplicateImages, str]]:
    """A model whose vendor says these bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0)
        await reader.readexactly(length)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    model = model_at(address, api_token="r8_secret")
    try:
        yield model, address
    finally:
        await model.close()
        server.close()
        await server.wait_closed()


def http(status: str, body: object, *, headers: str = "") -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n{headers}\r\n".encode() + raw


@pytest.mark.parametrize(
    ("answer", "code", "is_retryable", "retry_after_seconds"),
    [
        (http("400 Bad Request", {"detail": "no"}), "vendor.rejected", False, None),
        (http("401 Unauthorized", {"detail": "token r8_secret is wrong"}), "vendor.unauthorized", False, None),
        (http("402 Payment Required", {"title": "Insufficient credit", "detail": "Pay."}), "vendor.quota_exhausted", False, None),
        (http("403 Forbidden", {"detail": "no"}), "vendor.forbidden", False, None),
        (http("404 Not Found", b"<html>"), "vendor.not_found", False, None),
        (http("413 Too Large", {"detail": "no"}), "vendor.rejected", False, None),
        (http("422 Unprocessable", {"detail": [{"msg": "wrong"}]}), "vendor.rejected", False, None),
        (http("429 Too Many", {"detail": "slow down"}, headers="retry-after: 12\r\n"), "vendor.rate_limited", True, 12.0),
        (http("429 Too Many", {"detail": "slow down"}, headers="retry-after: soon\r\n"), "vendor.rate_limited", True, None),
        (http("302 Found", b"", headers="location: http://127.0.0.1:1/\r\n"), "vendor.rejected", False, None),
    ],
    ids=range(10),
)
async def test_these_answers_say_that_nothing_was_drawn(
    answer: bytes, code: str, is_retryable: bool, retry_after_seconds: float | None
) -> None:
    async with answering(answer) as (model, _):
        with pytest.raises(DefiniteFailure) as caught:
            await model.begin(REQUEST, correlation=str(uuid4()), webhook=None)
    failure = caught.value
    assert (failure.code, failure.is_retryable, failure.retry_after_seconds) == (code, is_retryable, retry_after_seconds)
    assert "r8_secret" not in str(failure)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{",
        http("201 Created", b""),
        http("201 Created", b"{"),
        http("201 Created", [1]),
        http("201 Created", {"id": "p1"}),
        http("201 Created", b"\xff\xfe"),
        http("200 OK", b"[" * 100_000),
        http("500 Error", {"detail": "no"}),
        http("502 Bad Gateway", b"<html>"),
        http("504 Gateway Timeout", {"detail": "no"}),
    ],
    ids=range(12),
)
async def test_these_answers_leave_it_unknown(answer: bytes) -> None:
    async with answering(answer) as (model, _):
        with pytest.raises(UnknownOutcome):
            await model.begin(REQUEST, correlation=str(uuid4()), webhook=None)


@pytest.mark.parametrize("told", [b"[]", b'{"results": 5}', b'{"results": [5]}', b'{"next": "x"}'])
async def test_a_list_that_cannot_be_read_says_nothing(told: bytes) -> None:
    async with answering(http("200 OK", told)) as (model, _):
        with pytest.raises(UnknownOutcome):
            await model.find(str(uuid4()), since=datetime.now(UTC))


@pytest.mark.parametrize(
    "one",
    [
        {"id": "p1", "model": DEFAULT, "source": "web", "input": {"prompt": "x"}},
        {"id": "p1", "model": "somebody/else", "source": "api", "input": {}},
    ],
)
async def test_what_surely_is_another_is_no_doubt(one: object) -> None:
    async with answering(http("200 OK", {"results": [one], "next": None})) as (model, _):
        assert await model.find(str(uuid4()), since=datetime.now(UTC)) is None


async def test_a_list_that_never_ends_is_not_read_forever() -> None:
    async with answering(http("200 OK", {"results": [], "next": "https://elsewhere.example/?cursor=x"})) as (model, _):
        with pytest.raises(UnknownOutcome, match="too many"):
            await model.find(str(uuid4()), since=datetime.now(UTC))


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (http("404 Not Found", b""), DefiniteFailure),
        (http("302 Found", b"", headers="location: http://169.254.169.254/\r\n"), DefiniteFailure),
        (http("503 Unavailable", b""), DefiniteFailure),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf", UnknownOutcome),
    ],
    ids=range(4),
)
async def test_a_file_that_does_not_come_is_no_file(answer: bytes, ending: type[Exception]) -> None:
    async with answering(answer) as (model, address):
        with pytest.raises(ending):
            await content(model, MadeFile(media_type="image/png", url=f"{address}/out.png"))


async def test_a_model_that_is_not_listed_is_asked_nothing() -> None:
    async with opened() as studio:
        with pytest.raises(DefiniteFailure) as failure:
            request = ImageRequest(model="../../account", prompt="", width=1, height=1)
            await studio.model.begin(request, correlation=str(uuid4()), webhook=None)
        assert failure.value.code == "vendor.not_supported"
        assert studio.recorder.exchanges == []


@pytest.mark.parametrize("reference", ["../account", "a/b", "?x=1", "%2e%2e"])
async def test_a_reference_never_leads_elsewhere(reference: str) -> None:
    async with opened() as studio:
        with pytest.raises(DefiniteFailure) as failure:
            await studio.model.look_up(reference)
        assert failure.value.code == "vendor.not_found"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"input": {}},
        {"input": {"prompt": 5}},
        {"input": {"prompt": "x", "aspect_ratio": "7:1"}},
        {"input": {"prompt": "x", "num_outputs": 5}},
        {"input": {"prompt": "x"}, "unknown": 1},
        {"input": {"prompt": "x"}, "webhook": "ftp://a.example"},
        {"input": {"prompt": "x"}, "webhook_events_filter": ["done"]},
    ],
    ids=str,
)
async def test_the_simulator_refuses_what_the_vendor_would(body: object) -> None:
    async with opened() as studio:
        status, told = await studio.called("POST", PREDICT, body)
        assert (status, told["status"]) == (422, 422)
        assert told["detail"]
        assert await studio.works() == 0
        studio.recorder.exchanges.clear()


async def test_accounts_do_not_see_one_another() -> None:
    async with opened() as studio:
        _, told = await studio.called("POST", PREDICT, {"input": {"prompt": "x"}})
        for method, path in (("GET", f"/predictions/{told['id']}"), ("POST", f"/predictions/{told['id']}/cancel")):
            assert (await studio.called(method, path, token="r8_other"))[0] == 404
        assert (await studio.called("GET", "/predictions", token="r8_other"))[1]["results"] == []


@pytest.mark.parametrize(("reached", "status"), [("starting", "aborted"), ("processing", "canceled")])
async def test_a_deadline_ends_what_runs_and_what_never_ran(reached: str, status: str) -> None:
    clock = MovedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    async with opened(clock) as studio:
        await studio.put("/_pace", {"milliseconds": 400})
        code, told = await studio.called("POST", PREDICT, {"input": {"prompt": "x"}}, Cancel_After="5s")
        assert code == 201
        await studio.until(told["id"], reached)
        clock.move(timedelta(seconds=6))
        await studio.until(told["id"], status)


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("30s", 30), ("5m", 300), ("2h30m", 9000), ("1h30m45s", 5445)])
def test_durations_are_read_as_the_vendor_documents_them(text: str, seconds: int) -> None:
    assert deadline_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "4s", "soon", "-5", "1d", "5s1m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(VendorError):
        deadline_seconds(text)


async def test_the_manifest_brings_model_and_simulator_together(tmp_path: Path) -> None:
    assert set(MANIFEST.sandbox_credentials) == set(MANIFEST.credential_fields)
    assert MANIFEST.simulator is not None
    app = MANIFEST.simulator(SimulatorSetup(data=tmp_path, host="127.0.0.1")).app
    assert app is not None
    async with served(Starlette(routes=[Mount(f"/{MANIFEST.name}", app)])) as server:
        address = f"{server}/{MANIFEST.name}{MANIFEST.simulator_path}"
        setup = ProviderSetup(address=address, credentials=MANIFEST.sandbox_credentials, is_sandbox=True)
        model = MANIFEST.capabilities[0].build(setup)
        assert isinstance(model, ReplicateImages)
        state = await ended(model, await model.begin(REQUEST, correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished), state
        assert not isinstance(state, Failed)
        assert len(await content(model, state.files[0])) > 1000
        await model.close()
