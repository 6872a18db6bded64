"""Files as vendors make them: real pictures, real sound, real films, the same for the same words.

Drawing and encoding are work for a thread: call these through `asyncio.to_thread`.
"""

import io
import math
import wave
from array import array
from collections.abc import Iterator
from hashlib import sha256

import av
from av.audio.stream import AudioStream
from av.container.output import OutputContainer
from PIL import Image, ImageDraw

SAMPLE_RATE = 44_100
FRAMES_PER_SECOND = 10
WORDS_PER_SECOND = 2.5
SECONDS_MIN = 0.5
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


def picture(words: str, *, width: int, height: int, media_type: str = "image/png") -> bytes:
    """A picture of that size: shapes and colours that come from the words, which are written on it."""
    image = _drawn(words, width, height, turn=0.0)
    kept = io.BytesIO()
    image.save(kept, format=FORMATS[media_type])
    return kept.getvalue()


def speech_seconds(text: str, *, speed: float = 1.0) -> float:
    """How long it takes to say a text."""
    return max(SECONDS_MIN, round(len(text.split()) / WORDS_PER_SECOND / speed, 2))


def speech(text: str, *, media_type: str = "audio/mpeg", speed: float = 1.0) -> bytes:
    """Sound as long as the text takes to say: a tone a word."""
    samples = _tones(text, speech_seconds(text, speed=speed))
    kept = io.BytesIO()
    if media_type == "audio/wav":
        with wave.open(kept, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(samples.tobytes())
        return kept.getvalue()
    with av.open(kept, "w", format="mp3") as container:
        _write_sound(container, container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono"), samples)
    return kept.getvalue()


def film(words: str, *, seconds: float, width: int = 512, height: int = 512) -> bytes:
    """An MP4 (H.264 and AAC) of that length that players play; width and height are even."""
    kept = io.BytesIO()
    with av.open(kept, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "35"}
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        count = max(1, round(seconds * FRAMES_PER_SECOND))
        for number in range(count):
            frame = av.VideoFrame.from_image(_drawn(words, width, height, turn=number / FRAMES_PER_SECOND))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        _write_sound(container, sound, _tones(words, seconds))
    return kept.getvalue()


def _drawn(words: str, width: int, height: int, *, turn: float) -> Image.Image:
    seed = sha256(words.encode()).digest()
    image = Image.new("RGB", (width, height), _colour(seed, 0))
    draw = ImageDraw.Draw(image)
    for number in range(1, 6):
        angle = turn + seed[number] / 40
        x, y = width * (0.5 + 0.35 * math.cos(angle)), height * (0.5 + 0.35 * math.sin(angle))
        radius = min(width, height) * (0.05 + seed[number + 6] / 2_000)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(seed, number * 3))
    draw.text((width // 20, height // 20), words[:60].encode("latin-1", "replace").decode("latin-1"), fill=(255, 255, 255))
    return image


def _colour(seed: bytes, at: int) -> tuple[int, int, int]:
    return seed[at], seed[at + 1], seed[at + 2]


def _tones(text: str, seconds: float) -> "array[int]":
    seed = sha256(text.encode()).digest()
    samples: array[int] = array("h")
    for number in range(round(seconds * SAMPLE_RATE)):
        word = int(number / SAMPLE_RATE * WORDS_PER_SECOND)
        pitch = 110 + seed[word % len(seed)]
        samples.append(round(6_000 * math.sin(2 * math.pi * pitch * number / SAMPLE_RATE)))
    return samples


def _write_sound(container: OutputContainer, stream: AudioStream, samples: "array[int]") -> None:
    for frame in _frames(samples):
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def _frames(samples: "array[int]") -> Iterator["av.AudioFrame"]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE, frame_size=1024)
    raw = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
    raw.planes[0].update(samples.tobytes())
    raw.sample_rate = SAMPLE_RATE
    yield from resampler.resample(raw)
    yield from resampler.resample(None)
