"""Failing on demand, and remembering what came in."""

from collections import deque
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

FaultMode = Literal["slow", "rate_limit", "server_error", "reset", "lost_answer", "error_after_work", "garbage"]
REQUESTS_KEPT = 500


class Fault(BaseModel):
    """What shall go wrong for the next `times` calls whose path contains `path`; `delay_seconds` is a wait or a Retry-After.

    `lost_answer`: done, and the connection breaks. `error_after_work`: done, and answered with a 500.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mode: FaultMode
    times: int = Field(default=1, ge=1, le=1_000_000)
    path: str = ""
    method: Literal["GET", "POST", "DELETE"] | None = None
    delay_seconds: float = Field(default=1.0, ge=0, le=600, strict=False)


class Faults:
    """The fault that is set, counted down by the calls it hits."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._left = 0

    def set(self, fault: Fault | None) -> None:
        """Replaces whatever was set."""
        self._fault, self._left = fault, fault.times if fault else 0

    def take(self, *, method: str, path: str) -> Fault | None:
        """The fault for this call."""
        fault = self._fault
        if fault is None or self._left == 0 or fault.path not in path or fault.method not in (None, method):
            return None
        self._left -= 1
        return fault


class RequestLog:
    """The newest calls, with their bodies as the vendor would read them."""

    def __init__(self) -> None:
        self._kept: deque[Mapping[str, object]] = deque(maxlen=REQUESTS_KEPT)

    def receive(self, *, method: str, path: str, body: object, headers: Mapping[str, str]) -> None:
        """Notes one call."""
        self._kept.append({"method": method, "path": path, "body": body, "key": headers.get("paypal-request-id")})

    def shown(self) -> list[Mapping[str, object]]:
        """The calls from old to new."""
        return list(self._kept)


class BrokenResponse(Response):
    """Begins an answer and breaks the connection: the server closes what was not completed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without an end, so that no reader can take it for a whole answer."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
