"""A door that speaks the wire which clients of many vendors speak: what comes in goes through as it is, and so does what comes back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Header, Path, Request
from starlette.responses import Response, StreamingResponse

from nexusone.kernel.errors import InvalidRequest, PayloadTooLarge, Refusal
from nexusone.modules.ai.contracts.gateway import WireModel, WireModels
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.passage import Operation
from nexusone.modules.ai.service import gateway
from nexusone.modules.ai.service.gateway_reserving import FALLBACKS_MAX
from nexusone.modules.ai.service.refusals import NoTextModel
from nexusone.modules.ai.service.refusals_gateway import (
    WireBusy,
    WireContentRefused,
    WireInFlight,
    WireModelUnknown,
    WireNoAnswer,
    WireNotPassedOn,
    WireRejected,
    WireVendorBusy,
    WireVendorDown,
)
from nexusone.modules.billing.api import InsufficientCredits, PurposeStopped
from nexusone.platform.runtime import Context
from nexusone.web.caller import Caller
from nexusone.web.dialect import Dialect, Rewritten
from nexusone.web.door import Door

# Clients of that wire look for it here; nothing else of the product bears the name.
PREFIX = "/openai/v1"
# The wire has every model have been made at some time; ours are known since the catalog was.
MODELS_SINCE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
REFUSALS = (
    InsufficientCredits,
    PurposeStopped,
    InvalidRequest,
    PayloadTooLarge,
    NoTextModel,
    WireBusy,
    WireContentRefused,
    WireInFlight,
    WireModelUnknown,
    WireNoAnswer,
    WireNotPassedOn,
    WireRejected,
    WireVendorBusy,
    WireVendorDown,
)
STATUSES = {402: 429, 422: 400, 406: 400, 428: 400}
TEXT_OR_NULL = {"type": ["string", "null"]}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {"message": {"type": "string"}, "type": {"type": "string"}, "param": TEXT_OR_NULL, "code": TEXT_OR_NULL},
        }
    },
}
KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CODES: Mapping[str, str] = {
    "auth.unauthenticated": "invalid_api_key",
    "auth.forbidden": "insufficient_permissions",
    "ai.gateway_model_unknown": "model_not_found",
    "ai.gateway_content_refused": "content_policy_violation",
    "idempotency.key_reused": "idempotency_key_reused",
    "idempotency.in_flight": "idempotency_in_flight",
}
BY_STATUS = {
    402: "insufficient_quota",
    413: "request_too_large",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "service_unavailable",
}
# The clients of this wire repeat by themselves, which here would be no use, or paid for again.
NOT_REPEATED = frozenset({"ai.gateway_no_answer", "service.outcome_unknown"})

Fallbacks = Annotated[
    str | None,
    Header(
        alias="NexusOne-Fallbacks",
        max_length=400,
        description=f"Models, by commas, at most {FALLBACKS_MAX}: asked in this order where the one before is not available.",
    ),
]


def tell(status: int, problem: Mapping[str, Any]) -> Rewritten:
    """A problem as an error of the wire."""
    code = str(problem.get("code", ""))
    fault: Mapping[str, str] = next(iter(problem.get("errors") or ()), {})
    told = STATUSES.get(status, status)
    kind = "insufficient_quota" if status == 402 else KINDS.get(told, "server_error" if told >= 500 else "invalid_request_error")
    body = {
        "message": fault.get("detail") or problem.get("detail", ""),
        "type": kind,
        "param": "model" if code == "ai.gateway_model_unknown" else _param(fault.get("pointer")),
        "code": fault.get("code") or CODES.get(code) or BY_STATUS.get(status) or code,
    }
    is_repeated = status != 402 and code not in NOT_REPEATED
    return Rewritten(told, {"error": body}, {} if is_repeated else {"x-should-retry": "false"})


door = Door("gateway", prefix=PREFIX, dialect=Dialect(tell, STATUSES, ERROR))


def _passing(summary: str, example: Mapping[str, object], *, streams: bool) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": True}
    answers: dict[str, Any] = {"application/json": {"schema": schema}}
    if streams:
        answers["text/event-stream"] = {"schema": {"type": "string", "description": "The vendor's events, where `stream` is true."}}
    wanted = {**schema, "required": ["model"], "properties": {"model": {"type": "string"}}, "examples": [example]}
    return {
        "permission": "generations:write",
        "summary": summary,
        "cost": 5,
        "refusals": REFUSALS,
        "response_class": Response,
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": wanted}}},
            "responses": {"200": {"description": "The vendor's answer, as it came.", "content": answers}},
        },
    }


@door.post(
    "/chat/completions",
    **_passing(
        "Chat, in the wire of others", {"model": "a-model", "messages": [{"role": "user", "content": "Announce our lamp."}]}, streams=True
    ),
)
async def chat(ctx: Caller, request: Request, fallbacks: Fallbacks = None) -> Response:
    """The body goes to the vendor as it is; credits, caps, limits and the record are as for any generation."""
    return await _pass(ctx, request, "chat", fallbacks)


@door.post("/responses", **_passing("Responses, in the wire of others", {"model": "a-model", "input": "Announce our lamp."}, streams=True))
async def respond(ctx: Caller, request: Request, fallbacks: Fallbacks = None) -> Response:
    """As chat. Nothing is stored at the vendor."""
    return await _pass(ctx, request, "responses", fallbacks)


@door.post("/embeddings", **_passing("Vectors, in the wire of others", {"model": "a-model", "input": ["A solar lamp."]}, streams=False))
async def embed(ctx: Caller, request: Request, fallbacks: Fallbacks = None) -> Response:
    """As chat."""
    return await _pass(ctx, request, "embeddings", fallbacks)


@door.post(
    "/images/generations",
    **_passing("Pictures, in the wire of others", {"model": "a-model", "prompt": "A solar lamp.", "size": "1024x1024"}, streams=False),
)
async def draw(ctx: Caller, request: Request, fallbacks: Fallbacks = None) -> Response:
    """As chat. A size or quality that is left out or "auto" becomes one that has a price."""
    return await _pass(ctx, request, "images", fallbacks)


@door.get("/models", permission="generations:read", summary="The models there are, in the wire of others", refusals=(NoTextModel,))
async def list_models(ctx: Caller) -> WireModels:
    return WireModels(data=tuple(_model(card) for card in await gateway.list_cards(ctx)))


@door.get(
    "/models/{model}", permission="generations:read", summary="One model, in the wire of others", refusals=(NoTextModel, WireModelUnknown)
)
async def get_model(ctx: Caller, model: Annotated[str, Path(min_length=1, max_length=100)]) -> WireModel:
    return _model(await gateway.get_card(ctx, name=model))


async def _pass(ctx: Context, request: Request, operation: Operation, fallbacks: str | None) -> Response:
    named = [name.strip() for name in (fallbacks or "").split(",") if name.strip()]
    if len(named) > FALLBACKS_MAX:
        raise InvalidRequest(reason=f"NexusOne-Fallbacks names at most {FALLBACKS_MAX} models")
    answer = await gateway.pass_on(ctx, operation=operation, raw=await request.body(), fallbacks=named)
    if isinstance(answer, bytes):
        return Response(answer, media_type="application/json")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(answer), media_type="text/event-stream", headers=headers)


async def _told(events: gateway.Events) -> gateway.Events:
    """The events; what goes wrong among them is told as the wire tells it there."""
    try:
        async for event in events:
            yield event
    except Refusal as refusal:
        error = {"message": "the answer broke off", "type": "server_error", "param": None, "code": CODES.get(refusal.code) or refusal.code}
        yield b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    finally:
        await events.aclose()


def _model(card: ModelCard) -> WireModel:
    return WireModel(id=card.name, created=MODELS_SINCE, owned_by=card.vendor)


def _param(pointer: str | None) -> str | None:
    if not pointer:
        return None
    return pointer.partition("/")[2].replace("/", ".") if pointer.startswith(("/", "#")) else pointer
