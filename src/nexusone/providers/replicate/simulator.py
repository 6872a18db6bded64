"""Speaks the vendor's wire and draws: predictions, their list, the signing secret, files that are gone after an hour, signed webhooks.

`PUT /_faults` makes the next calls fail, `PUT /_pace` says how long a stage takes, `PUT /_webhooks` how webhooks go,
`POST /_webhooks/release` sends the held ones, `POST /_webhooks/settled` waits until nothing is under way,
`GET /_requests` tells what came in.
"""

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.platform.webhook_signatures import SECRET_PREFIX, sign_standard
from nexusone.providers.replicate.catalog import listed_models
from nexusone.providers.replicate.simulation import refusals
from nexusone.providers.replicate.simulation.asking import deadline_seconds, read_order, read_request
from nexusone.providers.replicate.simulation.worlds import Event, Json, Prediction, World
from nexusone.web.simulation.faults import BrokenResponse, Fault, Faults, RequestLog, fault_routes, linger
from nexusone.web.simulation.files import picture
from nexusone.web.simulation.webhooks import Delivery, WebhookSender

BODY_BYTES_MAX = 1024 * 1024
PAGE_SIZE = 100
TOKEN_PREFIX = "r8_"  # noqa: S105 - how tokens are spelled, not one of them
GARBAGE = b"<html><body>upstream connect error</body></html>"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# The same after a restart, so that what was remembered of it stays true.
SIGNING_SECRET = SECRET_PREFIX + b64encode(hashlib.sha256(b"the simulated account's webhooks").digest()).decode()
REFUSED_CONTENT = "NSFW content detected. Try running it again, or try a different prompt."
FAILURE = "CUDA out of memory"

Work = Callable[[Request, str, bytes, Fault | None], tuple[int, Json]]


class Pace(BaseModel):
    """How long each of a prediction's two stages takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    milliseconds: int = Field(ge=0, le=600_000)


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app(clock=SystemClock()))


def build_app(*, clock: Clock) -> Starlette:
    """The simulator's app, with a world of its own."""
    simulator = _Simulator(clock)
    calls: tuple[tuple[str, str, Work], ...] = (
        ("POST", "/v1/models/{owner}/{name}/predictions", simulator.predict),
        ("GET", "/v1/predictions", simulator.list_predictions),
        ("GET", "/v1/predictions/{id}", simulator.show),
        ("POST", "/v1/predictions/{id}/cancel", simulator.cancel),
        ("GET", "/v1/webhooks/default/secret", simulator.show_secret),
    )
    return Starlette(
        routes=[
            *(Route(path, simulator.answering(work), methods=[method]) for method, path, work in calls),
            Route("/files/{id}/{name}", simulator.serve_file, methods=["GET"]),
            Route("/_pace", simulator.set_pace, methods=["PUT"]),
            Route("/_webhooks", simulator.set_webhooks, methods=["PUT"]),
            Route("/_webhooks/release", simulator.release_webhooks, methods=["POST"]),
            Route("/_webhooks/settled", simulator.await_all, methods=["POST"]),
            *fault_routes(simulator.faults, simulator.log),
        ],
        exception_handlers={refusals.VendorError: _vendor_error, ValidationError: _wrong_order},
    )


class _Simulator:
    def __init__(self, clock: Clock) -> None:
        self.faults, self.log = Faults(), RequestLog()
        self._clock = clock
        self._sender = WebhookSender(self._signed)
        self._world = World(clock=clock, tell=self._tell)

    def answering(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """A door that notes what comes, asks who it is, and fails where it shall."""

        async def answer(request: Request) -> Response:
            raw = await _body(request)
            self.log.receive(method=request.method, path=request.url.path, body=raw)
            account = _account(request)
            fault = self.faults.take(method=request.method, path=request.url.path)
            mode = fault.mode if fault else None
            if fault is not None and mode == "rate_limit":
                raise refusals.throttled(fault.delay_seconds)
            if mode == "server_error":
                raise refusals.server_error()
            if mode == "reset":
                return BrokenResponse(b"")
            await linger(fault)
            status, told = work(request, account, raw, fault)
            return _told(status, told, mode)

        return answer

    def predict(self, request: Request, account: str, raw: bytes, fault: Fault | None) -> tuple[int, Json]:
        listed = listed_models().get(f"{request.path_params['owner']}/{request.path_params['name']}")
        if listed is None:
            raise refusals.not_found()
        asked = read_request(raw)
        after = request.headers.get("cancel-after")
        prediction = self._world.take(
            asked,
            listed=listed,
            order=read_order(listed, asked.input),
            account=account,
            base=_base(request),
            seconds=None if after is None else deadline_seconds(after),
            error={"refusal": REFUSED_CONTENT, "job_failure": FAILURE}.get(fault.mode) if fault else None,
        )
        self.log.note_work()
        return 201, self._world.shown(prediction)

    def list_predictions(self, request: Request, account: str, _: bytes, __: Fault | None) -> tuple[int, Json]:
        after, cursor = request.query_params.get("created_after"), request.query_params.get("cursor")
        found = self._world.listed(account=account, since=None if after is None else _time(after))
        names = [one.id for one in found]
        start = names.index(cursor) if cursor in names else 0
        follows = found[start + PAGE_SIZE].id if len(found) > start + PAGE_SIZE else None
        query = urlencode({"cursor": follows or "", **({} if after is None else {"created_after": after})})
        page = [self._world.shown(one) for one in found[start : start + PAGE_SIZE]]
        return 200, {"previous": None, "next": follows and f"{_base(request)}v1/predictions?{query}", "results": page}

    def show(self, request: Request, account: str, _: bytes, __: Fault | None) -> tuple[int, Json]:
        return 200, self._world.shown(self._found(request, account))

    def cancel(self, request: Request, account: str, _: bytes, __: Fault | None) -> tuple[int, Json]:
        prediction = self._found(request, account)
        self._world.stop(prediction)
        return 200, self._world.shown(prediction)

    def show_secret(self, _: Request, __: str, ___: bytes, ____: Fault | None) -> tuple[int, Json]:
        return 200, {"key": SIGNING_SECRET}

    async def serve_file(self, request: Request) -> Response:
        prediction = self._found(request, _account(request))
        names = [prediction.file_name(number) for number in range(prediction.order.count)]
        name = request.path_params["name"]
        if prediction.status != "succeeded" or self._world.is_removed(prediction) or name not in names:
            raise refusals.not_found()
        order = prediction.order
        # Drawn when it is fetched: the same words and seed draw the same picture every time.
        words = f"{order.prompt}\n{prediction.id if order.seed is None else order.seed}\n{name}"
        content = await asyncio.to_thread(picture, words, width=order.width, height=order.height, media_type=order.media_type)
        return Response(content, media_type=order.media_type)

    async def set_pace(self, request: Request) -> Response:
        self._world.pace_milliseconds = Pace.model_validate_json(await request.body()).milliseconds
        return Response(status_code=204)

    async def set_webhooks(self, request: Request) -> Response:
        self._sender.delivery = Delivery.model_validate_json(await request.body())
        return Response(status_code=204)

    async def release_webhooks(self, _: Request) -> Response:
        return JSONResponse({"released": self._sender.release()})

    async def await_all(self, _: Request) -> Response:
        await self._world.settled()
        await self._sender.settled()
        return Response(status_code=204)

    def _found(self, request: Request, account: str) -> Prediction:
        found = self._world.find(request.path_params["id"], account=account)
        if found is None:
            raise refusals.not_found()
        return found

    def _tell(self, prediction: Prediction, event: Event) -> None:
        webhook = prediction.request.webhook
        # Nothing that is simulated leaves the machine.
        if webhook is None or event not in prediction.request.webhook_events_filter or urlsplit(webhook).hostname not in LOOPBACK:
            return
        self._sender.send(webhook, json.dumps(self._world.shown(prediction)).encode())

    def _signed(self, body: bytes) -> Mapping[str, str]:
        # One message has one id however often it is sent, and each attempt its own time.
        message_id = f"msg_{hashlib.sha256(body).hexdigest()[:27]}"
        return sign_standard(secret=SIGNING_SECRET, message_id=message_id, at=self._clock.now(), body=body)


def _base(request: Request) -> str:
    # Where the simulator itself is mounted; `base_url` would be where the whole server is.
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/"


def _account(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.startswith(TOKEN_PREFIX):
        raise refusals.unauthenticated()
    return token


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise refusals.VendorError(413, "Request too large", "The request is too large.")
    return bytes(raw)


def _told(status: int, told: Json, mode: str | None) -> Response:
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    match mode:
        case "lost_answer":
            return BrokenResponse(body[: len(body) // 2])
        case "error_after_work":
            raise refusals.server_error()
        case "garbage":
            body = GARBAGE
    return Response(body, status_code=status, media_type="application/json")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise refusals.invalid("created_after: not a date-time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _vendor_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, refusals.VendorError):
        raise error
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)


async def _wrong_order(_: Request, error: Exception) -> Response:
    if not isinstance(error, ValidationError):
        raise error
    return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
