"""The words of assets: pictures, sounds and films of a workspace, and what can be made of them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, NeverNull, Text

AssetKind = Literal["image", "audio", "video"]
AssetOrigin = Literal["generated", "uploaded", "derived"]
AltText = Annotated[Text, StringConstraints(min_length=1, max_length=1_000)]
Side = Annotated[int, Field(ge=1, le=16_000)]


class Asset(Contract):
    """A file of the media library. `content_url` and `thumbnail_url` open until `links_expire_at` for whoever has them.

    `is_ai_generated` says that a model made it, or what it was made of; whoever publishes it tells so. `has_manifest` says that
    the file itself tells, by a signed C2PA manifest. `sha256` is of the content, in hexadecimal.
    """

    id: Id
    kind: AssetKind
    media_type: str
    name: str
    alt_text: str | None
    size_bytes: int
    width: int | None
    height: int | None
    duration_ms: int | None
    sha256: str
    origin: AssetOrigin
    generation_id: Id | None
    place: int | None
    source_asset_id: Id | None
    is_ai_generated: bool
    has_manifest: bool
    version: int
    content_url: str
    thumbnail_url: str | None
    links_expire_at: Instant
    created_by: str
    created_at: Instant


class AssetChange(Contract):
    """The fields to change; an `alt_text` of null takes it away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Lamp at dusk", "alt_text": "A lamp on a terrace at dusk"}]})

    name: Annotated[Name | None, NeverNull()] = None
    alt_text: AltText | None = None


class NewRendition(Contract):
    """What to make of an asset: a picture in another size or format, a thumbnail, what a sound looks like, a moment of a film.

    `width` and `height` are a box that nothing grows beyond; `fit` "cover" fills it and cuts. Pictures become what they were
    (of an animated one the first frame), waveforms SVG, all else WebP, where no `media_type` is named.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"make": "resize", "width": 1200, "height": 628, "fit": "cover", "media_type": "image/jpeg"},
                {"make": "waveform", "width": 800, "height": 120},
                {"make": "poster", "at_ms": 1500},
            ]
        }
    )

    make: Literal["resize", "thumbnail", "waveform", "poster"]
    media_type: Literal["image/png", "image/jpeg", "image/webp", "image/svg+xml"] | None = None
    width: Side | None = None
    height: Side | None = None
    fit: Literal["contain", "cover"] = "contain"
    at_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 0
    name: Name | None = None


class Waveform(Contract):
    """How loud each of equal parts of a sound gets, from 0 to 1."""

    duration_ms: int
    peaks: list[float]


class AssetFilesDeletion(Contract):
    """The job that deletes the files of an asset that is gone."""

    asset_id: Id
