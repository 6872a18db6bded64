"""Models that make files: pictures, speech, films. A vendor answers at once or later; the same protocol serves both."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from nexusone.modules.ai.ports.models import ModelCard, Unit


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that goes along with a request."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """`count` pictures of `width` × `height` pixels. `media_type` is image/png, image/jpeg or image/webp."""

    model: str
    prompt: str
    width: int
    height: int
    count: int = 1
    media_type: str = "image/png"
    negative_prompt: str | None = None
    quality: Literal["low", "medium", "high"] | None = None
    seed: int | None = None
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """A text read aloud by `voice` (a name of the card's). `media_type` is audio/mpeg or audio/wav; `speed` 1.0 is as people speak."""

    model: str
    text: str
    voice: str
    language: str | None = None
    media_type: str = "audio/mpeg"
    speed: float = 1.0
    stability: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """Who can read aloud: `name` is what requests say, `languages` those it was made for, `preview_url` a sample at the vendor's."""

    name: str
    title: str
    languages: tuple[str, ...] = ()
    preview_url: str | None = None


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """A portrait that speaks: either `audio`, or `text` by `voice`. `media_type` is video/mp4."""

    model: str
    portrait: MediaFile
    audio: MediaFile | None = None
    text: str | None = None
    voice: str | None = None
    language: str | None = None
    media_type: str = "video/mp4"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that was made: its bytes, or where the vendor keeps it for a while."""

    media_type: str
    content: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The vendor works on it; `progress` is a percentage where it says one."""

    reference: str
    look_again_seconds: float
    progress: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """It is made. `quantities` is what the vendor counts; `cost_nano` what it says that it charged, in billionths of a dollar."""

    reference: str
    files: tuple[MadeFile, ...]
    quantities: Mapping[Unit, int] = field(default_factory=dict)
    cost_nano: int | None = None
    model_version: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not be made. `quantities` is what is charged nevertheless."""

    reference: str
    code: str
    detail: str
    is_retryable: bool = False
    is_canceled: bool = False
    quantities: Mapping[Unit, int] = field(default_factory=dict)


MediaState = Begun | Finished | Failed

R_contra = TypeVar("R_contra", contravariant=True)


class WebhookRefused(Exception):
    """Not the vendor's, or too old; the text says why."""


class MediaModel(Protocol[R_contra]):
    """Makes files of one kind.

    Raises (everywhere but `catalog` and `verify_webhook`):
        DefiniteFailure: the vendor did not do it, with `is_retryable` and `retry_after_seconds` as it said.
        UnknownOutcome: the request went out and no answer came back.
    """

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models this vendor serves, with prices; a model without a price is not in it."""
        ...

    async def begin(self, request: R_contra, *, correlation: str, webhook: str | None) -> MediaState:
        """Asks for it, once. `correlation` is our UUID; `webhook` an address the vendor may call when something changed."""
        ...

    async def look_up(self, reference: str) -> MediaState:
        """What became of it. DefiniteFailure with code `vendor.not_found`: the vendor does not know it (any more)."""
        ...

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        """What became of a request whose answer was lost, by our `correlation`, asked for after `since`.

        None: the vendor surely took no such request. UnknownOutcome: it cannot tell.
        """
        ...

    async def cancel(self, reference: str) -> None:
        """Stops it where the vendor can; what it has become is looked up afterwards."""
        ...

    def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        """The bytes of a made file, at most so many (DefiniteFailure `vendor.file_too_large` beyond)."""
        ...

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Whether the vendor signed it; a vendor that signs nothing accepts all, and nothing in a webhook is ever believed.

        Raises:
            WebhookRefused: it signs, and this is not its signature.
        """
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


class ImageModel(MediaModel[ImageRequest], Protocol):
    """Draws."""


class VoiceModel(MediaModel[VoiceRequest], Protocol):
    """Speaks."""

    async def voices(self) -> tuple[Voice, ...]:
        """Every voice that this account may use at the models' prices. Raises: as everywhere."""
        ...


class VideoModel(MediaModel[VideoRequest], Protocol):
    """Films."""


@dataclass(frozen=True, slots=True)
class ImageModels:
    """The vendors that draw, by name; the order of preference is that of the names."""

    by_name: Mapping[str, ImageModel]


@dataclass(frozen=True, slots=True)
class VoiceModels:
    """The vendors that speak, by name."""

    by_name: Mapping[str, VoiceModel]


@dataclass(frozen=True, slots=True)
class VideoModels:
    """The vendors that film, by name."""

    by_name: Mapping[str, VideoModel]
