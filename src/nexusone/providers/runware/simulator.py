"""Speaks the vendor's wire: `POST /v1` with tasks (imageInference, getResponse, authentication), files, unsigned webhooks.

`PUT /_faults` makes the next calls fail (those that ask for pictures have the path `/v1/imageInference`), `PUT /_outcomes` says what
becomes of the next task, `PUT /_pace` how long a picture takes, `PUT /_balance` what is left to spend, `PUT /_webhooks` how webhooks go,
`GET /_requests` tells what came in.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.runware.simulation.asking import Json, TaskRefused, read_ask, refused
from nexusone.providers.runware.simulation.tasks import Outcomes, Tasks, acknowledged, results_of
from nexusone.web.simulation.faults import BrokenResponse, Fault, Faults, RequestLog, fault_routes, linger
from nexusone.web.simulation.webhooks import Delivery, WebhookSender

BODY_BYTES_MAX = 1024 * 1024
TASKS_MAX = 100
KEY = "sandbox"
TASK = "imageInference"
GARBAGE = b"<html><body>upstream connect error</body></html>"
JUDGED = "invalidProviderContent"


class Pace(BaseModel):
    """How long one picture takes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: float = Field(ge=0, le=600, strict=False)


class Balance(BaseModel):
    """What is left to spend, in micro-dollars; None is without end."""

    model_config = ConfigDict(extra="forbid", strict=True)

    micros: int | None = Field(ge=0)


def simulate(_: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in a folder, and webhooks go where each task says."""
    return SimulatorParts(app=build_app())


def build_app() -> Starlette:
    """The simulator's app, with a world of its own."""
    simulator = _Simulator()
    return Starlette(
        routes=[
            Route("/v1", simulator.run, methods=["POST"]),
            Route("/image/ws/2/ii/{name}", simulator.give_file, methods=["GET"]),
            Route("/_outcomes", simulator.setting(simulator.set_outcomes), methods=["PUT"]),
            Route("/_pace", simulator.setting(simulator.set_pace), methods=["PUT"]),
            Route("/_balance", simulator.setting(simulator.set_balance), methods=["PUT"]),
            Route("/_webhooks", simulator.setting(simulator.set_webhooks), methods=["PUT"]),
            Route("/_webhooks/release", simulator.release_webhooks, methods=["POST"]),
            Route("/_webhooks/settled", simulator.await_webhooks, methods=["POST"]),
            *fault_routes(simulator.faults, simulator.log),
        ]
    )


class _Simulator:
    def __init__(self) -> None:
        self.faults, self.log = Faults(), RequestLog()
        self._sender = WebhookSender()
        self._tasks = Tasks(self._sender.send)

    async def run(self, request: Request) -> Response:
        raw = (await request.body())[: BODY_BYTES_MAX + 1]
        tasks = _tasks(raw)
        kinds = {str(task.get("taskType")) for task in tasks}
        path = f"{request.url.path}/{TASK}" if TASK in kinds else request.url.path
        self.log.receive(method="POST", path=path, body=raw)
        if not _is_known(request, tasks):
            return _failed(401, "invalidApiKey", "Invalid API key. Get one at https://my.runware.ai/signup", {"taskType": "authentication"})
        if not tasks:
            return _failed(400, "invalidRequest", "The request must be an array of tasks.", {})
        fault = self.faults.take(method="POST", path=path)
        await linger(fault)
        if (early := _before_work(fault)) is not None:
            return early
        data, errors = await self._answers(request, tasks, fault)
        return _told(data, errors, fault)

    async def give_file(self, request: Request) -> Response:
        found = await self._tasks.file(request.path_params["name"])
        return Response(status_code=404) if found is None else Response(found[0], media_type=found[1])

    def set_outcomes(self, raw: bytes) -> None:
        self._tasks.outcomes = Outcomes.model_validate_json(raw)

    def set_pace(self, raw: bytes) -> None:
        self._tasks.pace_seconds = Pace.model_validate_json(raw).seconds

    def set_balance(self, raw: bytes) -> None:
        self._tasks.balance_micros = Balance.model_validate_json(raw).micros

    def set_webhooks(self, raw: bytes) -> None:
        self._sender.delivery = Delivery.model_validate_json(raw)

    async def release_webhooks(self, _: Request) -> Response:
        return JSONResponse({"released": self._sender.release()})

    async def await_webhooks(self, _: Request) -> Response:
        await self._sender.settled()
        return Response(status_code=204)

    @staticmethod
    def setting(use: Callable[[bytes], None]) -> Callable[[Request], Awaitable[Response]]:
        """A door that sets something from a JSON body."""

        async def answer(request: Request) -> Response:
            try:
                use(await request.body())
            except ValidationError as error:
                return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
            return Response(status_code=204)

        return answer

    async def _answers(self, request: Request, tasks: list[Json], fault: Fault | None) -> tuple[list[Json], list[Json]]:
        data: list[Json] = []
        errors: list[Json] = []
        for task in tasks:
            try:
                made, failed = await self._answer(request, task, fault)
            except TaskRefused as refusal:
                made, failed = [], [refusal.error]
            data += made
            errors += failed
        return data, errors

    async def _answer(self, request: Request, task: Json, fault: Fault | None) -> tuple[list[Json], list[Json]]:
        match task.get("taskType"):
            case "authentication":
                return [], []
            case "getResponse":
                return results_of(self._tasks.find(task))
            case "imageInference":
                return await self._begin(request, task, fault)
            case _:
                raise refused("unsupportedTaskType", "The task type is not supported.", task, parameter="taskType")

    async def _begin(self, request: Request, task: Json, fault: Fault | None) -> tuple[list[Json], list[Json]]:
        ask = read_ask(task)
        if fault is not None and fault.mode == "refusal":
            raise refused(JUDGED, "The provider's content moderation refused the prompt.", task)
        base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        taken = self._tasks.take(ask, base=base, fails=fault is not None and fault.mode == "job_failure")
        self.log.note_work()
        if ask.delivery_method == "sync" and ask.webhook_url is None:
            await taken.is_whole.wait()
            return results_of(taken)
        return [acknowledged(ask)], []


def _tasks(raw: bytes) -> list[Json]:
    try:
        found: Any = json.loads(raw) if len(raw) <= BODY_BYTES_MAX else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list) or len(found) > TASKS_MAX or not all(isinstance(task, dict) for task in found):
        return []
    return found


def _is_known(request: Request, tasks: list[Json]) -> bool:
    if request.headers.get("authorization") == f"Bearer {KEY}":
        return True
    return bool(tasks) and (tasks[0].get("taskType"), tasks[0].get("apiKey")) == ("authentication", KEY)


def _before_work(fault: Fault | None) -> Response | None:
    match fault.mode if fault else None:
        case "rate_limit" if fault is not None:
            answer = _failed(429, "rateLimitExceeded", "Too many requests. Please slow down.", {})
            answer.headers["Retry-After"] = f"{fault.delay_seconds:g}"
            return answer
        case "server_error":
            return _failed(503, "serviceUnavailable", "The service is temporarily unavailable.", {})
        case "reset":
            return BrokenResponse()
        case _:
            return None


def _told(data: list[Json], errors: list[Json], fault: Fault | None) -> Response:
    match fault.mode if fault else None:
        case "lost_answer":
            return BrokenResponse()
        case "error_after_work":
            return _failed(500, "internalServerError", "An internal server error occurred.", {})
        case "garbage":
            return Response(GARBAGE, media_type="application/json")
        case _:
            told: Json = {"data": data}
            if errors:
                told["errors"] = errors
            return JSONResponse(told, _status(data, errors))


def _status(data: list[Json], errors: list[Json]) -> int:
    """What nothing was begun of is a 400, except for judgements on the content: those, and what fails in the work, are inside a 200."""
    codes = {str(error["code"]) for error in errors if error.get("status") != "error"}
    if data or not codes or JUDGED in codes:
        return 200
    return 402 if "insufficientCredits" in codes else 400


def _failed(status: int, code: str, message: str, task: Json) -> Response:
    return JSONResponse({"errors": [refused(code, message, task).error]}, status)
