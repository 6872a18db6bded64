"""Sound and films: measured by decoding, and copied stream by stream into a new file, so that tags and strange tracks stay behind."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from PIL import Image

from nexusone.platform.media.bounds import Deadline, MediaLimits, MediaRefused
from nexusone.platform.media.formats import MP3, Format

BROKEN = (FFmpegError, ValueError, EOFError, IndexError, OverflowError, ZeroDivisionError)
SOUND_CODECS = frozenset({"aac", "mp3", "opus", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})
PICTURE_CODECS = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
# Cover pictures inside sound files are opened by the library before they can be left behind.
COVER_CODECS = frozenset({"mjpeg", "png"})
DECODERS = ",".join(sorted({*SOUND_CODECS, *PICTURE_CODECS, *COVER_CODECS, "mp3float", "libdav1d", "libopus"}))
CHANNELS_MAX = 8
RATE_MAX = 192_000


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound or a film in bytes; a sound has no size."""

    format: Format
    content: bytes
    duration_ms: int
    width: int | None = None
    height: int | None = None


def copied_sound(content: bytes, kind: Format, limits: MediaLimits) -> Recording:
    """The one sound of the file, decoded to its end, in a file of its own. Raises: MediaRefused."""
    with opened(content, kind, limits) as source:
        stream = sound_of(source)
        seconds, deadline = 0.0, Deadline(limits.work_seconds_max)
        for frame in source.decode(stream):
            deadline.check()
            seconds += frame.samples / frame.sample_rate
            _check_length(seconds, limits)
    if seconds <= 0:
        raise MediaRefused("empty")
    return Recording(kind, _copied(content, kind, limits), round(seconds * 1000))


def copied_film(content: bytes, kind: Format, limits: MediaLimits) -> Recording:
    """The film and its sound, if it has one, in a file of their own; its first picture can be shown. Raises: MediaRefused."""
    with opened(content, kind, limits) as source:
        stream = film_of(source, limits)
        if len(source.streams.audio) > 1:
            raise MediaRefused("too_many_streams", limit=1)
        for sound in source.streams.audio:
            _check_sound(sound)
        first = next(iter(source.decode(stream)), None)
        if first is None:
            raise MediaRefused("no_picture")
        limits.check_size(first.width, first.height)
        width, height = first.width, first.height
    seconds = _film_seconds(content, kind, limits)
    return Recording(kind, _copied(content, kind, limits), round(seconds * 1000), width, height)


def poster(content: bytes, kind: Format, *, at_ms: int, limits: MediaLimits) -> Image.Image:
    """What the film shows at that time, or at its end. Raises: MediaRefused."""
    with opened(content, kind, limits) as source:
        stream, deadline, shown = film_of(source, limits), Deadline(limits.work_seconds_max), None
        if at_ms:
            source.seek(at_ms * 1000, backward=True)
        for frame in source.decode(stream):
            deadline.check()
            limits.check_size(frame.width, frame.height)
            shown = frame
            if frame.time is None or frame.time * 1000 >= at_ms:
                break
        if shown is None:
            raise MediaRefused("no_picture")
        # The library has no types for it.
        image: Image.Image = shown.to_image()  # type: ignore[no-untyped-call]
        return image


@contextmanager
def opened(content: bytes, kind: Format, limits: MediaLimits) -> Iterator[InputContainer]:
    """The file, read as what it is by its first bytes and as nothing else. Raises: MediaRefused."""
    try:
        options = {
            "codec_whitelist": DECODERS,
            "max_pixels": str(limits.pixels_max),
            "format_whitelist": "mp3,wav,mov,mp4,m4a,3gp,3g2,mj2",
            "max_streams": str(limits.streams_max),
        }
        with av.open(io.BytesIO(content), "r", format=kind.codec, options=options, metadata_errors="ignore") as source:
            if len(source.streams) > limits.streams_max:
                raise MediaRefused("too_many_streams", limit=limits.streams_max)
            yield source
    except BROKEN as fault:
        raise MediaRefused("broken") from fault


def sound_of(source: InputContainer) -> AudioStream:
    """The one sound of a file. Raises: MediaRefused."""
    if len(source.streams.audio) != 1:
        raise MediaRefused("no_sound")
    stream = source.streams.audio[0]
    _check_sound(stream)
    return stream


def film_of(source: InputContainer, limits: MediaLimits) -> VideoStream:
    """The one film of a file. Raises: MediaRefused."""
    if len(source.streams.video) != 1:
        raise MediaRefused("no_picture")
    stream = source.streams.video[0]
    _check_codec(stream, PICTURE_CODECS)
    limits.check_size(stream.width, stream.height)
    # What the stream itself says may be more than what the file says of it, and is known only to its decoder.
    stream.codec_context.options = {"max_pixels": str(limits.pixels_max)}
    return stream


def _check_sound(stream: AudioStream) -> None:
    _check_codec(stream, SOUND_CODECS)
    if not 1 <= stream.channels <= CHANNELS_MAX or not 1 <= stream.sample_rate <= RATE_MAX:
        raise MediaRefused("broken")


def _check_codec(stream: AudioStream | VideoStream, known: frozenset[str]) -> None:
    # Of a track that names nothing the library knows there is no decoder at all, whatever its types say.
    if stream.codec_context is None or stream.codec.canonical_name not in known:
        raise MediaRefused("unknown_codec")


def _check_length(seconds: float, limits: MediaLimits) -> None:
    if seconds > limits.seconds_max:
        raise MediaRefused("too_long", limit=limits.seconds_max)


def _film_seconds(content: bytes, kind: Format, limits: MediaLimits) -> float:
    deadline, begins, ends = Deadline(limits.work_seconds_max), None, 0.0
    with opened(content, kind, limits) as source:
        for packet in source.demux(film_of(source, limits)):
            deadline.check()
            if packet.pts is None or packet.time_base is None:
                continue
            at = float(packet.pts * packet.time_base)
            begins = at if begins is None else min(begins, at)
            ends = max(ends, at + float((packet.duration or 0) * packet.time_base))
            _check_length(ends - begins, limits)
    if begins is None or ends <= begins:
        raise MediaRefused("empty")
    return ends - begins


def _copied(content: bytes, kind: Format, limits: MediaLimits) -> bytes:
    kept, deadline = io.BytesIO(), Deadline(limits.work_seconds_max)
    options = {"fflags": "+bitexact", **({"id3v2_version": "0"} if kind is MP3 else {})}
    with opened(content, kind, limits) as source, av.open(kept, "w", format=kind.codec, options=options) as target:
        wanted = [*(source.streams.video if kind.kind == "video" else ()), *source.streams.audio]
        made = {stream.index: target.add_stream_from_template(stream) for stream in wanted}
        for packet in source.demux(wanted):
            deadline.check()
            if packet.dts is not None:
                packet.stream = made[packet.stream.index]
                target.mux(packet)
    return kept.getvalue()
