"""Files as vendors make them: real pictures, real sound, real films, the same for the same words.

Drawing and encoding are work for a thread: call these through `asyncio.to_thread`.
"""

import io
import math
import wave
from array import array
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

import av
from av.audio.stream import AudioStream
from av.container.output import OutputContainer
from PIL import Image, ImageDraw

SAMPLE_RATE = 44_100
MP3_BITS_PER_SECOND = 128_000
FRAMES_PER_SECOND = 10
WORDS_PER_SECOND = 2.5
SAMPLES_PER_WORD = round(SAMPLE_RATE / WORDS_PER_SECOND)
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
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono")
        # The bit rate vendors use; a tone needs no more of the encoder's care.
        stream.bit_rate, stream.options = MP3_BITS_PER_SECOND, {"compression_level": "9"}
        _write_sound(container, stream, samples)
    return kept.getvalue()


def film(
    words: str, *, seconds: float, width: int = 512, height: int = 512, portrait: bytes | None = None, sound: bytes | None = None
) -> bytes:
    """An MP4 (H.264 and AAC) of that length that players play; width and height are even.

    It shows the words, or a portrait whose mouth moves, and is heard as tones, or as a sound that is given.
    """
    still = None if portrait is None else _still(portrait, width, height)
    kept = io.BytesIO()
    with av.open(kept, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "35"}
        heard = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(max(1, round(seconds * FRAMES_PER_SECOND))):
            turn = number / FRAMES_PER_SECOND
            image = _drawn(words, width, height, turn=turn) if still is None else _talking(still, turn=turn)
            container.mux(stream.encode(av.VideoFrame.from_image(image)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode())
        _write_sound(container, heard, _tones(words, seconds) if sound is None else _samples(sound, seconds))
    return kept.getvalue()


def sound_seconds(content: bytes) -> float:
    """How long a sound file plays. Raises: av.FFmpegError where it is none."""
    with av.open(io.BytesIO(content), "r") as container:
        samples = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    return float(samples)


def _still(portrait: bytes, width: int, height: int) -> Image.Image:
    with Image.open(io.BytesIO(portrait)) as image:
        return image.convert("RGB").resize((width, height))


def _talking(still: Image.Image, *, turn: float) -> Image.Image:
    image = still.copy()
    width, height = image.size
    opened = height * 0.04 * abs(math.sin(turn * WORDS_PER_SECOND * math.pi))
    box = (width * 0.42, height * 0.66 - opened, width * 0.58, height * 0.66 + opened)
    ImageDraw.Draw(image).ellipse(box, fill=(90, 20, 30))
    return image


def _samples(sound: bytes, seconds: float) -> "array[int]":
    samples: array[int] = array("h")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(io.BytesIO(sound), "r") as container:
        for frame in (*container.decode(audio=0), None):
            for piece in resampler.resample(frame):
                samples.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
    return samples[: round(seconds * SAMPLE_RATE)] or _tones("", seconds)


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
    seed, wave_second = sha256(text.encode()).digest(), _second_of_one_hertz()
    samples: array[int] = array("h")
    count = round(seconds * SAMPLE_RATE)
    for word, start in enumerate(range(0, count, SAMPLES_PER_WORD)):
        pitch, stop = 110 + seed[word % len(seed)], min(start + SAMPLES_PER_WORD, count)
        samples.extend([wave_second[place % SAMPLE_RATE] for place in range(pitch * start, pitch * stop, pitch)])
    return samples


@lru_cache(maxsize=1)
def _second_of_one_hertz() -> tuple[int, ...]:
    return tuple(round(6_000 * math.sin(2 * math.pi * number / SAMPLE_RATE)) for number in range(SAMPLE_RATE))


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
