"""Files that mean no good, made here byte by byte."""

import io
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Mapping

from PIL import Image, PngImagePlugin

from nexusone.platform.media.bounds import MediaLimits
from nexusone.web.simulation.files import film, picture, speech

LIMITS = MediaLimits(
    image_bytes_max=2_000_000,
    audio_bytes_max=2_000_000,
    video_bytes_max=2_000_000,
    pixels_max=4_000_000,
    edge_max=8_192,
    frames_max=20,
    frame_pixels_max=8_000_000,
    seconds_max=30,
    streams_max=4,
    work_seconds_max=20.0,
)
PAYLOAD = b"<script>alert(document.domain)</script>"
SECRET = "48.2082 N, 16.3738 E"


def chunk(name: bytes, content: bytes) -> bytes:
    """A piece of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *, packed: bytes = b"", further: bytes = b"") -> bytes:
    """A PNG that says it is so large."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + further + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def png_bomb() -> bytes:
    """A quarter of a megabyte that unpacks to some hundred."""
    return png(15_000, 15_000, packed=zlib.compress(bytes(15_000 * 3 + 1) * 3_000))


def text_bomb() -> bytes:
    """A small picture with a text of a hundred megabytes."""
    words = b"Comment\x00\x00" + zlib.compress(bytes(100_000_000))
    return png(1, 1, packed=zlib.compress(b"\x00\x00\x00\x00"), further=chunk(b"zTXt", words))


def frame_bomb() -> bytes:
    """An animation with too many pictures."""
    frames = [Image.new("RGB", (8, 8), (number, 0, 0)) for number in range(200)]
    kept = io.BytesIO()
    frames[0].save(kept, "GIF", save_all=True, append_images=frames[1:], duration=20)
    return kept.getvalue()


def archive() -> bytes:
    """A ZIP bomb with names that climb."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../etc/passwd", bytes(1_000_000))
    return kept.getvalue()


def long_sound() -> bytes:
    """An hour of silence."""
    kept = io.BytesIO()
    with wave.open(kept, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(400)
        sound.writeframes(bytes(400 * 3_600))
    return kept.getvalue()


def cut(content: bytes) -> bytes:
    """The first half."""
    return content[: len(content) // 2]


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><html><body>" + PAYLOAD + b"</body></html>"

# What is refused, and why.
REFUSED: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "png bomb": (png_bomb, "too_many_pixels"),
    "png beyond all bounds": (lambda: png(2**31 - 1, 2**31 - 1), "too_many_pixels"),
    "png of no size": (lambda: png(0, 10), "broken"),
    "png with a bomb of text": (text_bomb, "broken"),
    "gif with too many frames": (frame_bomb, "too_many_frames"),
    "svg with a script": (lambda: SVG, "unknown_type"),
    "svg after a declaration": (lambda: b'<?xml version="1.0"?>' + SVG, "unknown_type"),
    "html": (lambda: HTML, "unknown_type"),
    "zip": (archive, "unknown_type"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(20), "unknown_type"),
    "pdf": (lambda: b"%PDF-1.7\n", "unknown_type"),
    "program": (lambda: b"\x7fELF" + bytes(60), "unknown_type"),
    "playlist": (lambda: b"#EXTM3U\nfile:///etc/passwd\n", "unknown_type"),
    "heic": (lambda: b"\x00\x00\x00\x18ftypheic" + bytes(20), "unknown_type"),
    "nothing": (lambda: b"", "unknown_type"),
    "one byte": (lambda: b"\xff", "unknown_type"),
    "html that begins like a png": (lambda: b"\x89PNG\r\n\x1a\n" + HTML, "broken"),
    "html that begins like a jpeg": (lambda: b"\xff\xd8\xff" + HTML, "broken"),
    "html that begins like a gif": (lambda: b"GIF89a" + HTML, "broken"),
    "html that begins like a webp": (lambda: b"RIFF\x10\x00\x00\x00WEBP" + HTML, "broken"),
    "html that begins like a wav": (lambda: b"RIFF\x10\x00\x00\x00WAVE" + HTML, "broken"),
    "html that begins like an mp4": (lambda: b"\x00\x00\x00\x18ftypisom" + bytes(12) + HTML, "broken"),
    "html that begins like an mp3": (lambda: b"ID3\x04\x00\x00\x00\x00\x00\x00" + HTML, "broken"),
    "truncated png": (lambda: cut(picture("x", width=200, height=200)), "broken"),
    "truncated jpeg": (lambda: cut(picture("x", width=200, height=200, media_type="image/jpeg")), "broken"),
    "truncated webp": (lambda: cut(picture("x", width=200, height=200, media_type="image/webp")), "broken"),
    "truncated mp4": (lambda: cut(film("x", seconds=1, width=64, height=64)), "broken"),
    "a film too large to look at": (lambda: film("x", seconds=0.2, width=2_560, height=2_560), "too_many_pixels"),
    "an hour of silence": (long_sound, "too_long"),
    "a film that is too long": (lambda: film("x", seconds=32, width=16, height=16), "too_long"),
    "more bytes than are taken": (lambda: picture("x", width=4, height=4) + bytes(2_000_000), "too_large"),
}


def with_words() -> bytes:
    """A PNG that says where it was taken."""
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", SECRET)
    told.add_text("XML:com.adobe.xmp", f"<x>{SECRET}</x>")
    return _saved("PNG", pnginfo=told)


def with_exif(codec: str) -> bytes:
    """A picture on its side that says where and by whom it was taken."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, SECRET
    return _saved(codec, exif=exif, **({"comment": SECRET.encode()} if codec == "JPEG" else {}))


def _saved(codec: str, **options: object) -> bytes:
    kept = io.BytesIO()
    with Image.open(io.BytesIO(picture("sea", width=60, height=40))) as image:
        image.save(kept, codec, **options)
    return kept.getvalue()


def tagged_sound() -> bytes:
    """An MP3 with a tag of the older kind before it and one of the oldest after it."""
    words = b"\x00" + SECRET.encode()
    frame = b"TPE1" + struct.pack(">I", len(words)) + b"\x00\x00" + words
    head = b"ID3\x03\x00\x00" + bytes((0, 0, len(frame) >> 7, len(frame) & 0x7F)) + frame
    return head + speech("hello there") + (b"TAG" + SECRET.encode()).ljust(128, b"\x00")


# Sound in themselves, with something that must not come through.
CARRIERS: Mapping[str, tuple[Callable[[], bytes], bytes]] = {
    "png with a page after it": (lambda: picture("x", width=20, height=20) + HTML, PAYLOAD),
    "jpeg with a page after it": (lambda: picture("x", width=20, height=20, media_type="image/jpeg") + HTML, PAYLOAD),
    "gif that is a script": (lambda: _gif_and_script(), PAYLOAD),
    "png that is an archive": (lambda: picture("x", width=20, height=20) + archive(), b"etc/passwd"),
    "mp4 with a page after it": (lambda: film("x", seconds=1, width=32, height=32) + chunk(b"free", HTML), PAYLOAD),
    "wav with a page after it": (lambda: speech("hello there", media_type="audio/wav") + HTML, PAYLOAD),
    "png that says where": (with_words, SECRET.encode()),
    "png with exif": (lambda: with_exif("PNG"), SECRET.encode()),
    "jpeg with exif": (lambda: with_exif("JPEG"), SECRET.encode()),
    "webp with exif": (lambda: with_exif("WEBP"), SECRET.encode()),
    "mp3 with tags": (tagged_sound, SECRET.encode()),
}


def _gif_and_script() -> bytes:
    kept = io.BytesIO()
    Image.new("P", (4, 4)).save(kept, "GIF", comment=PAYLOAD)
    return kept.getvalue() + PAYLOAD
