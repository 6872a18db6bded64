"""Answers as bytes: JSON, server-sent events, and connections that break."""

import json

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from nexusone.providers.openai.simulation.responses import Json


class BrokenResponse(Response):
    """Begins an answer, says `told` of it and breaks the connection: the server closes what was not completed."""

    def __init__(self, told: bytes, *, media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without a length and without an end, so that no reader can take it for a whole answer."""
        headers = [(b"content-type", (self.media_type or "application/json").encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._told, "more_body": True})


def json_bytes(body: object) -> bytes:
    """Compact JSON, as the vendor sends it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def event_bytes(event: Json, *, is_named: bool) -> bytes:
    """One server-sent event; the Responses wire names its events, the older wire does not."""
    name = f"event: {event['type']}\n".encode() if is_named else b""
    return name + b"data: " + json_bytes(event) + b"\n\n"


def error_response(status: int, body: object, headers: dict[str, str]) -> JSONResponse:
    """An error answer; never cached."""
    return JSONResponse(body, status_code=status, headers={"cache-control": "no-store", **headers})
