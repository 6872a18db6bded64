"""The vendor's talks as they are told, read into the words of the port."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, MadeFile, MediaState
from nexusone.modules.ai.ports.models import Unit
from nexusone.providers.did.catalog import VIDEO, charged_seconds
from nexusone.providers.did.client import code_of, error_words

# As answers show it (41 frames are told as 2 seconds); it counts only where an answer tells frames and no duration.
FRAMES_PER_SECOND = 25
DETAIL_CHARACTERS_MAX = 300
AT_FAULT = frozenset({"DriverError", "LogoError", "SourceError", "FaceError", "BadRequestError"})
"""What lies in what was asked for: asking again does not help."""


class Talk(BaseModel):
    """One talk, as far as it is read; names that are not known are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1, max_length=200, pattern=r"^[\w.~-]+$")
    status: Literal["created", "started", "done", "error", "rejected"]
    created_at: datetime | None = None
    source_url: str | None = None
    webhook: str | None = None
    result_url: str | None = None
    duration: float | None = Field(default=None, gt=0, le=86_400)
    user_data: str | None = None
    name: str | None = None
    metadata: Mapping[str, Any] | None = None
    error: Any = None

    def is_marked(self) -> bool:
        """Whether it tells anything by which whoever asked for it can know it again."""
        return bool(self.user_data or self.name)

    def is_of(self, correlation: str) -> bool:
        """Whether it was asked for under this correlation; the portrait's and the webhook's address carry it as well."""
        return correlation in (self.user_data, self.name) or any(correlation in (url or "") for url in (self.source_url, self.webhook))

    def is_since(self, instant: datetime) -> bool:
        """Whether it may have been asked for at that instant or later."""
        if self.created_at is None:
            return True
        told = self.created_at if self.created_at.tzinfo else self.created_at.replace(tzinfo=UTC)
        return told >= instant


class TalkPage(BaseModel):
    """Talks as they are listed, and the token of those that follow."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    talks: tuple[Talk, ...]
    token: str | None = None


def read_talk(told: object) -> Talk:
    """A talk. Raises: UnknownOutcome where it cannot be read."""
    try:
        return Talk.model_validate(told)
    except ValidationError as error:
        raise UnknownOutcome(detail="the vendor's talk cannot be read") from error


def read_page(told: object) -> TalkPage:
    """A page of the list. Raises: UnknownOutcome where it cannot be read."""
    try:
        return TalkPage.model_validate(told)
    except ValidationError as error:
        raise UnknownOutcome(detail="the vendor's list cannot be read") from error


def state_of(talk: Talk, *, look_again_seconds: float) -> MediaState:
    """What became of it. Raises: UnknownOutcome where it is done and nobody says where."""
    if talk.status in ("created", "started"):
        return Begun(talk.id, look_again_seconds)
    if talk.status != "done":
        return _failed(talk)
    if not talk.result_url:
        raise UnknownOutcome(detail="the talk is done, and no address is told")
    return Finished(talk.id, (MadeFile(VIDEO, url=talk.result_url),), _quantities(talk))


def _quantities(talk: Talk) -> Mapping[Unit, int]:
    seconds = talk.duration
    frames = (talk.metadata or {}).get("num_frames")
    if seconds is None and isinstance(frames, int | float) and math.isfinite(frames) and frames > 0:
        seconds = frames / FRAMES_PER_SECOND
    return {} if seconds is None else {"second": charged_seconds(seconds)}


def _failed(talk: Talk) -> Failed:
    told = talk.error if isinstance(talk.error, dict) else {}
    kind = str(told.get("kind", ""))
    # What is rejected was judged by the vendor's moderation.
    code = code_of(kind) or (
        "vendor.refused_content" if talk.status == "rejected" else "vendor.rejected" if kind in AT_FAULT else "vendor.failed"
    )
    words = error_words(told) or (talk.error if isinstance(talk.error, str) else "") or f"the vendor says {talk.status} and no more"
    return Failed(talk.id, code, words[:DETAIL_CHARACTERS_MAX], is_retryable=code == "vendor.failed")
