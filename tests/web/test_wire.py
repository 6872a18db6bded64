"""HTTP on the wire: smuggling refused, heads and bodies bounded, slow clients dropped."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from starlette.types import ASGIApp
from tests.customers import Customer
from tests.web.probe import Probe
from tests.web.serving import served

from nexusone.apps.wire import BoundedProtocol
from nexusone.web.boundary import HEAD_BYTES_MAX

# A line is opened last, so that it does not wait for what else a test needs.
PATIENCE = 0.4


@dataclass(frozen=True)
class Line:
    """A raw connection to the application."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, text: str | bytes) -> None:
        """Sends bytes as they are."""
        self.writer.write(text.encode() if isinstance(text, str) else text)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """The status and the rest of one answer whose connection is closed, or whose length is given."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
            body = await self.reader.readexactly(length)
        return int(head.split(b" ")[1]), head + body

    async def is_dropped(self, *, seconds: float) -> bool:
        """Whether the other side hangs up in time."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return True


@pytest.fixture
async def address(probed: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, int]]:
    monkeypatch.setattr(BoundedProtocol, "patience_seconds", PATIENCE)
    async with served(probed) as address:
        yield address


@pytest.fixture
async def line(address: tuple[str, int]) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(*address)
    yield Line(reader, writer)
    writer.close()


def head(method: str, path: str, *headers: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *headers, "", ""])


def authorized(customer: Customer) -> str:
    return f"Authorization: {customer.client.headers['Authorization']}"


async def test_a_request_is_answered(line: Line) -> None:
    await line.send(head("GET", "/livez"))
    status, answer = await line.answer()
    assert status == 200
    assert b"server:" not in answer.lower()
    await line.send(head("GET", "/livez"))
    assert (await line.answer())[0] == 200


async def test_a_body_without_a_length_is_bounded_while_it_comes(knocker: Customer, line: Line) -> None:
    await line.send(head("POST", "/v1/probe/knocks", authorized(knocker), "Content-Type: application/json", "Transfer-Encoding: chunked"))
    # One chunk more than may be, and none after it: what is sent to who has answered and gone resets the line.
    for _ in range(17):
        await line.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
    status, answer = await line.answer()
    assert status == 413
    assert b'"code": "request.too_large"' in answer


async def test_a_body_without_a_length_within_the_limit_is_read(knocker: Customer, line: Line, probe: Probe) -> None:
    await line.send(head("POST", "/v1/probe/knocks", authorized(knocker), "Content-Type: application/json", "Transfer-Encoding: chunked"))
    await line.send(b'8\r\n{"name":\r\n4\r\n"a"}\r\n0\r\n\r\n')
    assert (await line.answer())[0] == 201
    assert len(probe.bodies) == 1


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -1",),
        ("Content-Length: 5x",),
        ("Content-Length: 0x5",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
        ("Bad Header: x",),
        ("X-Split: a\nInjected: b",),
        ("X-Nul: a\x00b",),
    ],
    ids=str,
)
async def test_a_head_that_can_be_read_two_ways_is_refused(line: Line, probe: Probe, headers: tuple[str, ...]) -> None:
    await line.send(head("POST", "/v1/probe/knocks", "Content-Type: application/json", *headers) + "0\r\n\r\n")
    status, answer = await line.answer()
    assert status in (400, 401)
    assert b"application/problem+json" in answer
    assert await line.is_dropped(seconds=3)
    assert not probe.bodies


async def test_bytes_that_are_no_http_are_a_problem_with_security_headers(line: Line) -> None:
    await line.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    status, answer = await line.answer()
    assert status == 400
    assert b"Strict-Transport-Security" in answer
    assert b'"code": "request.invalid"' in answer


async def test_a_head_without_end_is_cut_off(line: Line) -> None:
    await line.send("GET /livez HTTP/1.1\r\nHost: test\r\n")
    for number in range(HEAD_BYTES_MAX // 1000 + 3):
        await line.send(f"X-{number}: {'x' * 1000}\r\n")
    status, answer = await line.answer()
    assert status == 431
    assert b'"code": "request.head_too_large"' in answer


async def test_an_address_without_end_is_cut_off(line: Line) -> None:
    await line.send("GET /" + "x" * (HEAD_BYTES_MAX + 1000))
    assert (await line.answer())[0] == 431


@pytest.mark.parametrize("sent", ["", "GET /livez HTTP/1.1\r\nHost: te", head("POST", "/v1/auth/sign-in", "Content-Length: 100") + "{"])
async def test_a_client_that_stops_is_dropped(line: Line, sent: str) -> None:
    began = time.monotonic()
    if sent:
        await line.send(sent)
    assert await line.is_dropped(seconds=5)
    assert time.monotonic() - began < 5


async def test_a_client_that_drips_is_dropped(line: Line) -> None:
    await line.send("GET /livez HTTP/1.1\r\n")
    began = time.monotonic()
    dropped = asyncio.create_task(line.is_dropped(seconds=10))
    while not dropped.done() and time.monotonic() - began < 8:
        try:
            await line.send("X: y\r\n")
        except ConnectionError:
            break
        await asyncio.sleep(PATIENCE / 4)
    assert await dropped
    assert time.monotonic() - began < 5


async def test_a_slow_answer_is_not_a_slow_client(knocker: Customer, line: Line, probe: Probe) -> None:
    probe.wait.clear()
    body = b'{"name":"a"}'
    headers = [authorized(knocker), "Content-Type: application/json", "Idempotency-Key: k", f"Content-Length: {len(body)}"]
    await line.send(head("POST", "/v1/probe/effects", *headers).encode() + body)
    await asyncio.sleep(PATIENCE * 3)
    probe.wait.set()
    assert (await line.answer())[0] == 201


async def test_one_slow_client_does_not_keep_others_waiting(line: Line, address: tuple[str, int]) -> None:
    await line.send("GET /livez HTTP/1.1\r\n")
    reader, writer = await asyncio.open_connection(*address)
    await Line(reader, writer).send(head("GET", "/livez"))
    assert (await Line(reader, writer).answer())[0] == 200
    writer.close()


async def test_plain_text_upgrades_are_ignored(line: Line) -> None:
    await line.send(head("GET", "/livez", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"))
    assert (await line.answer())[0] == 200
