"""What a sound looks like: its peaks, as numbers and as pictures."""

from array import array
from collections.abc import Sequence
from itertools import chain

import av
from PIL import Image, ImageDraw

from nexusone.platform.media.bounds import Deadline, MediaLimits, MediaRefused
from nexusone.platform.media.formats import Format
from nexusone.platform.media.streams import opened, sound_of

RATE = 8_000
# A hundredth of a second is finer than any picture of a whole sound shows.
SLICE = RATE // 100
LOUDEST = 32_768
INK = "#3a5bd9"


def peaks_of(content: bytes, kind: Format, *, count: int, limits: MediaLimits) -> list[float]:
    """How loud each of `count` equal parts of a sound gets, from 0 to 1. Raises: MediaRefused."""
    slices: list[int] = []
    deadline, rest = Deadline(limits.work_seconds_max), array("h")
    with opened(content, kind, limits) as source:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in chain(source.decode(sound_of(source)), (None,)):
            deadline.check()
            for piece in resampler.resample(frame):
                rest.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
            whole = len(rest) if frame is None else len(rest) - len(rest) % SLICE
            slices.extend(_peak(rest[at : at + SLICE]) for at in range(0, whole, SLICE))
            del rest[:whole]
            if len(slices) > limits.seconds_max * RATE // SLICE:
                raise MediaRefused("too_long", limit=limits.seconds_max)
    if not slices:
        raise MediaRefused("empty")
    return [round(_loudest(slices, place, count) / LOUDEST, 3) for place in range(count)]


def as_svg(peaks: Sequence[float], *, width: int, height: int) -> bytes:
    """The peaks as bars around the middle line."""
    bars = "".join(f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"/>' for x, y, wide, high in _bars(peaks, width, height))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" fill="{INK}">'
    return f"{head}{bars}</svg>".encode()


def as_image(peaks: Sequence[float], *, width: int, height: int) -> Image.Image:
    """The same, on nothing."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for x, y, wide, high in _bars(peaks, width, height):
        draw.rectangle((x, y, x + max(0.0, wide - 1), y + max(0.0, high - 1)), fill=INK)
    return image


def _peak(samples: "array[int]") -> int:
    return max(max(samples), -min(samples)) if samples else 0


def _loudest(slices: Sequence[int], place: int, count: int) -> int:
    first = place * len(slices) // count
    return max(slices[first : max(first + 1, (place + 1) * len(slices) // count)])


def _bars(peaks: Sequence[float], width: int, height: int) -> list[tuple[float, float, float, float]]:
    step = width / len(peaks)
    highs = [max(1.0, round(peak * height, 1)) for peak in peaks]
    return [
        (round(place * step, 2), round((height - high) / 2, 2), round(max(0.5, step * 0.7), 2), high) for place, high in enumerate(highs)
    ]
