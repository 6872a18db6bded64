"""The vendor's side of predictions: taken, worked on, ended, forgotten after an hour."""

import asyncio
import base64
import math
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from nexusone.kernel.clock import Clock
from nexusone.providers.replicate.catalog import ListedModel
from nexusone.providers.replicate.simulation.asking import Order, PredictionRequest

Status = Literal["starting", "processing", "succeeded", "failed", "canceled", "aborted"]
Event = Literal["start", "output", "completed"]
Json = dict[str, Any]

ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})
KEPT_FOR = timedelta(hours=1)
PREDICTIONS_KEPT = 10_000
PACE_MILLISECONDS = 15
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass(slots=True)
class Prediction:
    """One prediction; `error` is what it will fail with, `base` the address it was asked for at."""

    id: str
    account: str
    listed: ListedModel
    request: PredictionRequest
    order: Order
    base: str
    created_at: datetime
    deadline: datetime | None
    error: str | None
    status: Status = "starting"
    started_at: datetime | None = None
    completed_at: datetime | None = None
    is_stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def file_name(self, number: int) -> str:
        """What the vendor calls a file it made."""
        return f"out-{number}.{SUFFIXES[self.order.media_type]}"


class World:
    """All predictions of all accounts. `tell` hears of what happens to those with a webhook."""

    def __init__(self, *, clock: Clock, tell: Callable[[Prediction, Event], None]) -> None:
        self.pace_milliseconds = PACE_MILLISECONDS
        self._clock, self._tell = clock, tell
        self._predictions: OrderedDict[str, Prediction] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(
        self,
        request: PredictionRequest,
        *,
        listed: ListedModel,
        order: Order,
        account: str,
        base: str,
        seconds: int | None,
        error: str | None,
    ) -> Prediction:
        """Begins a prediction."""
        now = self._clock.now()
        prediction = Prediction(
            id=base64.b32encode(secrets.token_bytes(16)).decode().lower().rstrip("="),
            account=account,
            listed=listed,
            request=request,
            order=order,
            base=base,
            created_at=now,
            deadline=None if seconds is None else now + timedelta(seconds=seconds),
            error=error,
        )
        self._predictions[prediction.id] = prediction
        while len(self._predictions) > PREDICTIONS_KEPT:
            self._predictions.popitem(last=False)
        task = asyncio.create_task(self._work(prediction))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return prediction

    def find(self, reference: str, *, account: str) -> Prediction | None:
        """An account's prediction."""
        found = self._predictions.get(reference)
        return found if found is not None and found.account == account else None

    def listed(self, *, account: str, since: datetime | None) -> list[Prediction]:
        """An account's predictions, newest first."""
        mine = [one for one in reversed(self._predictions.values()) if one.account == account]
        return [one for one in mine if since is None or one.created_at >= since]

    def stop(self, prediction: Prediction) -> None:
        """Ends it where it has not ended: what never ran is aborted."""
        if prediction.status not in ENDED:
            self._end(prediction, "aborted" if prediction.status == "starting" else "canceled")
            prediction.is_stopped.set()

    def is_removed(self, prediction: Prediction) -> bool:
        """Whether its inputs and files are gone."""
        return prediction.completed_at is not None and self._clock.now() - prediction.completed_at >= KEPT_FOR

    def shown(self, prediction: Prediction) -> Json:
        """The prediction as the vendor tells of it."""
        is_removed = self.is_removed(prediction)
        return {
            "id": prediction.id,
            "model": prediction.listed.name,
            "version": "hidden",
            "input": {} if is_removed else dict(prediction.request.input),
            "logs": "",
            "output": None if is_removed else _output(prediction),
            "data_removed": is_removed,
            "error": prediction.error if prediction.status == "failed" else None,
            "status": prediction.status,
            "source": "api",
            "created_at": written(prediction.created_at),
            "urls": _urls(prediction),
            **_times(prediction),
        }

    async def settled(self) -> None:
        """Returns when no prediction is worked on any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _work(self, prediction: Prediction) -> None:
        if await self._is_over(prediction):
            return
        prediction.status, prediction.started_at = "processing", self._clock.now()
        self._tell(prediction, "start")
        if await self._is_over(prediction):
            return
        if prediction.error is None:
            self._tell(prediction, "output")
        self._end(prediction, "succeeded" if prediction.error is None else "failed")

    async def _is_over(self, prediction: Prediction) -> bool:
        """Lets a stage take its time, or the prediction reach its deadline."""
        seconds = self.pace_milliseconds / 1000
        left = self._seconds_left(prediction)
        try:
            await asyncio.wait_for(prediction.is_stopped.wait(), max(0.0, min(seconds, left)))
        except TimeoutError:
            if left < seconds or self._seconds_left(prediction) <= 0:
                self.stop(prediction)
        return prediction.status in ENDED

    def _seconds_left(self, prediction: Prediction) -> float:
        return math.inf if prediction.deadline is None else (prediction.deadline - self._clock.now()).total_seconds()

    def _end(self, prediction: Prediction, status: Status) -> None:
        prediction.status, prediction.completed_at = status, self._clock.now()
        self._tell(prediction, "completed")


def written(at: datetime) -> str:
    """A time as the vendor writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _output(prediction: Prediction) -> str | list[str] | None:
    if prediction.status != "succeeded":
        return None
    urls = [f"{prediction.base}files/{prediction.id}/{prediction.file_name(number)}" for number in range(prediction.order.count)]
    return urls if prediction.listed.count_input else urls[0]


def _urls(prediction: Prediction) -> Mapping[str, str]:
    at = f"{prediction.base}v1/predictions/{prediction.id}"
    return {"get": at, "cancel": f"{at}/cancel", "web": f"{prediction.base}p/{prediction.id}"}


def _times(prediction: Prediction) -> Json:
    """The vendor leaves out what is not yet."""
    times = {"started_at": prediction.started_at, "completed_at": prediction.completed_at, "deadline": prediction.deadline}
    told: Json = {name: written(at) for name, at in times.items() if at is not None}
    if prediction.completed_at is not None:
        told["metrics"] = {"total_time": (prediction.completed_at - prediction.created_at).total_seconds()}
    return told
