"""The outermost layer: request ids, size limits, security headers, metrics, and the last net for faults."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexusone.kernel.errors import InvalidRequest, PayloadTooLarge, Refusal, UnsupportedMedia
from nexusone.kernel.ids import new_id
from nexusone.web.dialect import Dialect, speaking
from nexusone.web.gate import REQUEST_ID_SCOPE_KEY
from nexusone.web.problems import HeadTooLarge, InternalFault, Messages, problem_response

GIVEN_ID = re.compile(r"^[A-Za-z0-9_.-]{8,64}$")
URL_LENGTH_MAX = 8 * 1024
HEAD_BYTES_MAX = 32 * 1024

SECURITY_HEADERS: Mapping[str, str] = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}

RAW_SECURITY_HEADERS = tuple((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items())

Observe = Callable[[str, str, int, float], None]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Boundary:
    """ASGI middleware. `observe` gets method, route, status and seconds of every request; `dialects` tell problems under a prefix."""

    app: ASGIApp
    messages: Messages
    body_bytes_max: int
    upload_bytes_max: int
    upload_paths: frozenset[str]
    observe: Observe
    dialects: Mapping[str, Dialect] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if GIVEN_ID.match(given) else str(new_id())
        scope[REQUEST_ID_SCOPE_KEY] = request_id
        exchange = _Exchange(speaking(send, scope["path"], by_prefix=self.dialects), request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        limit = self.upload_bytes_max if scope["path"] in self.upload_paths else self.body_bytes_max
        try:
            _refuse_unreadable(scope, headers, limit)
            await self.app(scope, _bounded(receive, limit), exchange.send)
        except Refusal as refusal:
            await self._refuse(refusal, exchange, scope, receive)
        except ClientDisconnect:
            _log.info("request.abandoned")
        except Exception as error:
            _log.error("request.fault", path=scope["path"], exc_info=error)
            await self._refuse(InternalFault(), exchange, scope, receive)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self.observe(scope["method"], route, exchange.status, time.perf_counter() - began)

    async def _refuse(self, refusal: Refusal, exchange: "_Exchange", scope: Scope, receive: Receive) -> None:
        if exchange.is_answered:
            return
        if exchange.status:
            raise ConnectionResetError("the answer had begun before the fault")
        response = problem_response(refusal, messages=self.messages, locale="en", request_id=exchange.request_id)
        await response(scope, receive, exchange.send)


class _Exchange:
    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0
        self.is_answered = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[tuple[bytes, bytes]] = message["headers"]
            named = {name for name, _ in headers}
            headers.append((b"x-request-id", self.request_id.encode()))
            headers.extend(pair for pair in RAW_SECURITY_HEADERS if pair[0] not in named)
        await self._send(message)
        self.is_answered = message["type"] == "http.response.body" and not message.get("more_body", False)


def _refuse_unreadable(scope: Scope, headers: Headers, limit: int) -> None:
    if len(scope["path"]) + len(scope["query_string"]) > URL_LENGTH_MAX:
        raise InvalidRequest(reason=f"the address is longer than {URL_LENGTH_MAX} characters")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES_MAX:
        raise HeadTooLarge(limit=HEAD_BYTES_MAX)
    if b"%00" in scope.get("raw_path", b"") or "\x00" in scope["path"]:
        raise InvalidRequest(reason="NUL characters are not allowed")
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise PayloadTooLarge(limit=limit)
    if "content-encoding" in headers:
        raise UnsupportedMedia(expected="bodies without Content-Encoding")


def _bounded(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise PayloadTooLarge(limit=limit)
        return message

    return bounded
