"""REST door of generations."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from nexusone.kernel.errors import PayloadTooLarge
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.generations import (
    Batch,
    Estimate,
    Generation,
    GenerationHeard,
    GenerationKind,
    GenerationStatus,
    NewBatch,
    NewEstimate,
    NewGeneration,
    NewText,
)
from nexusone.modules.ai.service import generations, webhooks
from nexusone.modules.ai.service.refusals import (
    GenerationNotFound,
    ModelCannot,
    ModelUnknown,
    NotCancelable,
    NoTextModel,
    NotRetryable,
    OutputSchemaInvalid,
    OverBudget,
    StreamsTextOnly,
    WebhookNotVerified,
)
from nexusone.modules.ai.service.refusals_assets import AssetNotFound
from nexusone.modules.ai.service.refusals_knowledge import CollectionNotFound
from nexusone.modules.ai.service.refusals_voices import BrandVoiceNotFound
from nexusone.modules.ai.service.streaming import stream_text
from nexusone.modules.billing.api import InsufficientCredits, PurposeStopped
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.paging import Pager

door = Door("ai")

Preference = Annotated[
    str | None, Header(max_length=200, description="`wait`: answer 201 with the ended text where it ends in time, instead of 202 at once.")
]
Accepted = Annotated[str | None, Header(max_length=500, description="`text/event-stream`: a text comes as it is written.")]

BEAT_SECONDS = 15.0
ANNOUNCEMENT = {"kind": "text", "prompt": "Two sentences that announce our new solar lamp.", "locale": "de"}
WEBHOOK_BYTES_MAX = 1024 * 1024
RESERVING = (
    InsufficientCredits,
    PurposeStopped,
    ModelUnknown,
    ModelCannot,
    OutputSchemaInvalid,
    OverBudget,
    NoTextModel,
    AssetNotFound,
    BrandVoiceNotFound,
    CollectionNotFound,
)
ENDED = {
    "description": "Ended within the time that was waited for it (`Prefer: wait`).",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Generation"}}},
}
STREAM = {
    "description": "The text as it is written (`Accept: text/event-stream`).",
    "content": {"text/event-stream": {"schema": {"type": "string", "description": "Events `generation` (first and last) and `delta`."}}},
}


@door.post(
    "/generations",
    permission="generations:write",
    status=202,
    summary="Make a text, a picture, speech or a film",
    cost=5,
    refusals=(*RESERVING, StreamsTextOnly),
    openapi_extra={
        "responses": {"200": STREAM, "201": ENDED},
        "requestBody": {"content": {"application/json": {"example": ANNOUNCEMENT}}},
    },
    response_model=Generation,
)
async def generate(ctx: Caller, body: NewGeneration, response: Response, prefer: Preference = None, accept: Accepted = None) -> Any:
    """202 with the queued generation; what becomes of it is told at its address, on the stream and by webhook.

    With `Prefer: wait`, a text that ends in time is answered with 201. With `Accept: text/event-stream` a text is streamed.
    The Idempotency-Key is optional so that the simplest client can write; one that repeats requests sends it, because
    without it every request is a new generation and is paid for.
    """
    if "text/event-stream" in (accept or ""):
        if not isinstance(body, NewText):
            raise StreamsTextOnly(kind=body.kind)
        pieces = await stream_text(ctx, wanted=body)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_frames(pieces), status_code=200, media_type="text/event-stream", headers=headers)
    if isinstance(body, NewText) and is_waiting(prefer):
        made = await generations.generate(ctx, wanted=body)
        if made.finished_at is not None:
            response.status_code = 201
    else:
        made = await generations.submit(ctx, wanted=body)
    response.headers["Location"] = f"/v1/generations/{made.id}"
    return made


@door.post(
    "/generations/batch",
    permission="generations:write",
    status=202,
    summary="Make up to a hundred things at once",
    cost=20,
    refusals=(),
)
async def generate_batch(ctx: Caller, body: NewBatch) -> Batch:
    return await generations.submit_batch(ctx, wanted=body.items)


@door.post("/generations/estimate", permission="generations:read", summary="What a generation can cost at the most", refusals=RESERVING[1:])
async def estimate(ctx: Caller, body: NewEstimate) -> Estimate:
    return await generations.estimate(ctx, wanted=body.generation)


@door.get("/generations", permission="generations:read", summary="List generations, newest first")
async def list_generations(
    ctx: Caller,
    pager: Pager,
    kind: Annotated[GenerationKind | None, Query()] = None,
    status: Annotated[GenerationStatus | None, Query()] = None,
) -> Page[Generation]:
    return pager.page(await generations.list_generations(ctx, request=pager.request, kind=kind, status=status))


@door.get("/generations/{generation_id}", permission="generations:read", summary="One generation", refusals=(GenerationNotFound,))
async def get_generation(ctx: Caller, generation_id: UUID) -> Generation:
    return await generations.get_generation(ctx, generation_id=generation_id)


@door.post(
    "/generations/{generation_id}/cancel",
    permission="generations:write",
    summary="Call a generation off",
    refusals=(GenerationNotFound, NotCancelable),
)
async def cancel(ctx: Caller, generation_id: UUID) -> Generation:
    """What has not begun ends at once; what a vendor works on is stopped there, and ends as the vendor says."""
    return await generations.cancel(ctx, generation_id=generation_id)


@door.post(
    "/generations/{generation_id}/retry",
    permission="generations:write",
    status=202,
    summary="Ask again for what failed",
    cost=5,
    refusals=(GenerationNotFound, NotRetryable, *RESERVING),
)
async def retry(ctx: Caller, generation_id: UUID) -> Generation:
    """A generation of its own, with `retry_of`."""
    return await generations.retry(ctx, generation_id=generation_id)


def is_waiting(prefer: str | None) -> bool:
    """Whether the caller would rather wait."""
    return "wait" in {wish.split(";")[0].split("=")[0].strip().lower() for wish in (prefer or "").split(",")}


async def _frames(pieces: AsyncGenerator[str | Generation, None]) -> AsyncIterator[bytes]:
    """Server-sent events; a comment every fifteen seconds in which nothing is written keeps the line open."""
    reading = _next(pieces)
    try:
        while True:
            done, _ = await asyncio.wait({reading}, timeout=BEAT_SECONDS)
            if not done:
                yield b": beat\n\n"
                continue
            try:
                piece = reading.result()
            except StopAsyncIteration:
                return
            yield _frame(piece)
            reading = _next(pieces)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await pieces.aclose()


def _next(pieces: AsyncIterator[str | Generation]) -> "asyncio.Task[str | Generation]":
    async def read() -> str | Generation:
        return await anext(pieces)

    return asyncio.create_task(read())


def _frame(piece: str | Generation) -> bytes:
    if isinstance(piece, str):
        return b"event: delta\ndata: " + json.dumps({"text": piece}, ensure_ascii=False).encode() + b"\n\n"
    return b"event: generation\ndata: " + piece.model_dump_json().encode() + b"\n\n"


@door.post(
    "/webhooks/generations/{token}",
    permission=PUBLIC,
    cost=0,
    summary="Where vendors tell that a generation changed",
    refusals=(GenerationNotFound, WebhookNotVerified, PayloadTooLarge, NoTextModel),
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "object", "examples": [{"status": "succeeded"}]}}}}},
)
async def hear(ctx: Caller, request: Request, token: Annotated[str, Path(min_length=10, max_length=300)]) -> GenerationHeard:
    """Nothing in it is believed: it only lets the generation be looked at sooner."""
    body = await request.body()
    if len(body) > WEBHOOK_BYTES_MAX:
        raise PayloadTooLarge(limit=WEBHOOK_BYTES_MAX)
    await webhooks.receive(ctx, token=token, headers=dict(request.headers), body=body)
    return GenerationHeard()
