"""What a file is, and what is kept of it."""

from dataclasses import dataclass

from nexusone.platform.media.bounds import MediaLimits, MediaRefused
from nexusone.platform.media.formats import HEAD_BYTES, Format, Kind, format_of
from nexusone.platform.media.images import rewritten
from nexusone.platform.media.streams import copied_film, copied_sound


@dataclass(frozen=True, slots=True)
class Judged:
    """A file that is what its bytes say: `content` is written anew. Sounds have no size, pictures no duration."""

    format: Format
    content: bytes
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


def known_format(head: bytes, *, kind: Kind | None = None) -> Format:
    """What a file is by its first bytes, whatever it is called. Raises: MediaRefused."""
    known = format_of(head[:HEAD_BYTES])
    if known is None:
        raise MediaRefused("unknown_type")
    if kind is not None and known.kind != kind:
        raise MediaRefused("other_kind")
    return known


def judged(content: bytes, limits: MediaLimits, *, kind: Kind | None = None) -> Judged:
    """A file of the wanted kind, decoded and written anew; work for `in_workroom`. Raises: MediaRefused."""
    known = known_format(content, kind=kind)
    if len(content) > limits.bytes_max(known.kind):
        raise MediaRefused("too_large", limit=limits.bytes_max(known.kind))
    match known.kind:
        case "image":
            picture = rewritten(content, known, limits)
            return Judged(known, picture.content, picture.width, picture.height)
        case "audio":
            sound = copied_sound(content, known, limits)
            return Judged(known, sound.content, duration_ms=sound.duration_ms)
        case "video":
            film = copied_film(content, known, limits)
            return Judged(known, film.content, film.width, film.height, film.duration_ms)
