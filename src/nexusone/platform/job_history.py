"""What a job went through, told from the queue's log: how often it failed, and how often its worker died with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, LiteralString, Protocol
from uuid import UUID

# Why a job was put back without having failed.
GIVEN_BACK = "given back"
SPREAD = "spread"

HISTORY_MAX = 1000

LIST_STEPS: LiteralString = """
select status::text as status, traceback from queue.pgqueuer_log where job_id = $1 order by created desc, id desc limit $2
"""


class QueueLog(Protocol):
    """The queue library's connection, which fetches rows by name."""

    async def fetch(self, query: str, /, *args: Any) -> list[dict[str, Any]]:
        """The rows of a query with numbered parameters."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the log: what became of the job, and why."""

    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class History:
    """`crashes`: picked, and picked again without a word in between; counted since the job was last given up on."""

    failures: int
    crashes: int
    is_after_crash: bool

    @classmethod
    def of(cls, steps: Sequence[Step]) -> "History":
        """Reads the log of a job that was just picked, oldest first."""
        ends = [number for number, step in enumerate(steps) if step.status == "failed"]
        recent = [step for step in steps[ends[-1] + 1 if ends else 0 :] if step.status in ("picked", "queued")]
        again = [before.status == after.status == "picked" for before, after in pairwise(recent)]
        failures = [step for step in recent if step.status == "queued" and step.reason not in (None, GIVEN_BACK, SPREAD)]
        return cls(failures=len(failures), crashes=sum(again), is_after_crash=bool(again) and again[-1])


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up on, and why."""

    id: int
    name: str
    workspace_id: UUID | None
    payload: str
    attempts: int
    failed_at: datetime
    reason: str


async def steps_of(log: QueueLog, job_id: int) -> list[Step]:
    """The newest `HISTORY_MAX` entries of the log about the job, oldest first."""
    # The library's own reading of its log fails on this driver, which gives JSON as objects.
    rows = await log.fetch(LIST_STEPS, job_id, HISTORY_MAX)
    return [Step(str(row["status"]), _reason_of(row["traceback"])) for row in reversed(rows)]


def _reason_of(record: object) -> str | None:
    if not isinstance(record, dict):
        return None
    return str((record.get("additional_context") or {}).get("reason") or record.get("exception_message"))
