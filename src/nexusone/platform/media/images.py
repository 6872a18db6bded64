"""Pictures: decoded within bounds and written anew, so that nothing but the pixels is left of what came in."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageCms, ImageOps, ImageSequence
from PIL.Image import Resampling

from nexusone.platform.media.bounds import Deadline, MediaLimits, MediaRefused
from nexusone.platform.media.formats import GIF, JPEG, PNG, WEBP, Format

Fit = Literal["contain", "cover"]

# What Pillow raises over files that are not what they seem, its warnings among it where they are made errors.
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    UserWarning,
)
ORIENTATION = 0x0112
QUALITY = {JPEG: 88, WEBP: 86}
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in bytes."""

    format: Format
    content: bytes
    width: int
    height: int


def rewritten(content: bytes, kind: Format, limits: MediaLimits) -> Picture:
    """The same picture without anything else that was in the file; upright, in sRGB, animated where it was. Raises: MediaRefused."""
    with _opened(content, kind, limits) as image:
        if getattr(image, "is_animated", False) and kind is not JPEG:
            return _rewritten_frames(image, kind, limits)
        if _needs_no_change(image, kind):
            image.load()
            image.info = {}
            return Picture(kind, _written(image, kind, quality="keep"), image.width, image.height)
        return _picture(_plain(image), kind)


def resized(content: bytes, kind: Format, *, to: Format, width: int | None, height: int | None, fit: Fit, limits: MediaLimits) -> Picture:
    """The picture (of an animated one the first frame) inside the box, or covering it and cut; never larger than it was.

    One missing side follows from the other; without both the size stays. Raises: MediaRefused.
    """
    with _opened(content, kind, limits) as image:
        plain = _plain(image)
    box = _box(plain, width, height)
    if fit == "cover" and width and height:
        shrink = min(1.0, plain.width / width, plain.height / height)
        plain = ImageOps.fit(plain, (max(1, round(width * shrink)), max(1, round(height * shrink))), Resampling.LANCZOS)
    elif box[0] < plain.width or box[1] < plain.height:
        plain = ImageOps.contain(plain, box, Resampling.LANCZOS)
    return _picture(plain, to)


def written(image: Image.Image, to: Format) -> Picture:
    """A picture that was made here, in a format."""
    return _picture(image, to)


@contextmanager
def _opened(content: bytes, kind: Format, limits: MediaLimits) -> Iterator[Image.Image]:
    try:
        # Opening reads the header alone: the size is known before a pixel is unpacked.
        with Image.open(io.BytesIO(content), formats=(kind.codec,)) as image:
            limits.check_size(image.width, image.height)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise MediaRefused("too_many_pixels", limit=limits.pixels_max) from bomb
    except BROKEN as fault:
        raise MediaRefused("broken") from fault


def _needs_no_change(image: Image.Image, kind: Format) -> bool:
    is_plain = image.format == JPEG.codec and image.mode in ("L", "RGB")
    return kind is JPEG and is_plain and "icc_profile" not in image.info and _orientation(image) == 1


def _rewritten_frames(image: Image.Image, kind: Format, limits: MediaLimits) -> Picture:
    deadline, frames, durations = Deadline(limits.work_seconds_max), [], []
    loops = image.info.get("loop", 1 if kind is GIF else 0)
    for number, frame in enumerate(ImageSequence.Iterator(image), 1):
        deadline.check()
        if number > limits.frames_max or number * image.width * image.height > limits.frame_pixels_max:
            raise MediaRefused("too_many_frames", limit=limits.frames_max)
        durations.append(max(10, int(frame.info.get("duration", 100) or 100)))
        frames.append(_plain(frame))
    kept = io.BytesIO()
    frames[0].save(kept, kind.codec, save_all=True, append_images=frames[1:], duration=durations, loop=int(loops))
    return Picture(kind, kept.getvalue(), image.width, image.height)


def _plain(image: Image.Image) -> Image.Image:
    """Upright, RGB or RGBA, in sRGB, and without any of the file's words."""
    image.load()
    turned = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image
    profile = image.info.get("icc_profile")
    if turned.mode.startswith("I;16"):
        turned = turned.point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = turned.has_transparency_data
    plain = _in_srgb(turned, profile, has_alpha=has_alpha) if profile else None
    plain = plain or turned.convert("RGBA" if has_alpha else "RGB")
    plain = plain.copy() if plain is image else plain
    plain.info = {}
    return plain


def _in_srgb(image: Image.Image, profile: bytes, *, has_alpha: bool) -> Image.Image | None:
    if image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGBA" if has_alpha else "RGB")
    except (ImageCms.PyCMSError, *BROKEN):
        # A picture with colours a little off is better than none.
        return None
    return made


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except BROKEN:
        return 1


def _box(image: Image.Image, width: int | None, height: int | None) -> tuple[int, int]:
    return min(width or image.width, image.width), min(height or image.height, image.height)


def _picture(image: Image.Image, to: Format) -> Picture:
    if to is JPEG and image.mode == "RGBA":
        ground = Image.new("RGB", image.size, WHITE)
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    return Picture(to, _written(image, to, quality=QUALITY.get(to)), image.width, image.height)


def _written(image: Image.Image, to: Format, *, quality: int | Literal["keep"] | None) -> bytes:
    kept = io.BytesIO()
    options = {} if quality is None else {"quality": quality}
    image.save(kept, to.codec, **options)
    return kept.getvalue()


STILL_FORMATS = {known.media_type: known for known in (PNG, JPEG, WEBP)}
