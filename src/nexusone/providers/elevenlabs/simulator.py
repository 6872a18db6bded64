"""Speaks the vendor's wire: speech, voices, models, history, subscription; the sound is real, and as long as the text takes to say.

`PUT /_faults` makes the next calls fail, `GET /_requests` tells what came in, `PUT /_credits/{count}` leaves so many credits.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.elevenlabs.catalog import listed
from nexusone.providers.elevenlabs.simulation import refusals
from nexusone.providers.elevenlabs.simulation.account import Account, Json, SpeechBody, model_shown, voices
from nexusone.providers.elevenlabs.simulation.refusals import VendorRefusal
from nexusone.web.simulation.faults import BrokenResponse, Fault, Faults, RequestLog, fault_routes, linger
from nexusone.web.simulation.files import speech

BODY_BYTES_MAX = 1024 * 1024
VOICES_A_PAGE, VOICES_A_PAGE_MAX = 10, 100
HISTORY_A_PAGE, HISTORY_A_PAGE_MAX = 100, 1_000
GARBAGE = b"<html><body>upstream connect error</body></html>"
MEDIA_TYPES = {"mp3_44100_128": "audio/mpeg", "wav_44100": "audio/wav"}
KEY_BEGINS = "sk_"


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app(clock=SystemClock()))


def build_app(*, clock: Clock) -> Starlette:
    """The simulator's app, with an account, faults and a request log of its own."""
    simulator = _Simulator(Account(clock))
    shown: tuple[tuple[str, Callable[[Request], Any]], ...] = (
        ("/v2/voices", simulator.voices),
        ("/v1/models", simulator.models),
        ("/v1/user/subscription", simulator.subscription),
        ("/v1/history", simulator.history),
        ("/v1/history/{id}", simulator.item),
    )
    return Starlette(
        routes=[
            Route("/v1/text-to-speech/{voice_id}", simulator.speak, methods=["POST"]),
            *(Route(path, simulator.showing(work), methods=["GET"]) for path, work in shown),
            Route("/v1/history/{id}/audio", simulator.sound, methods=["GET"]),
            Route("/_credits/{count:int}", simulator.leave_credits, methods=["PUT"]),
            *fault_routes(simulator.faults, simulator.log),
        ],
        exception_handlers={VendorRefusal: _refused, HTTPException: _http_error},
    )


class _Simulator:
    def __init__(self, account: Account) -> None:
        self.faults, self.log = Faults(), RequestLog()
        self._account = account

    async def speak(self, request: Request) -> Response:
        raw = await _body(request)
        self.log.receive(method="POST", path=request.url.path, body=raw)
        try:
            body = SpeechBody.model_validate_json(raw)
        except ValidationError as error:
            # The vendor reads a body before it looks at the key.
            return refusals.invalid(error)
        _authenticate(request)
        fault = self.faults.take(method="POST", path=request.url.path)
        if (early := await _before_work(fault)) is not None:
            return early
        form = request.query_params.get("output_format", "mp3_44100_128")
        if form not in MEDIA_TYPES:
            raise VendorRefusal(400, "validation_error", "invalid_output_format", f"Output format {form} is not simulated.")
        item = self._account.speak(request.path_params["voice_id"], body, output_format=form)
        self.log.note_work()
        cost = item["character_count_change_to"] - item["character_count_change_from"]
        headers = {"request-id": item["request_id"], "character-cost": str(cost)}
        return _told(await _sound(item), MEDIA_TYPES[form], headers, fault)

    def showing(self, work: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """A call that only reads."""

        async def show(request: Request) -> Response:
            await self._receive(request)
            return JSONResponse(work(request))

        return show

    async def sound(self, request: Request) -> Response:
        await self._receive(request)
        item = self._account.item(request.path_params["id"])
        return Response(await _sound(item), media_type=item["content_type"])

    def voices(self, request: Request) -> Json:
        start, size = _whole(request, "next_page_token", 0), _whole(request, "page_size", VOICES_A_PAGE)
        found, is_more = _page(voices(), start, min(size, VOICES_A_PAGE_MAX))
        count = len(voices()) if request.query_params.get("include_total_count", "true") == "true" else 0
        token = str(start + len(found)) if is_more else None
        return {"voices": found, "has_more": is_more, "total_count": count, "next_page_token": token}

    def models(self, _: Request) -> Sequence[Mapping[str, object]]:
        return [model_shown(model) for model in listed().models]

    def subscription(self, _: Request) -> Json:
        return self._account.subscription()

    def history(self, request: Request) -> Json:
        items, after = self._account.items, request.query_params.get("start_after_history_item_id")
        since = _whole(request, "date_after_unix", 0)
        identifiers = [item["history_item_id"] for item in items]
        start = identifiers.index(after) + 1 if after in identifiers else 0
        size = min(_whole(request, "page_size", HISTORY_A_PAGE), HISTORY_A_PAGE_MAX)
        found, is_more = _page([item for item in items[start:] if item["date_unix"] >= since], 0, size)
        return {"history": found, "has_more": is_more, "last_history_item_id": found[-1]["history_item_id"] if found else None}

    def item(self, request: Request) -> Json:
        return self._account.item(request.path_params["id"])

    async def leave_credits(self, request: Request) -> Response:
        self._account.character_limit = self._account.character_count + request.path_params["count"]
        return Response(status_code=204)

    async def _receive(self, request: Request) -> None:
        self.log.receive(method=request.method, path=request.url.path, body=b"")
        _authenticate(request)
        fault = self.faults.take(method=request.method, path=request.url.path)
        if (early := await _before_work(fault)) is not None:
            raise _Early(early)


class _Early(HTTPException):
    def __init__(self, answer: Response) -> None:
        super().__init__(500)
        self.answer = answer


async def _before_work(fault: Fault | None) -> Response | None:
    if fault is None:
        return None
    await linger(fault)
    match fault.mode:
        case "rate_limit":
            return refusals.too_many(fault.delay_seconds).answer()
        case "refusal":
            return refusals.against_policy().answer()
        case "job_failure":
            return refusals.busy().answer()
        case "server_error":
            return refusals.broken().answer()
        case "reset":
            return BrokenResponse()
        case _:
            return None


def _told(content: bytes, media_type: str, headers: Mapping[str, str], fault: Fault | None) -> Response:
    match fault.mode if fault else None:
        case "lost_answer":
            return BrokenResponse(content[: len(content) // 2], media_type=media_type)
        case "error_after_work":
            return refusals.broken().answer()
        case "garbage":
            return Response(GARBAGE, media_type=media_type, headers=headers)
        case _:
            return Response(content, media_type=media_type, headers=headers)


async def _sound(item: Json) -> bytes:
    """The same words give the same sound, so that none need be kept."""
    speed = float(item["settings"].get("speed") or 1.0)
    return await asyncio.to_thread(speech, item["text"], media_type=MEDIA_TYPES[item["output_format"]], speed=speed)


def _page(found: Sequence[Json], start: int, size: int) -> tuple[Sequence[Json], bool]:
    return found[start : start + size], len(found) > start + size


def _whole(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else otherwise


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise VendorRefusal(413, "invalid_request", "request_too_large", "The request is too large.")
    return bytes(raw)


def _authenticate(request: Request) -> None:
    key = request.headers.get("xi-api-key", "")
    if not key:
        raise refusals.no_key()
    if not key.startswith(KEY_BEGINS):
        raise refusals.unknown_key()


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, VendorRefusal):
        raise error
    return error.answer()


async def _http_error(_: Request, error: Exception) -> Response:
    if isinstance(error, _Early):
        return error.answer
    if not isinstance(error, HTTPException):
        raise error
    return Response(json.dumps({"detail": error.detail}), error.status_code, media_type="application/json")
