"""The tasks that the simulator works on: taken at once, made one picture after the other, told by webhook as each ends."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from nexusone.providers.runware.catalog import SMALL, listed_model
from nexusone.providers.runware.simulation.asking import Ask, Json, refused
from nexusone.web.simulation.files import picture

TYPES = {"PNG": "image/png", "JPG": "image/jpeg", "WEBP": "image/webp"}
UNPRICED_MICROS = 5_000


class Outcomes(BaseModel):
    """What becomes of the next task: so many of its first pictures are flagged, so many of its last ones fail."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    flagged: int = Field(default=0, ge=0)
    failing: int = Field(default=0, ge=0)


@dataclass(slots=True)
class Made:
    """One picture of a task; `name` is that of its file."""

    id: str
    name: str
    seed: int
    is_flagged: bool
    is_failing: bool
    is_ended: bool = False


@dataclass(slots=True)
class Task:
    """One task and its pictures; `base` is where it was asked for."""

    ask: Ask
    base: str
    pictures: list[Made]
    is_whole: asyncio.Event = field(default_factory=asyncio.Event)


class Tasks:
    """Every task that was taken; `send` sends a webhook."""

    def __init__(self, send: Callable[[str, bytes], None]) -> None:
        self.outcomes = Outcomes()
        self.pace_seconds = 0.005
        self.balance_micros: int | None = None
        self._send = send
        self._tasks: dict[str, Task] = {}
        self._files: dict[str, tuple[Task, Made]] = {}
        self._work: set[asyncio.Task[None]] = set()

    def take(self, ask: Ask, *, base: str, fails: bool) -> Task:
        """Begins a task; an id is taken once. Raises: TaskRefused."""
        if ask.task_uuid in self._tasks:
            words = f"Task {ask.task_uuid} is already known. Use a unique taskUUID for each request."
            raise refused("conflictTaskUUID", words, _named(ask), parameter="taskUUID")
        self._pay(ask)
        outcomes, self.outcomes = self.outcomes, Outcomes()
        failing = ask.number_results if fails else outcomes.failing
        task = Task(ask, base, [_made(ask, at, flagged=outcomes.flagged, failing=failing) for at in range(ask.number_results)])
        self._tasks[ask.task_uuid] = task
        self._files |= {one.name: (task, one) for one in task.pictures}
        work = asyncio.create_task(self._make(task))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return task

    def find(self, asked: Json) -> Task:
        """A task by its id. Raises: TaskRefused where no task had it."""
        task = self._tasks.get(str(asked.get("taskUUID")))
        if task is None:
            raise refused("taskNotFound", "No task was found for this taskUUID.", asked, parameter="taskUUID")
        return task

    async def file(self, name: str) -> tuple[bytes, str] | None:
        """A picture that is made, and its type."""
        task, made = self._files.get(name, (None, None))
        if task is None or made is None or not made.is_ended or made.is_failing:
            return None
        ask, media_type = task.ask, TYPES[task.ask.output_format]
        words = f"{ask.positive_prompt} #{made.seed}"
        return await asyncio.to_thread(picture, words, width=ask.width, height=ask.height, media_type=media_type), media_type

    def _pay(self, ask: Ask) -> None:
        if self.balance_micros is None:
            return
        due = cost_micros(ask) * ask.number_results
        if due > self.balance_micros:
            raise refused("insufficientCredits", "Insufficient credits. Add funds to your account.", _named(ask))
        self.balance_micros -= due

    async def _make(self, task: Task) -> None:
        for made in task.pictures:
            await asyncio.sleep(self.pace_seconds)
            made.is_ended = True
            if task.ask.webhook_url is not None:
                told = {"errors": [error_of(task, made)]} if made.is_failing else {"data": [result_of(task, made)]}
                self._send(task.ask.webhook_url, json.dumps(told).encode())
        task.is_whole.set()


def results_of(task: Task) -> tuple[list[Json], list[Json]]:
    """How the pictures of a task are, and the errors of those that failed."""
    failed = [one for one in task.pictures if one.is_ended and one.is_failing]
    return [result_of(task, one) for one in task.pictures if one not in failed], [error_of(task, one) for one in failed]


def result_of(task: Task, made: Made) -> Json:
    """One picture as the vendor tells it, made or under way."""
    told = acknowledged(task.ask)
    if not made.is_ended:
        return told | {"status": "processing"}
    told |= {"status": "success", "imageUUID": made.id, "imageURL": f"{task.base}/image/ws/2/ii/{made.name}", "seed": made.seed}
    if task.ask.checks_nsfw:
        told["NSFWContent"] = made.is_flagged
    if task.ask.includes_cost:
        told["cost"] = cost_micros(task.ask) / 1_000_000
    return told


def error_of(task: Task, made: Made) -> Json:
    """Why a picture was not made."""
    error = refused("providerError", f"The provider failed to generate result {made.id}.", _named(task.ask)).error
    return error | {"status": "error"}


def acknowledged(ask: Ask) -> Json:
    """What is told of a task that was taken."""
    return {"taskType": ask.task_type, "taskUUID": ask.task_uuid}


def cost_micros(ask: Ask) -> int:
    """What one picture costs."""
    listed = listed_model(ask.model)
    small = listed.small_price_micros if listed and f"{ask.width}x{ask.height}" == SMALL else None
    return small or (listed.price_micros if listed else None) or UNPRICED_MICROS


def _made(ask: Ask, at: int, *, flagged: int, failing: int) -> Made:
    seed = ask.seed if ask.seed is not None else int.from_bytes(sha256(ask.task_uuid.encode()).digest()[:4])
    made = uuid4()
    return Made(
        id=str(made),
        name=f"{made}.{ask.output_format.lower()}",
        seed=seed + at,
        is_flagged=at < flagged,
        is_failing=at >= ask.number_results - failing,
    )


def _named(ask: Ask) -> Json:
    return {"taskUUID": str(UUID(ask.task_uuid)), "taskType": ask.task_type}
