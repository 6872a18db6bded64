"""One connection as a stream of replies. Replies are parsed as they arrive, so that many commands can be under way."""

import asyncio
import ssl
from collections import deque
from typing import NamedTuple, cast

REPLY_BYTES_MAX = 65_536
WRITE_SLICE_BYTES = 262_144


class Lost(Exception):
    """The connection is gone, silent for too long, or no longer makes sense."""


class Reply(NamedTuple):
    """An SMTP reply: its code, and its lines joined by newlines without the code."""

    code: int
    text: str


class Wire(asyncio.Protocol):
    """The client's end of an SMTP connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._tail = b""
        self._lines: list[str] = []
        self._lines_bytes = 0
        self._replies: deque[Reply] = deque()
        self._lost: str | None = None
        self._reply_waiter: asyncio.Future[None] | None = None
        self._write_waiter: asyncio.Future[None] | None = None
        self._is_write_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._tail = (self._tail + data).split(b"\n")
        for line in lines:
            # After one unreadable reply no later one can be matched to its command.
            if self._lost is None:
                self._take_line(line)
        if len(self._tail) + self._lines_bytes > REPLY_BYTES_MAX:
            self._lose("the server's reply is too long")
        self._wake(self._reply_waiter)

    def eof_received(self) -> bool:
        self._lose("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(f"the connection broke: {exc}" if exc else "the connection was closed")

    def pause_writing(self) -> None:
        self._is_write_paused = True

    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._wake(self._write_waiter)

    @property
    def is_quiet(self) -> bool:
        """Whether the connection stands and the server has said nothing that was not asked."""
        return self._lost is None and not (self._replies or self._tail or self._lines)

    @property
    def local_ip(self) -> str:
        """This end's IP address; raises Lost when there is none."""
        name = self._transport.get_extra_info("sockname") if self._transport is not None else None
        if not name:
            raise Lost(self._lost or "not connected")
        return str(name[0])

    def write(self, data: bytes) -> None:
        """Sends bytes; raises Lost when the connection is known to be gone."""
        if self._lost is not None or self._transport is None:
            raise Lost(self._lost or "not connected")
        self._transport.write(data)

    async def write_all(self, data: bytes, *, timeout_seconds: float) -> None:
        """Sends bytes of any length, waiting at most the timeout for each 256 KiB to be taken; raises Lost."""
        for start in range(0, len(data), WRITE_SLICE_BYTES):
            self.write(data[start : start + WRITE_SLICE_BYTES] if len(data) > WRITE_SLICE_BYTES else data)
            while self._is_write_paused:
                self._write_waiter = self._loop.create_future()
                await self._wait(self._write_waiter, timeout_seconds=timeout_seconds)

    async def reply(self, *, timeout_seconds: float) -> Reply:
        """The next reply; raises Lost when none comes in time."""
        while not self._replies:
            if self._lost is not None:
                raise Lost(self._lost)
            self._reply_waiter = self._loop.create_future()
            await self._wait(self._reply_waiter, timeout_seconds=timeout_seconds)
        return self._replies.popleft()

    async def start_tls(self, context: ssl.SSLContext, *, host: str, timeout_seconds: float) -> None:
        """Turns the connection into TLS; raises Lost, or OSError when the certificate is not trusted."""
        # Words sent before the handshake are an attacker's (RFC 3207, section 4.2).
        if not self.is_quiet or self._transport is None:
            raise Lost(self._lost or "the server spoke before TLS was agreed")
        async with asyncio.timeout(timeout_seconds):
            secured = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        if secured is None:
            raise Lost(self._lost or "the connection closed during the TLS handshake")
        self._transport = secured

    def leave(self) -> None:
        """Says good-bye and closes without waiting for an answer."""
        if self._transport is not None and self._lost is None:
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        self._lose("closed")

    def abort(self) -> None:
        """Drops the connection at once."""
        if self._transport is not None:
            self._transport.abort()
        self._lose("closed")

    def _take_line(self, line: bytes) -> None:
        code, mark = line[:3], line[3:4]
        if not (code.isdigit() and mark in b" -\r"):
            self._lose("the server's reply is not SMTP")
            return
        self._lines.append(line[4:].decode("utf-8", "replace").strip())
        self._lines_bytes += len(line)
        if mark != b"-":
            self._replies.append(Reply(int(code), "\n".join(self._lines)))
            self._lines, self._lines_bytes = [], 0

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
            if self._transport is not None:
                self._transport.close()
        self._wake(self._reply_waiter)
        self._is_write_paused = False
        self._wake(self._write_waiter)

    @staticmethod
    def _wake(waiter: "asyncio.Future[None] | None") -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    @staticmethod
    async def _wait(waiter: "asyncio.Future[None]", *, timeout_seconds: float) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter
        except TimeoutError:
            raise Lost(f"the server was silent for {timeout_seconds:g} s") from None
