"""`GET /v1/stream`: the workspace's domain events as server-sent events, resumable by `Last-Event-ID`."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request
from starlette.responses import StreamingResponse

from nexusone.kernel.errors import InvalidRequest, RateLimited, Unauthenticated, Unavailable
from nexusone.platform.events import LoggedEvent, find_event, list_events_after
from nexusone.platform.live import Arrivals, LiveEvents
from nexusone.platform.runtime import Context
from nexusone.web.admission import Arrival, Authenticator
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("stream")

FRAME = {
    "type": "object",
    "description": "One event of the stream; `data` is JSON with the event's id, name, occurred_at and data.",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}

LIVE_STATE = "live_events"
PERMISSION = "events:read"
CHECK_SECONDS = 5.0
BEAT_SECONDS = 15.0
CATCH_UP_MAX = 1000
STREAM_SECONDS_MAX = 3600.0
EVENT_ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


@door.get(
    "/stream",
    permission=PERMISSION,
    summary="Follow what happens in the workspace, as server-sent events",
    response_class=StreamingResponse,
    openapi_extra={"responses": {"200": {"content": {"text/event-stream": {"schema": FRAME}}}}},
)
async def follow(
    ctx: Caller,
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=36, json_schema_extra={"format": "uuid", "pattern": EVENT_ID})] = None,
) -> StreamingResponse:
    live: LiveEvents = getattr(request.app.state, LIVE_STATE)
    following = _Following(ctx, live, after=_event_id(last_event_id), authorization=request.headers.get("authorization"))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(following.frames(), media_type="text/event-stream", headers=headers)


@dataclass(frozen=True, slots=True)
class _Following:
    """One stream. It ends where its credential ends, and where events were missed: the client then resumes by id."""

    ctx: Context
    live: LiveEvents
    after: UUID | None
    authorization: str | None

    async def frames(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + STREAM_SECONDS_MAX
        # Without a database the stream ends; the client comes back with the id of its last event.
        with suppress(Unavailable, TimeoutError), self.live.subscribe(self.ctx.workspace) as arrivals:
            await asyncio.wait_for(arrivals.begun.wait(), CHECK_SECONDS)
            yield b"retry: 2000\n\n"
            # What arrives while catching up may have been caught up with; the arrivals hold no more than this.
            sent: deque[UUID] = deque(maxlen=2 * CATCH_UP_MAX)
            async for event in self._missed():
                sent.append(event.id)
                yield _frame(event)
            checked_at = beaten_at = clock()
            while clock() < ends_at:
                event_id = await _next(arrivals)
                if event_id is None:
                    return
                if clock() - checked_at >= CHECK_SECONDS:
                    checked_at = clock()
                    if not await self._is_admitted():
                        return
                if isinstance(event_id, UUID):
                    if event_id not in sent and (found := await find_event(self.ctx, event_id=event_id)) is not None:
                        yield _frame(found)
                elif clock() - beaten_at >= BEAT_SECONDS:
                    beaten_at = clock()
                    yield b": beat\n\n"

    async def _missed(self) -> AsyncIterator[LoggedEvent]:
        after = self.after
        while after is not None:
            page = await list_events_after(self.ctx, after=after, limit=CATCH_UP_MAX)
            for event in page:
                yield event
            after = page[-1].id if len(page) == CATCH_UP_MAX else None

    async def _is_admitted(self) -> bool:
        arrival = Arrival(
            authorization=self.authorization,
            ip=self.ctx.ip or "",
            user_agent=self.ctx.user_agent,
            request_id=self.ctx.request_id,
            language=None,
            cost=0,
        )
        runtime = self.ctx.runtime
        try:
            admission = await runtime.port(Authenticator).admit(runtime, arrival)
        except Unauthenticated:
            return False
        except (RateLimited, Unavailable):
            return True
        return admission.ctx.may(PERMISSION)


class _Nothing:
    """No event came in time."""


async def _next(arrivals: Arrivals) -> UUID | _Nothing | None:
    try:
        return await asyncio.wait_for(arrivals.get(), CHECK_SECONDS)
    except TimeoutError:
        return _Nothing()


def _frame(event: LoggedEvent) -> bytes:
    shown = json.dumps({"id": str(event.id), "name": event.name, "occurred_at": event.occurred_at.isoformat(), "data": event.payload})
    return f"id: {event.id}\nevent: {event.name}\ndata: {shown}\n\n".encode()


def _event_id(text: str | None) -> UUID | None:
    if text is None:
        return None
    if not re.fullmatch(EVENT_ID, text):
        raise InvalidRequest(reason="Last-Event-ID is not the id of an event")
    return UUID(text)
