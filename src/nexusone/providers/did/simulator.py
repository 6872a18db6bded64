"""Speaks the vendor's wire: uploads, talks, webhooks that nobody signs, films at signed addresses.

`PUT /_faults` makes the next calls fail, `PUT /_pace` says how long talks take and how they end, `PUT /_webhooks` how webhooks go,
`PUT /_credits` what is left to pay with, `POST /_plant` makes talks of somebody else's, `GET /_requests` tells what came in.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.did.simulation.asked import NewTalk, TextScript
from nexusone.providers.did.simulation.refusals import VendorRefusal, bad_request, broken, moderated, too_many, unauthenticated
from nexusone.providers.did.simulation.signing import Signer
from nexusone.providers.did.simulation.studio import Json, Pace, Studio
from nexusone.providers.did.simulation.uploads import Upload, Uploads
from nexusone.web.simulation.faults import BrokenResponse, Fault, Faults, RequestLog, fault_routes, linger
from nexusone.web.simulation.webhooks import Delivery, WebhookSender

KEY = "sandbox@example.com:sandbox"
USER = "auth0|sandbox"
BODY_BYTES_MAX = 20_000_000
PAGE_SIZE = 100
GARBAGE = b"<html><body>upstream connect error</body></html>"
DENIED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
TWO_KEYS = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>'
)
Work = Callable[[Request, Fault | None], Awaitable[tuple[int, Json]]]
Take = Callable[..., Upload]


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app(clock=SystemClock()))


def build_app(*, clock: Clock) -> Starlette:
    """The simulator's app, with a world of its own."""
    simulator = _Simulator(clock)
    calls: tuple[tuple[str, str, Work], ...] = (
        ("POST", "/images", simulator.take_image),
        ("POST", "/audios", simulator.take_sound),
        ("POST", "/talks", simulator.ask),
        ("GET", "/talks", simulator.page),
        ("GET", "/talks/{id}", simulator.show),
        ("DELETE", "/talks/{id}", simulator.remove),
        ("GET", "/credits", simulator.credits),
    )
    return Starlette(
        routes=[
            *(Route(path, simulator.answering(work), methods=[method]) for method, path, work in calls),
            Route("/results/{user}/{id}/film.mp4", simulator.film, methods=["GET"]),
            Route("/_pace", simulator.set_pace, methods=["PUT"]),
            Route("/_credits", simulator.set_credits, methods=["PUT"]),
            Route("/_plant", simulator.plant, methods=["POST"]),
            Route("/_webhooks", simulator.set_webhooks, methods=["PUT"]),
            Route("/_webhooks/release", simulator.release_webhooks, methods=["POST"]),
            Route("/_webhooks/settled", simulator.await_webhooks, methods=["POST"]),
            *fault_routes(simulator.faults, simulator.log),
        ]
    )


class _Simulator:
    def __init__(self, clock: Clock) -> None:
        self.faults, self.log = Faults(), RequestLog()
        self._clock = clock
        self._uploads = Uploads(USER)
        self._sender = WebhookSender()
        self._signer = Signer(clock)
        self._studio = Studio(clock=clock, user=USER, uploads=self._uploads, sender=self._sender, signer=self._signer)

    def answering(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """A call of the vendor's API: key, faults, and the errors as the vendor words them."""

        async def answer(request: Request) -> Response:
            if int(request.headers.get("content-length", "0")) > BODY_BYTES_MAX:
                return VendorRefusal(413, "PayloadTooLargeError", "request entity too large").response()
            self._note(request, await request.body())
            if not _is_known(request):
                return unauthenticated().response()
            fault = self.faults.take(method=request.method, path=_path(request))
            await linger(fault)
            if (early := _before_work(fault, _path(request))) is not None:
                return early
            try:
                status, told = await work(request, fault)
            except VendorRefusal as refusal:
                return refusal.response()
            return _answered(status, told, fault)

        return answer

    async def take_image(self, request: Request, _: Fault | None) -> tuple[int, Json]:
        upload = await _taken(request, "image", self._uploads.take_image)
        return 201, {"url": upload.url, "id": upload.id}

    async def take_sound(self, request: Request, _: Fault | None) -> tuple[int, Json]:
        upload = await _taken(request, "audio", self._uploads.take_sound)
        return 201, {"url": upload.url, "id": upload.id, "duration": round(upload.seconds, 3)}

    async def ask(self, request: Request, fault: Fault | None) -> tuple[int, Json]:
        try:
            asked = NewTalk.model_validate_json(await request.body())
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)
            raise bad_request(f"Failed to validate {wrong[0]['loc'][0] if wrong[0]['loc'] else 'body'}") from None
        if _is_own(asked) and not _has_foreign_key(request):
            raise bad_request("Failed to validate script")
        fails = fault is not None and fault.mode == "job_failure"
        told = self._studio.ask(asked, ends="error" if fails else None, address=_address(request))
        self.log.note_work()
        return 201, told

    async def page(self, request: Request, _: Fault | None) -> tuple[int, Json]:
        limit = request.query_params.get("limit", str(PAGE_SIZE))
        if not limit.isdecimal() or not 0 < int(limit) <= PAGE_SIZE:
            raise bad_request("invalid limit")
        return 200, self._studio.page(limit=int(limit), token=request.query_params.get("token"), address=_address(request))

    async def show(self, request: Request, _: Fault | None) -> tuple[int, Json]:
        return 200, self._studio.show(request.path_params["id"], address=_address(request))

    async def remove(self, request: Request, _: Fault | None) -> tuple[int, Json]:
        return 200, self._studio.remove(request.path_params["id"], address=_address(request))

    async def credits(self, _request: Request, _: Fault | None) -> tuple[int, Json]:
        now = self._clock.now().isoformat()
        item = {
            "owner_id": USER,
            "created_at": now,
            "modified_at": now,
            "expire_at": now,
            "remaining": self._studio.credits,
            "total": 10_000,
        }
        return 200, {"credits": [item], "remaining": self._studio.credits, "total": 10_000}

    async def film(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return Response(TWO_KEYS, 400, media_type="application/xml")
        content = self._studio.film_of(request.path_params["id"])
        if content is None or not self._signer.accepts(request.url.path, request.query_params):
            return Response(DENIED, 403, media_type="application/xml")
        return Response(content, media_type="video/mp4")

    async def set_pace(self, request: Request) -> Response:
        def use(raw: bytes) -> None:
            self._studio.pace = Pace.model_validate_json(raw)

        return await _setting(request, use)

    async def set_credits(self, request: Request) -> Response:
        self._studio.credits = int((await request.json())["remaining"])
        return Response(status_code=204)

    async def plant(self, request: Request) -> Response:
        self._studio.plant(int((await request.json())["count"]))
        return Response(status_code=204)

    async def set_webhooks(self, request: Request) -> Response:
        def use(raw: bytes) -> None:
            self._sender.delivery = Delivery.model_validate_json(raw)

        return await _setting(request, use)

    async def release_webhooks(self, _: Request) -> Response:
        return JSONResponse({"released": self._sender.release()})

    async def await_webhooks(self, _: Request) -> Response:
        await self._sender.settled()
        return Response(status_code=204)

    def _note(self, request: Request, body: bytes) -> None:
        is_form = request.headers.get("content-type", "").startswith("multipart/")
        noted = json.dumps({"bytes": len(body)}).encode() if is_form else body
        self.log.receive(method=request.method, path=_path(request), body=noted)


def _is_known(request: Request) -> bool:
    return request.headers.get("authorization") == f"Basic {base64.b64encode(KEY.encode()).decode()}"


def _is_own(asked: NewTalk) -> bool:
    """Voices of an account at ElevenLabs, here by the beginning of their ids, speak by that account's key alone."""
    provider = asked.script.provider if isinstance(asked.script, TextScript) else None
    return provider is not None and provider.type == "elevenlabs" and (provider.voice_id or "").startswith("own-")


def _has_foreign_key(request: Request) -> bool:
    try:
        return bool(json.loads(request.headers.get("x-api-key-external", "{}"))["elevenlabs"])
    except (ValueError, KeyError, TypeError):
        return False


def _path(request: Request) -> str:
    return request.url.path.removeprefix(str(request.scope.get("root_path", "")))


def _address(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def _before_work(fault: Fault | None, path: str) -> Response | None:
    match fault.mode if fault else None:
        case "rate_limit":
            return too_many().response({"Retry-After": f"{fault.delay_seconds:g}" if fault else "1"})
        case "server_error":
            return broken().response()
        case "refusal":
            return moderated(path).response()
        case "reset":
            return BrokenResponse()
        case _:
            return None


def _answered(status: int, told: Json, fault: Fault | None) -> Response:
    match fault.mode if fault else None:
        case "lost_answer":
            return BrokenResponse()
        case "error_after_work":
            return broken().response()
        case "garbage":
            return Response(GARBAGE, status, media_type="application/json")
        case _:
            return JSONResponse(told, status)


async def _taken(request: Request, field: str, take: Take) -> Upload:
    try:
        async with request.form(max_files=1, max_fields=5) as form:
            found = form.get(field)
            if not isinstance(found, UploadFile):
                raise bad_request(f"invalid {field}")
            content, media_type, name = await found.read(), found.content_type or "", found.filename or ""
    except HTTPException:
        raise bad_request("the form cannot be read") from None
    return await asyncio.to_thread(partial(take, content, media_type=media_type, filename=name))


async def _setting(request: Request, use: Callable[[bytes], None]) -> Response:
    try:
        use(await request.body())
    except ValidationError as error:
        return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
    return Response(status_code=204)
