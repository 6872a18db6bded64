"""Doors that speak a wire of others: under their prefix, problems become errors in that wire's own shape."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Send

Rewrite = Callable[[int, Mapping[str, Any]], "Rewritten"]
"""From a problem's status and body to the error that the wire knows."""

PROBLEM = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An error of another wire."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a door tells errors: `rewrite` makes them, `statuses` are those that mean something else there, `schema` describes a body."""

    rewrite: Rewrite
    statuses: Mapping[int, int]
    schema: Mapping[str, Any]


def speaking(send: Send, path: str, *, by_prefix: Mapping[str, Dialect]) -> Send:
    """`send`, or what tells problems in the wire of the prefix that a path is under."""
    found = next((dialect for prefix, dialect in by_prefix.items() if path.startswith(f"{prefix}/")), None)
    return send if found is None else _Speaker(send, found.rewrite).send


class _Speaker:
    """Holds a problem back until it is whole, and lets everything else pass."""

    def __init__(self, send: Send, rewrite: Rewrite) -> None:
        self._send, self._rewrite = send, rewrite
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Passes a message on, in the wire's words where it tells of a problem."""
        if message["type"] == "http.response.start" and (b"content-type", PROBLEM) in message["headers"]:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        told = self._rewrite(start["status"], json.loads(self._body))
        body = json.dumps(told.body, ensure_ascii=False).encode()
        kept = [(name, value) for name, value in start["headers"] if name not in (b"content-type", b"content-length")]
        own = {"content-type": "application/json", "content-length": str(len(body)), **told.headers}
        headers = [*kept, *((name.encode(), value.encode()) for name, value in own.items())]
        await self._send({**start, "status": told.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
