"""The life of a generation: how it can end, and what then becomes of its hold."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from nexusone.modules.ai.domain.tariff import Usage

Status = Literal["queued", "running", "succeeded", "failed", "unknown"]
Settlement = Literal["held", "due", "done"]
Need = Literal["give_up", "declare_unknown", "close_unknown", "settle"]

OUTPUT_NOT_MATCHING = "ai.output_not_matching"
EMPTY_ANSWER = "ai.empty_answer"
NEVER_STARTED = "ai.never_started"
NO_ANSWER = "ai.no_answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a generation ended, with all tokens it used."""

    status: Literal["succeeded", "failed", "unknown"]
    usage: Usage
    output: str | None = None
    finish_reason: str | None = None
    model_version: str | None = None
    vendor_reference: str | None = None
    error_code: str | None = None
    error_detail: str | None = None


PURPOSE = "ai.text"
"""What the credits of writing are spent on."""

METERS = ("ai.text_tokens", "ai.text_input_tokens", "ai.text_output_tokens")
"""Where tokens count: all of them, those read, those written."""


def hold_key(generation_id: UUID) -> str:
    """The key of the generation's hold, the same however often it is asked."""
    return f"generation:{generation_id}"


def can_end(status: str, settlement: str) -> bool:
    """Whether an outcome may still be recorded; an unknown one may turn out until its hold is resolved."""
    return status in ("queued", "running") or (status == "unknown" and settlement == "held")


def need_of(status: str, settlement: str) -> Need | None:
    """What a generation needs whose time has come."""
    if settlement == "due":
        return "settle"
    if settlement == "done":
        return None
    if status == "queued":
        return "give_up"
    return "close_unknown" if status == "unknown" else "declare_unknown"


def gave_up() -> Outcome:
    """The end of a generation that nobody began: surely no model was asked."""
    return Outcome(status="failed", usage=Usage(), error_code=NEVER_STARTED, error_detail="the generation was not begun in time")


def lost(usage: Usage, detail: str) -> Outcome:
    """The end of a generation whose answer never came; `usage` is what is known from earlier attempts."""
    return Outcome(status="unknown", usage=usage, error_code=NO_ANSWER, error_detail=detail)
