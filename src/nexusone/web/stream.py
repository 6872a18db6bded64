"""`GET /v1/stream`: the workspace's domain events as server-sent events, resumable by `Last-Event-ID`."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request
from starlette.responses import StreamingResponse

from nexusone.kernel.errors import InvalidRequest
from nexusone.platform.events import LoggedEvent, find_event, list_events_after
from nexusone.platform.live import LiveEvents
from nexusone.platform.runtime import Context
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("stream")

LIVE_STATE = "live_events"
BEAT_SECONDS = 15.0
CATCH_UP_MAX = 1000
STREAM_SECONDS_MAX = 3600.0


@door.get(
    "/stream",
    permission="events:read",
    summary="Follow what happens in the workspace, as server-sent events",
    response_class=StreamingResponse,
    openapi_extra={"responses": {"200": {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}},
)
async def follow(ctx: Caller, request: Request, last_event_id: Annotated[str | None, Header(max_length=36)] = None) -> StreamingResponse:
    after = _event_id(last_event_id)
    live: LiveEvents = getattr(request.app.state, LIVE_STATE)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_frames(ctx, live, after), media_type="text/event-stream", headers=headers)


async def _frames(ctx: Context, live: LiveEvents, after: UUID | None) -> AsyncIterator[bytes]:
    with live.subscribe(ctx.workspace) as arrivals:
        yield b"retry: 2000\n\n"
        sent: set[UUID] = set()
        if after is not None:
            for event in await list_events_after(ctx, after=after, limit=CATCH_UP_MAX):
                sent.add(event.id)
                yield _frame(event)
        ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS_MAX
        while asyncio.get_running_loop().time() < ends_at:
            try:
                event_id = await asyncio.wait_for(arrivals.get(), BEAT_SECONDS)
            except TimeoutError:
                yield b": beat\n\n"
                continue
            if event_id not in sent and (found := await find_event(ctx, event_id=event_id)) is not None:
                yield _frame(found)


def _frame(event: LoggedEvent) -> bytes:
    shown = json.dumps({"id": str(event.id), "name": event.name, "occurred_at": event.occurred_at.isoformat(), "data": event.payload})
    return f"id: {event.id}\nevent: {event.name}\ndata: {shown}\n\n".encode()


def _event_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise InvalidRequest(reason="Last-Event-ID is not the id of an event") from error
