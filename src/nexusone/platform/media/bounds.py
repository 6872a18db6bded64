"""How much of everything a file may have, and what is said of one that has more."""

import time
from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "unknown_type",
    "other_kind",
    "broken",
    "empty",
    "too_large",
    "too_many_pixels",
    "too_many_frames",
    "too_many_streams",
    "too_long",
    "too_much_work",
    "unknown_codec",
    "no_picture",
    "no_sound",
]


class MediaRefused(Exception):
    """The file is not taken; `reason` is a stable word, `limit` the bound where there is one."""

    def __init__(self, reason: Reason, *, limit: int | None = None) -> None:
        super().__init__(reason if limit is None else f"{reason}: at most {limit}")
        self.reason: Reason = reason
        self.limit = limit


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Bounds of one file. `pixels_max` is width × height of a picture, `frame_pixels_max` that of all frames together."""

    image_bytes_max: int
    audio_bytes_max: int
    video_bytes_max: int
    pixels_max: int
    edge_max: int
    frames_max: int
    frame_pixels_max: int
    seconds_max: int
    streams_max: int
    work_seconds_max: float

    def bytes_max(self, kind: str) -> int:
        """The bound of a kind of file."""
        return {"image": self.image_bytes_max, "audio": self.audio_bytes_max, "video": self.video_bytes_max}[kind]

    def check_size(self, width: int, height: int) -> None:
        """Raises MediaRefused where a picture of that size is too large."""
        if width < 1 or height < 1:
            raise MediaRefused("empty")
        if width > self.edge_max or height > self.edge_max or width * height > self.pixels_max:
            raise MediaRefused("too_many_pixels", limit=self.pixels_max)


class Deadline:
    """Ends work on a file that costs more time than any honest one."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def check(self) -> None:
        """Raises MediaRefused after its time."""
        if time.monotonic() > self._ends:
            raise MediaRefused("too_much_work")
