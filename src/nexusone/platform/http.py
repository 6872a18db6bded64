"""The one outgoing HTTP client: bounded in time and size, never redirected, never led into private networks.

Every address a host resolves to is judged, and the connection is made to the judged one: there is no second look-up.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.addresses import AddressRefused, Reach, check_url, is_public

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
FILE_SECONDS_MAX = 900.0
ANSWER_BYTES_MAX = 1024 * 1024
CONNECTIONS_MAX = 200
CONNECTIONS_PER_HOST_MAX = 50
HEADER_BYTES_MAX = 16 * 1024
# Shorter than the five seconds after which common servers close an idle connection: no call goes into a closing one.
IDLE_SECONDS_MAX = 4.0

LookUp = Callable[[str, int], Awaitable[list[str]]]
"""The numeric addresses of a host."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, whatever its status; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutgoingHttp:
    """One a process; connections are pooled by host. `look_up` replaces the system's resolver."""

    def __init__(self, reach: Reach, *, look_up: LookUp | None = None, total_seconds: float = TOTAL_SECONDS) -> None:
        self.reach = reach
        self._look_up = look_up or _look_up
        connect = min(CONNECT_SECONDS, total_seconds)
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, sock_connect=connect)
        self._file_timeout = aiohttp.ClientTimeout(total=FILE_SECONDS_MAX, sock_connect=connect, sock_read=total_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> HttpAnswer:
        """One request and its whole answer; a redirect is an answer like any other.

        Raises:
            AddressRefused: the address may not be spoken to; nothing was sent.
            DefiniteFailure: no connection could be made; nothing was sent.
            UnknownOutcome: sent, and no (or too long, or broken) answer came back.
        """
        async with self.opened(method, url, headers=headers, body=body) as answer:
            return await _read(answer, answer_bytes_max)

    @asynccontextmanager
    async def opened(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, is_file: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request and its answer, to be read piece by piece; who reads bounds it. Raises as `request` does.

        A file (`is_file`) may take as long as bytes keep coming: what is bounded is the wait for the next ones.
        """
        check_url(url, reach=self.reach)
        sent = {"Accept-Encoding": "identity", "User-Agent": "NexusOne", **(headers or {})}
        timeout = self._file_timeout if is_file else self._timeout
        try:
            async with self._pool().request(method, url, headers=sent, data=body, allow_redirects=False, timeout=timeout) as answer:
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise ValueError("an answer that was packed although it must not be")
                yield answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise DefiniteFailure(code="http.unreachable", detail="no connection could be made", is_retryable=True) from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UnknownOutcome(detail=f"the request got no whole answer: {type(error).__name__}") from error

    async def close(self) -> None:
        """Ends all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_JudgingResolver(self.reach, self._look_up),
                use_dns_cache=False,
                socket_factory=self._socket,
                limit=CONNECTIONS_MAX,
                limit_per_host=CONNECTIONS_PER_HOST_MAX,
                keepalive_timeout=IDLE_SECONDS_MAX,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                max_line_size=HEADER_BYTES_MAX,
                max_field_size=HEADER_BYTES_MAX,
            )
        return self._session

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        # Numeric hosts never come to the resolver, so the last word is here, on what is really connected to.
        family, kind, protocol, _, target = address
        _judge(str(target[0]), int(target[1]), self.reach)
        return socket.socket(family=family, type=kind, proto=protocol)


class _JudgingResolver(AbstractResolver):
    def __init__(self, reach: Reach, look_up: LookUp) -> None:
        self._reach, self._look_up = reach, look_up

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._look_up(host, port)
        # One private address among public ones is reason enough: which of them is taken is not ours to choose.
        for address in found:
            _judge(address, port, self._reach)
        if not found:
            raise OSError("the host has no address")
        return [_resolved(host, address, port) for address in found]

    async def close(self) -> None:
        return None


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )


def _judge(address: str, port: int, reach: Reach) -> None:
    if reach.is_public:
        if not is_public(address):
            raise AddressRefused("the host's address is not public")
    elif not any(urlsplit(origin).netloc == (f"[{address}]:{port}" if ":" in address else f"{address}:{port}") for origin in reach.origins):
        raise AddressRefused("in the sandbox only simulators are spoken to")


async def _look_up(host: str, port: int) -> list[str]:
    entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in entries]


async def _read(answer: aiohttp.ClientResponse, bytes_max: int) -> HttpAnswer:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > bytes_max:
            answer.close()
            raise ValueError("an answer over its limit")
    return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, bytes(body))
