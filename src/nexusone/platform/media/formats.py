"""Which files there are, known by their first bytes."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "audio", "video"]

HEAD_BYTES = 16
# What MP4 files say they are compatible with; the same box begins pictures (HEIC, AVIF), which are none of ours.
MP4_BRANDS = frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"M4VH", b"MSNV"})


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file; `codec` is what the library that reads it calls it, `suffix` how names of such files end."""

    media_type: str
    kind: Kind
    suffix: str
    codec: str


PNG = Format("image/png", "image", "png", "PNG")
JPEG = Format("image/jpeg", "image", "jpg", "JPEG")
WEBP = Format("image/webp", "image", "webp", "WEBP")
GIF = Format("image/gif", "image", "gif", "GIF")
MP3 = Format("audio/mpeg", "audio", "mp3", "mp3")
WAV = Format("audio/wav", "audio", "wav", "wav")
MP4 = Format("video/mp4", "video", "mp4", "mp4")

FORMATS: dict[str, Format] = {known.media_type: known for known in (PNG, JPEG, WEBP, GIF, MP3, WAV, MP4)}


def format_of(head: bytes) -> Format | None:
    """What a file is by its first `HEAD_BYTES` bytes; None for everything that is not taken."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF"):
        return {b"WEBP": WEBP, b"WAVE": WAV}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return MP4 if head[8:12] in MP4_BRANDS else None
    return MP3 if head.startswith(b"ID3") or _is_frame_of_layer_three(head) else None


def _is_frame_of_layer_three(head: bytes) -> bool:
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
