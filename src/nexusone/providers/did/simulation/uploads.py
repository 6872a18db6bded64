"""Portraits and sounds, judged as the vendor judges them and kept by the address that it gives."""

import io
from collections import OrderedDict
from dataclasses import dataclass
from secrets import token_urlsafe

import av
from PIL import Image, UnidentifiedImageError

from nexusone.providers.did.simulation.refusals import VendorRefusal, bad_request
from nexusone.web.simulation.files import sound_seconds

IMAGE_BYTES_MAX = 10_000_000
SOUND_BYTES_MAX = 6_000_000
SOUND_SECONDS_MAX = 600
SIDE_MAX = 8000
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}
KEPT_MAX = 200
UNREADABLE = (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was taken. `seconds` is how long a sound plays."""

    id: str
    url: str
    content: bytes
    width: int = 0
    height: int = 0
    seconds: float = 0.0


class Uploads:
    """The newest files, by address."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._kept: OrderedDict[str, Upload] = OrderedDict()

    def find(self, url: str) -> Upload | None:
        """What was uploaded to that address."""
        return self._kept.get(url)

    def take_image(self, content: bytes, *, media_type: str, filename: str) -> Upload:
        """Keeps a portrait. Raises: VendorRefusal where it is none."""
        if media_type not in FORMATS:
            raise _unsupported(media_type, list(FORMATS))
        if len(content) > IMAGE_BYTES_MAX:
            raise VendorRefusal(400, "InvalidFileSizeError", "the file is too large")
        width, height = _measured(content, FORMATS[media_type])
        if max(width, height) > SIDE_MAX:
            raise VendorRefusal(400, "InvalidImageResolutionError", "the image is too large")
        identifier = f"img_{token_urlsafe(15)}"
        suffix = "jpg" if media_type == "image/jpeg" else "png"
        url = f"s3://d-id-images-sandbox/{self._user}/{identifier}/{_stem(filename)}.{suffix}"
        return self._keep(Upload(identifier, url, content, width=width, height=height))

    def take_sound(self, content: bytes, *, media_type: str, filename: str) -> Upload:
        """Keeps a sound. Raises: VendorRefusal where it is none."""
        if not media_type.startswith(("audio/", "video/")):
            raise _unsupported(media_type, ["audio/*", "video/*"])
        if len(content) > SOUND_BYTES_MAX:
            raise VendorRefusal(400, "InvalidFileSizeError", "the file is too large")
        try:
            seconds = sound_seconds(content)
        except (av.FFmpegError, IndexError, ValueError):
            raise bad_request("invalid audio") from None
        if not 0 < seconds <= SOUND_SECONDS_MAX:
            raise VendorRefusal(400, "InvalidAudioDurationError", "the audio is too long")
        identifier = token_urlsafe(15)
        url = f"s3://d-id-audios-sandbox/{self._user}/{identifier}/{_stem(filename)}.wav"
        return self._keep(Upload(identifier, url, content, seconds=seconds))

    def _keep(self, upload: Upload) -> Upload:
        self._kept[upload.url] = upload
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return upload


def _measured(content: bytes, wanted: str) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(content), formats=[wanted]) as image:
            if max(image.size) <= SIDE_MAX:
                image.load()
            return image.size
    except UNREADABLE:
        raise bad_request("invalid image") from None


def _stem(filename: str) -> str:
    stem = filename.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return "".join(letter for letter in stem if letter.isascii() and (letter.isalnum() or letter in "-_"))[:100] or "file"


def _unsupported(received: str, supported: list[str]) -> VendorRefusal:
    words = "The provided mime type is not supported"
    return VendorRefusal(415, "UnsupportedMimeTypeError", words, {"received": received, "supported": supported})
