"""The life of a generation: how it can end, and what then becomes of its hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from nexusone.modules.ai.domain.tariff import Usage
from nexusone.modules.ai.ports.models import Kind

Status = Literal["queued", "running", "succeeded", "failed", "canceled", "unknown"]
Settlement = Literal["held", "due", "done"]
Need = Literal["give_up", "look", "declare_unknown", "find", "close_unknown", "settle"]

OUTPUT_NOT_MATCHING = "ai.output_not_matching"
EMPTY_ANSWER = "ai.empty_answer"
NEVER_STARTED = "ai.never_started"
NEVER_DONE = "ai.never_done"
NO_ANSWER = "ai.no_answer"
RESULT_LOST = "ai.result_lost"
RESULT_UNUSABLE = "ai.result_unusable"
REFUSED_BY_MODERATION = "ai.refused_by_moderation"
CANCELED = "ai.canceled"
TOO_SLOW = "ai.too_slow"
CLIENT_LEFT = "client_left"
PIPELINE_PURPOSE = "ai.pipeline"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a generation ended, with all that it used; `cost_nano` where the vendor says what it charged."""

    status: Literal["succeeded", "failed", "canceled", "unknown"]
    usage: Usage
    output: str | None = None
    asset_ids: tuple[UUID, ...] = ()
    finish_reason: str | None = None
    model_version: str | None = None
    vendor_reference: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    cost_nano: int | None = None
    # What the vendor charges for and the customer got nothing of is the house's loss.
    is_free: bool = False
    # The vendor does not say what it used: all that was promised is charged.
    is_unmeasured: bool = False
    safety: Mapping[str, object] | None = None


LOOK_JOB = "ai.look_at_generation"
"""The job that looks what a vendor has made of a file."""

METERS: Mapping[str, tuple[str, ...]] = {
    "text": ("ai.text_tokens", "ai.text_input_tokens", "ai.text_output_tokens"),
    "image": ("ai.images",),
    "voice": ("ai.voice_characters",),
    "video": ("ai.video_seconds",),
    "embedding": ("ai.text_tokens", "ai.text_input_tokens"),
}
"""Where what was used counts, by kind; of a text all tokens, those read, those written."""


def purpose_of(kind: Kind, *, funding: str | None = None) -> str:
    """What the credits of a kind are spent on; `funding` is the hold of a larger work that pays for it."""
    return f"ai.{kind}" if funding is None else PIPELINE_PURPOSE


def metered(kind: Kind, usage: Usage) -> tuple[tuple[str, int], ...]:
    """What is reported of a generation: meter and amount."""
    amounts = {
        "text": (usage.input_tokens + usage.output_tokens, usage.input_tokens, usage.output_tokens),
        "image": (usage.images,),
        "voice": (usage.characters,),
        "video": (usage.seconds,),
        "embedding": (usage.input_tokens, usage.input_tokens),
    }[kind]
    return tuple((meter, amount) for meter, amount in zip(METERS[kind], amounts, strict=True) if amount)


def hold_key(generation_id: UUID) -> str:
    """The key of the generation's hold, the same however often it is asked."""
    return f"generation:{generation_id}"


def can_end(status: str, settlement: str) -> bool:
    """Whether an outcome may still be recorded; an unknown one may turn out until its hold is resolved."""
    return status in ("queued", "running") or (status == "unknown" and settlement == "held")


def need_of(status: str, settlement: str, *, is_media: bool = False, has_reference: bool = False, is_over: bool = True) -> Need | None:
    """What a generation needs whose time has come; `is_over`: nothing more is waited for."""
    if settlement == "due":
        return "settle"
    if settlement == "done":
        return None
    if status == "queued":
        return "give_up"
    if status == "running":
        return "look" if is_media and has_reference and not is_over else "declare_unknown"
    return "find" if is_media and not is_over else "close_unknown"


def gave_up() -> Outcome:
    """The end of a generation that nobody began: surely no model was asked."""
    return Outcome(status="failed", usage=Usage(), error_code=NEVER_STARTED, error_detail="the generation was not begun in time")


def called_off() -> Outcome:
    """The end of a generation that was not wanted any more before anything was asked."""
    return Outcome(status="canceled", usage=Usage(), error_code=CANCELED, error_detail="it was canceled before it began")


def lost(usage: Usage, detail: str) -> Outcome:
    """The end of a generation whose answer never came; `usage` is what is known from earlier attempts."""
    return Outcome(status="unknown", usage=usage, error_code=NO_ANSWER, error_detail=detail)
