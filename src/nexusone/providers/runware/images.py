"""Pictures by tasks: begun under our own id, looked up by it, found by it again."""

import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, ImageRequest, MadeFile, MediaState
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.runware.catalog import listed_model, priced_models
from nexusone.providers.runware.client import CONFLICT, FORGOTTEN, NEVER_HAD, ErrorsTold, RunwareClient, TaskError, Told, task_uuid

LOOK_AGAIN_SECONDS = 1.0
TASK = "imageInference"
FORMATS = {"image/png": "PNG", "image/jpeg": "JPG", "image/webp": "WEBP"}
SUFFIXES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
NO_REASON = TaskError("", "vendor.unavailable", "the vendor failed and gave no reason", is_retryable=True, task=None, kind=TASK)


@dataclass(frozen=True, slots=True)
class RunwareImages:
    """The image models of one account."""

    client: RunwareClient

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with prices."""
        return priced_models()

    async def begin(self, request: ImageRequest, *, correlation: str, webhook: str | None) -> MediaState:
        """Asks for it under the id that comes of `correlation`; the vendor takes no id twice."""
        task = task_uuid(correlation)
        try:
            told = await self.client.ask(_task(request, task=task, webhook=webhook))
        except ErrorsTold as refusal:
            if _is_conflict(refusal.errors):
                return Begun(task, LOOK_AGAIN_SECONDS)
            raise
        if _is_conflict(told.errors):
            return Begun(task, LOOK_AGAIN_SECONDS)
        if told.errors and not told.results:
            raise told.errors[0].failure()
        if not told.results:
            raise UnknownOutcome(detail="the answer says nothing of the task")
        return _state(task, told)

    async def look_up(self, reference: str) -> MediaState:
        """What became of a task. One that runs and one that it never had may both be answered by nothing: then it runs."""
        told = await self._told(reference)
        if not told.results and told.has_error(*FORGOTTEN):
            raise told.errors[0].failure()
        return _state(reference, told)

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        """By the id that comes of `correlation`."""
        task = task_uuid(correlation)
        told = await self._told(task)
        if not told.results and told.has_error(NEVER_HAD):
            return None
        if not told.results and (not told.errors or told.has_error(*FORGOTTEN)):
            raise UnknownOutcome(detail="the vendor does not say whether it took the task")
        return _state(task, told)

    async def cancel(self, reference: str) -> None:
        """The vendor stops nothing: what it makes is looked up, and charged."""

    async def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        """The picture's bytes."""
        async for piece in self.client.vendor.download(made.url or "", bytes_max=bytes_max):
            yield piece

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """The vendor signs nothing: all are taken, none is believed."""

    async def close(self) -> None:
        """Ends all connections."""
        await self.client.vendor.close()

    async def _told(self, task: str) -> Told:
        try:
            told = await self.client.ask({"taskType": "getResponse", "taskUUID": task})
        except ErrorsTold as refusal:
            told = Told((), tuple(error for error in refusal.errors if error.task == task))
            if not any(_is_about_the_task(error) for error in told.errors):
                raise
        if not told.results and told.errors and not any(_is_about_the_task(error) for error in told.errors):
            # The question was refused, which says nothing of the task.
            raise told.errors[0].failure()
        return told


def build_images(setup: ProviderSetup) -> RunwareImages:
    """The image models at the address of `setup`, with its `api_key`."""
    origin = "/".join(setup.address.split("/")[:3])
    http = OutgoingHttp(sandbox_reach(origin) if setup.is_sandbox else LIVE)
    return RunwareImages(RunwareClient(http=http, address=setup.address, api_key=setup.credentials["api_key"]))


def _task(request: ImageRequest, *, task: str, webhook: str | None) -> dict[str, object]:
    listed = listed_model(request.model)
    if request.negative_prompt and not (listed and listed.takes_negative_prompt):
        raise DefiniteFailure(code="vendor.rejected", detail="this model takes no negative prompt", is_retryable=False)
    asked: dict[str, object] = {
        "taskType": TASK,
        "taskUUID": task,
        "model": request.model,
        "positivePrompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "numberResults": request.count,
        "outputType": "URL",
        "outputFormat": FORMATS[request.media_type],
        "deliveryMethod": "async",
        "includeCost": True,
        # From the vendor's public documentation, not checked against its contract; the same holds for status and NSFWContent.
        "checkNSFW": True,
    }
    wished = {
        "negativePrompt": request.negative_prompt or None,
        "seed": request.seed,
        "steps": listed.steps if listed else None,
        "webhookURL": webhook,
    }
    return asked | {name: value for name, value in wished.items() if value is not None}


def _state(task: str, told: Told) -> MediaState:
    made = [one for one in told.results if isinstance(one.get("imageURL"), str)]
    errors = [*told.errors, *(NO_REASON for one in told.results if one.get("status") == "error")]
    ended, expected = len(made) + len(errors), max(len(told.results) + len(told.errors), 1)
    if ended < expected or ended == 0:
        return Begun(task, LOOK_AGAIN_SECONDS, progress=100 * ended // expected if ended else None)
    shown = tuple(one for one in made if one.get("NSFWContent") is not True)
    if not shown:
        return _failed(task, made, errors)
    files = tuple(MadeFile(media_type=_media_type(one["imageURL"]), url=one["imageURL"]) for one in shown)
    return Finished(task, files, quantities={"image": len(made)}, cost_nano=_cost_nano(made))


def _failed(task: str, made: list[Mapping[str, Any]], errors: list[TaskError]) -> Failed:
    """Nothing that may be shown; pictures that were made and flagged are charged nevertheless."""
    if made:
        return Failed(task, "vendor.refused_content", "the vendor flagged what it made", quantities={"image": len(made)})
    return Failed(task, errors[0].code, errors[0].detail, is_retryable=errors[0].is_retryable)


def _cost_nano(made: list[Mapping[str, Any]]) -> int | None:
    costs = [one.get("cost") for one in made]
    if not all(isinstance(cost, int | float) and math.isfinite(cost) and cost >= 0 for cost in costs):
        return None
    return sum(round(Decimal(str(cost)).scaleb(9)) for cost in costs)


def _media_type(url: str) -> str:
    return SUFFIXES.get(urlsplit(url).path.rpartition(".")[2].lower(), "image/jpeg")


def _is_about_the_task(error: TaskError) -> bool:
    return error.said in FORGOTTEN or error.kind == TASK


def _is_conflict(errors: tuple[TaskError, ...]) -> bool:
    return any(error.said == CONFLICT for error in errors)
