"""Failing on demand, and remembering what came in."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

FaultMode = Literal["slow", "rate_limit", "server_error", "reset", "lost_answer", "error_after_work", "garbage", "refusal", "job_failure"]
REQUESTS_KEPT = 500
BODY_CHARACTERS_KEPT = 100_000


class Fault(BaseModel):
    """What shall go wrong for the next `times` calls whose path contains `path`; `delay_seconds` is a wait or a Retry-After.

    `reset`: the connection breaks before anything is done. `lost_answer`: done, and the connection breaks.
    `error_after_work`: done, and answered with a 500. `refusal`: the content is refused. `job_failure`: taken, and fails later.
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
    """What was received: all counted, the newest kept. `works` counts the work done, told or lost.

    `key_header` names the header that makes a call idempotent, kept as `key`; `read` makes a body what is shown of it.
    """

    def __init__(self, *, key_header: str | None = None, read: Callable[[bytes], object] | None = None) -> None:
        self._kept: deque[Mapping[str, object]] = deque(maxlen=REQUESTS_KEPT)
        self._key_header, self._read = key_header, read or _kept
        self._count = 0
        self._works = 0

    def receive(self, *, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Notes one call."""
        self._count += 1
        noted: dict[str, object] = {"method": method, "path": path, "body": self._read(body)}
        if self._key_header is not None:
            noted["key"] = (headers or {}).get(self._key_header)
        self._kept.append(noted)

    def note_work(self) -> None:
        """Counts one piece of paid work."""
        self._works += 1

    def shown(self) -> Mapping[str, object]:
        """The counts, and the calls from old to new."""
        return {"count": self._count, "works": self._works, "requests": list(self._kept)}

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self._count = self._works = 0


class BrokenResponse(Response):
    """Begins an answer, says `told` of it and breaks the connection: the server closes what was not completed."""

    def __init__(self, told: bytes = b"{", *, media_type: str = "application/json") -> None:
        super().__init__(media_type=media_type)
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without a length and without an end, so that no reader can take it for a whole answer."""
        headers = [(b"content-type", (self.media_type or "application/json").encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._told, "more_body": True})


def fault_routes(faults: Faults, log: RequestLog) -> list[Route]:
    """The doors by which tests steer a simulator: PUT and DELETE `/_faults`, GET and DELETE `/_requests`."""

    async def set_fault(request: Request) -> Response:
        try:
            faults.set(Fault.model_validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
        return Response(status_code=204)

    async def end_faults(_: Request) -> Response:
        faults.set(None)
        return Response(status_code=204)

    async def shown(_: Request) -> Response:
        return JSONResponse(dict(log.shown()))

    async def forget(_: Request) -> Response:
        log.clear()
        return Response(status_code=204)

    return [
        Route("/_faults", set_fault, methods=["PUT"]),
        Route("/_faults", end_faults, methods=["DELETE"]),
        Route("/_requests", shown, methods=["GET"]),
        Route("/_requests", forget, methods=["DELETE"]),
    ]


async def linger(fault: Fault | None) -> None:
    """Waits where the fault says so."""
    if fault is not None and fault.mode == "slow":
        await asyncio.sleep(fault.delay_seconds)


def _kept(body: bytes) -> object:
    text = body.decode("utf-8", "replace")
    if len(text) > BODY_CHARACTERS_KEPT:
        return text[:BODY_CHARACTERS_KEPT]
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
