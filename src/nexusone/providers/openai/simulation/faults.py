"""Failing on demand, and remembering what came in."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultMode = Literal[
    "slow",
    "rate_limit",
    "server_error",
    "reset",
    "lost_answer",
    "error_after_work",
    "garbage",
    "refusal",
    "job_failure",
    "bad_schema",
    "content_filter",
    "stream_failure",
]
REQUESTS_KEPT = 200
BODY_CHARACTERS_KEPT = 100_000


class Fault(BaseModel):
    """What shall go wrong, for the next `times` calls whose path contains `path`.

    `delay_seconds` is the wait of `slow` and the Retry-After of `rate_limit`. `error_after_work`: done, and a gateway answers
    with a 500 of its own. `job_failure`: the vendor fails at the work and says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mode: FaultMode
    times: int = Field(default=1, ge=1, le=1_000_000)
    path: str = ""
    delay_seconds: float = Field(default=1.0, ge=0, le=600, strict=False)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One call as it came in; `body` is the text where it was too long or not JSON."""

    method: str
    path: str
    body: object


class Faults:
    """The fault that is set, counted down by the calls it hits."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._left = 0

    def set(self, fault: Fault | None) -> None:
        """Replaces whatever was set."""
        self._fault, self._left = fault, fault.times if fault else 0

    def take(self, *, path: str) -> Fault | None:
        """The fault for this call."""
        if self._fault is None or self._left == 0 or self._fault.path not in path:
            return None
        self._left -= 1
        return self._fault


class RequestLog:
    """What was received: all counted, the newest kept. `answered` counts the work done, told or lost."""

    def __init__(self) -> None:
        self._kept: deque[ReceivedRequest] = deque(maxlen=REQUESTS_KEPT)
        self._count = 0
        self._answered = 0

    def receive(self, *, method: str, path: str, body: bytes) -> None:
        """Notes one call."""
        self._count += 1
        self._kept.append(ReceivedRequest(method=method, path=path, body=_kept(body)))

    def note_answer(self) -> None:
        """Counts one piece of work."""
        self._answered += 1

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self._count = self._answered = 0

    def shown(self) -> Mapping[str, object]:
        """The counts, and the calls from old to new."""
        calls = [{"method": call.method, "path": call.path, "body": call.body} for call in self._kept]
        return {"count": self._count, "answered": self._answered, "requests": calls}


def _kept(body: bytes) -> object:
    text = body.decode("utf-8", "replace")
    if len(text) > BODY_CHARACTERS_KEPT:
        return text[:BODY_CHARACTERS_KEPT]
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
