"""HTTP/1.1 with limits: heads that are too large and clients that are too slow are dropped before they cost anything."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from nexusone.kernel.ids import new_id
from nexusone.web.boundary import HEAD_BYTES_MAX, SECURITY_HEADERS
from nexusone.web.problems import PROBLEM_TYPE

PATIENCE_SECONDS = 20.0
STEP_BYTES = 16 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """The server's protocol. A client has 20 s for the head, for each 16 KiB of a body, and to take what was sent to it."""

    patience_seconds = PATIENCE_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_in_head = True
        self._since_step = 0
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_reading_timer()
        self._stop_writing_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._since_step += len(data)
        if self._is_in_head and self._since_step > HEAD_BYTES_MAX:
            self._refuse(431, "request.head_too_large", f"the head of the request is larger than {HEAD_BYTES_MAX} bytes")
        elif not self._is_in_head and self._since_step >= STEP_BYTES and self._reading is not None:
            self._wait_for_reading()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._wait_for_reading()

    def on_headers_complete(self) -> None:
        self._is_in_head, self._since_step = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_reading_timer()
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._writing = self.loop.call_later(self.patience_seconds, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stop_writing_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "request.invalid", msg)

    def _wait_for_reading(self) -> None:
        self._stop_reading_timer()
        self._since_step = 0
        self._reading = self.loop.call_later(self.patience_seconds, self._run_out_of_patience)

    def _run_out_of_patience(self) -> None:
        if self.flow.read_paused:
            self._wait_for_reading()
        else:
            self.transport.abort()

    def _stop_reading_timer(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _stop_writing_timer(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _refuse(self, status: int, code: str, detail: str) -> None:
        request_id = str(new_id())
        problem = {"type": PROBLEM_TYPE + code, "title": detail, "status": status, "detail": detail, "instance": request_id, "code": code}
        body = json.dumps(problem).encode()
        headers = {**SECURITY_HEADERS, "Content-Type": "application/problem+json", "X-Request-Id": request_id, "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Content-Length": str(len(body))}.items())
        self.transport.write(STATUS_LINE[status] + lines.encode() + b"\r\n" + body)
        self.transport.close()
