"""Speaks the vendor's wire: it writes marketing copy, draws, judges and compares, and lists its models.

`/v1/responses`, `/v1/chat/completions`, `/v1/images/generations`, `/v1/moderations`, `/v1/embeddings`, `/v1/models`.

`PUT /_faults` makes the next calls fail, `DELETE /_faults` ends that, `GET /_requests` tells what came in.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.kernel.ids import new_id
from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.openai.catalog import (
    ListedEmbeddingModel,
    ListedImageModel,
    ListedModerationModel,
    ListedTextModel,
    listed_models,
)
from nexusone.providers.openai.simulation import refusals
from nexusone.providers.openai.simulation.answering import answer
from nexusone.providers.openai.simulation.completions import completion_chunks, completion_object
from nexusone.providers.openai.simulation.faults import Fault, Faults, RequestLog
from nexusone.providers.openai.simulation.judging import judge, read_judge_request
from nexusone.providers.openai.simulation.pictures import draw, read_picture_request
from nexusone.providers.openai.simulation.requests import Ask, read_chat_request, read_response_request
from nexusone.providers.openai.simulation.responses import Json, Told, response_events, response_object
from nexusone.providers.openai.simulation.vectors import place, read_vector_request
from nexusone.providers.openai.simulation.wire import BrokenResponse, error_response, event_bytes, json_bytes

BODY_BYTES_MAX = 32 * 1024 * 1024
MODELS_SINCE = 1_767_225_600  # 2026-01-01
GARBAGE = b"<html><body>upstream connect error</body></html>"
LIMITS = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499", "x-ratelimit-reset-requests": "120ms"}


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app(clock=SystemClock()))


def build_app(*, clock: Clock) -> Starlette:
    """The simulator's app, with faults and a request log of its own."""
    simulator = _Simulator(clock)
    routes = [
        Route("/v1/responses", simulator.responses, methods=["POST"]),
        Route("/v1/chat/completions", simulator.completions, methods=["POST"]),
        Route("/v1/images/generations", simulator.images, methods=["POST"]),
        Route("/v1/moderations", simulator.moderations, methods=["POST"]),
        Route("/v1/embeddings", simulator.embeddings, methods=["POST"]),
        Route("/v1/models", simulator.models, methods=["GET"]),
        Route("/v1/models/{model}", simulator.model, methods=["GET"]),
        Route("/_faults", simulator.set_faults, methods=["PUT"]),
        Route("/_faults", simulator.end_faults, methods=["DELETE"]),
        Route("/_requests", simulator.requests, methods=["GET"]),
        Route("/_requests", simulator.forget_requests, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={refusals.VendorError: _vendor_error, HTTPException: _http_error})


class _Simulator:
    def __init__(self, clock: Clock) -> None:
        self._clock, self._faults, self._log = clock, Faults(), RequestLog()
        self._models = {listed.name: listed for listed in listed_models()}
        self._writers = [one.name for one in listed_models() if isinstance(one, ListedTextModel)]
        self._judges = [one.name for one in listed_models() if isinstance(one, ListedModerationModel)]
        self._painters = {one.name: one for one in listed_models() if isinstance(one, ListedImageModel)}
        self._placers = {one.name: one for one in listed_models() if isinstance(one, ListedEmbeddingModel)}

    async def responses(self, request: Request) -> Response:
        def events(told: Told, _: Ask, fault: Fault | None) -> Iterable[Json]:
            return response_events(told, fails=fault is not None and fault.mode == "stream_failure")

        return await self._generate(request, read=read_response_request, whole=response_object, events=events, is_named=True)

    async def completions(self, request: Request) -> Response:
        def events(told: Told, ask: Ask, _: Fault | None) -> Iterable[Json]:
            return completion_chunks(told, includes_usage=ask.includes_usage)

        return await self._generate(request, read=read_chat_request, whole=completion_object, events=events, is_named=False)

    async def images(self, request: Request) -> Response:
        async def work(body: Json, fault: Fault | None) -> Json:
            if fault is not None and fault.mode == "refusal":
                raise refusals.blocked_picture()
            return await draw(read_picture_request(body, models=self._painters), at=self._now())

        return await self._serve(request, work)

    async def moderations(self, request: Request) -> Response:
        async def work(body: Json, _: Fault | None) -> Json:
            return await judge(read_judge_request(body, models=self._judges), identity=new_id().hex)

        return await self._serve(request, work)

    async def embeddings(self, request: Request) -> Response:
        async def work(body: Json, _: Fault | None) -> Json:
            return await place(read_vector_request(body, models=self._placers))

        return await self._serve(request, work)

    async def models(self, request: Request) -> Response:
        _authenticate(request)
        return JSONResponse({"object": "list", "data": [self._shown(name) for name in self._models]})

    async def model(self, request: Request) -> Response:
        _authenticate(request)
        name = request.path_params["model"]
        if name not in self._models:
            raise refusals.unknown_model(name)
        return JSONResponse(self._shown(name))

    async def set_faults(self, request: Request) -> Response:
        try:
            self._faults.set(Fault.model_validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
        return Response(status_code=204)

    async def end_faults(self, request: Request) -> Response:
        self._faults.set(None)
        return Response(status_code=204)

    async def requests(self, request: Request) -> Response:
        return JSONResponse(dict(self._log.shown()))

    async def forget_requests(self, request: Request) -> Response:
        self._log.clear()
        return Response(status_code=204)

    async def _generate(
        self,
        request: Request,
        *,
        read: Callable[..., Ask],
        whole: Callable[[Told], Json],
        events: Callable[[Told, Ask, Fault | None], Iterable[Json]],
        is_named: bool,
    ) -> Response:
        raw, fault = await self._take(request)
        if (early := await _before_work(fault)) is not None:
            return early
        body = _parsed(raw)
        ask = read(body, models=self._writers)
        work = answer(ask, fault=fault.mode if fault else None)
        self._log.note_answer()
        told = Told(body=body, work=work, id=new_id().hex, at=self._now())
        headers = _headers(told.id)
        if ask.is_stream:
            return _streamed(list(events(told, ask, fault)), fault=fault, is_named=is_named, headers=headers)
        return _told(json_bytes(whole(told)), fault=fault, headers=headers)

    async def _serve(self, request: Request, work: Callable[[Json, Fault | None], Awaitable[Json]]) -> Response:
        """One call that is answered whole."""
        raw, fault = await self._take(request)
        if (early := await _before_work(fault)) is not None:
            return early
        told = await work(_parsed(raw), fault)
        self._log.note_answer()
        return _told(json_bytes(told), fault=fault, headers=_headers(new_id().hex))

    async def _take(self, request: Request) -> tuple[bytes, Fault | None]:
        raw = await _body(request)
        self._log.receive(method=request.method, path=request.url.path, body=raw)
        _authenticate(request)
        return raw, self._faults.take(path=request.url.path)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _shown(self, name: str) -> Json:
        return {
            "id": name,
            "object": "model",
            "created": MODELS_SINCE,
            "owned_by": "system",
            "shutdown_date": self._models[name].retires_on,
        }


async def _before_work(fault: Fault | None) -> Response | None:
    if fault is None:
        return None
    if fault.mode == "slow":
        await asyncio.sleep(fault.delay_seconds)
    if fault.mode == "rate_limit":
        raise refusals.rate_limited(fault.delay_seconds)
    if fault.mode in ("server_error", "job_failure"):
        raise refusals.server_error()
    return BrokenResponse(b"", media_type="application/json") if fault.mode == "reset" else None


def _headers(call: str) -> dict[str, str]:
    return {**LIMITS, "x-request-id": f"req_{call}", "openai-processing-ms": "42", "openai-version": "2020-10-01"}


def _told(body: bytes, *, fault: Fault | None, headers: dict[str, str]) -> Response:
    if fault is not None and fault.mode == "error_after_work":
        return Response(GARBAGE, status_code=500, media_type="text/html")
    if fault is not None and fault.mode == "lost_answer":
        return BrokenResponse(body[: len(body) // 2], media_type="application/json")
    if fault is not None and fault.mode == "garbage":
        body = GARBAGE
    return Response(body, media_type="application/json", headers=headers)


def _streamed(events: list[Json], *, fault: Fault | None, is_named: bool, headers: dict[str, str]) -> Response:
    if fault is not None and fault.mode == "error_after_work":
        return Response(GARBAGE, status_code=500, media_type="text/html")
    pieces = [event_bytes(event, is_named=is_named) for event in events]
    if fault is not None and fault.mode == "lost_answer":
        return BrokenResponse(b"".join(pieces[: len(pieces) // 2]), media_type="text/event-stream")
    if fault is not None and fault.mode == "garbage":
        pieces = [b"data: " + GARBAGE + b"\n\n"]
    elif not is_named:
        pieces.append(b"data: [DONE]\n\n")
    return StreamingResponse(_in_turn(pieces), media_type="text/event-stream", headers=headers)


async def _in_turn(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise refusals.VendorError("The request is too large.", status=413)
    return bytes(raw)


def _parsed(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise refusals.VendorError("We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise refusals.VendorError("We could not parse the JSON body of your request.")
    return body


def _authenticate(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise refusals.missing_key()
    if not key.startswith("sk-"):
        raise refusals.unknown_key(key)


async def _vendor_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, refusals.VendorError):
        raise error
    return error_response(error.status, error.body, {"x-request-id": f"req_{new_id().hex}", **error.headers})


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    words = f"Invalid URL ({request.method} {request.url.path})" if error.status_code == 404 else error.detail
    refusal = refusals.VendorError(words, status=error.status_code)
    return error_response(refusal.status, refusal.body, {})
