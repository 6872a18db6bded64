"""What becomes of a file's bytes: judged, marked, made small, turned into others. All of it computes, for the workroom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PIL import Image

from nexusone.modules.ai.contracts.assets import NewRendition
from nexusone.modules.ai.service.refusals_assets import RenditionImpossible
from nexusone.modules.ai.store.assets import AssetRow
from nexusone.platform.media.bounds import MediaLimits
from nexusone.platform.media.formats import FORMATS, PNG, WEBP, Format, Kind
from nexusone.platform.media.images import STILL_FORMATS, Fit, Picture, resized, written
from nexusone.platform.media.judging import Judged, judged
from nexusone.platform.media.streams import poster
from nexusone.platform.media.waveforms import as_image, as_svg, peaks_of
from nexusone.platform.provenance import MARKABLE, Action, MadeByModel, ManifestSigner, Parent, ProvenanceBroken, read_mark

THUMBNAIL_SIDE = 320
WAVEFORM_BOX = (800, 160)
PEAK_PIXELS = 4
SVG_TYPE = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class Made:
    """A file that can be stored, and its small picture."""

    kind: Kind
    media_type: str
    suffix: str
    content: bytes
    thumbnail: bytes | None
    width: int | None
    height: int | None
    duration_ms: int | None
    is_ai_generated: bool
    has_manifest: bool


def of_a_model(content: bytes, limits: MediaLimits, signer: ManifestSigner, *, kind: Kind, told: MadeByModel) -> Made:
    """A model's file: no more believed than any other, and marked as one (AIA-02). Raises: MediaRefused, ProvenanceBroken."""
    found = judged(content, limits, kind=kind)
    marked = signer.mark_made(found.content, found.format.media_type, made=told)
    return _made(found, marked, limits, signer, is_ai_generated=True, has_manifest=True, now=told.made_at)


def of_an_upload(content: bytes, limits: MediaLimits, signer: ManifestSigner, *, kind: Kind, now: datetime) -> Made:
    """A member's file. One that says in a manifest where it comes from goes on saying so. Raises: MediaRefused."""
    found = judged(content, limits, kind=kind)
    mark = read_mark(content, found.format.media_type)
    if mark is None:
        return _made(found, found.content, limits, signer, is_ai_generated=False, has_manifest=False, now=now)
    parent = Parent(content, found.format.media_type, "upload")
    try:
        marked = signer.mark_derived(found.content, found.format.media_type, parent=parent, actions=("c2pa.transcoded",), now=now)
    except ProvenanceBroken:
        # A manifest beyond the library's understanding is not carried on; what it said of models is.
        return _made(found, found.content, limits, signer, is_ai_generated=mark.is_made_by_model, has_manifest=False, now=now)
    return _made(found, marked, limits, signer, is_ai_generated=mark.is_made_by_model, has_manifest=True, now=now)


def of_an_asset(row: AssetRow, content: bytes, limits: MediaLimits, signer: ManifestSigner, *, wanted: NewRendition, now: datetime) -> Made:
    """A rendition, with a manifest of what it was made of where that has one. Raises: MediaRefused, RenditionImpossible."""
    source = FORMATS.get(row.media_type)
    if source is None:
        raise RenditionImpossible(make=wanted.make, kind=row.kind, media_type=row.media_type)
    if wanted.make == "waveform":
        return _waveform(row, content, limits, signer, wanted=wanted, now=now)
    if (wanted.make, row.kind) not in (("resize", "image"), ("thumbnail", "image"), ("thumbnail", "video"), ("poster", "video")):
        raise RenditionImpossible(make=wanted.make, kind=row.kind, media_type=row.media_type)
    if wanted.media_type == SVG_TYPE:
        raise RenditionImpossible(make=wanted.make, kind=row.kind, media_type=SVG_TYPE)
    picture = _picture(row, content, source, limits, wanted=wanted)
    actions = _actions(row, picture, wanted)
    return _derived(row, content, picture, limits, signer, actions=actions, now=now)


def peaks(row: AssetRow, content: bytes, limits: MediaLimits, *, count: int) -> list[float]:
    """How loud each part of a sound gets. Raises: MediaRefused, RenditionImpossible."""
    source = FORMATS.get(row.media_type)
    if source is None or source.kind != "audio":
        raise RenditionImpossible(make="waveform", kind=row.kind, media_type=row.media_type)
    return peaks_of(content, source, count=count, limits=limits)


def _picture(row: AssetRow, content: bytes, source: Format, limits: MediaLimits, *, wanted: NewRendition) -> Picture:
    to = STILL_FORMATS.get(wanted.media_type or row.media_type if wanted.make == "resize" else wanted.media_type or WEBP.media_type, PNG)
    width, height = wanted.width, wanted.height
    if wanted.make == "thumbnail" and width is None and height is None:
        width = height = THUMBNAIL_SIDE
    if row.kind == "video":
        content, source = written(poster(content, source, at_ms=wanted.at_ms, limits=limits), PNG).content, PNG
    return resized(content, source, to=to, width=width, height=height, fit=wanted.fit, limits=limits)


def _actions(row: AssetRow, picture: Picture, wanted: NewRendition) -> Sequence[Action]:
    done: list[Action] = []
    if (picture.width, picture.height) != (row.width, row.height):
        done.append("c2pa.cropped" if wanted.fit == "cover" and wanted.width and wanted.height else "c2pa.resized")
    if picture.format.media_type != row.media_type:
        done.append("c2pa.converted")
    return done or ["c2pa.transcoded"]


def _waveform(
    row: AssetRow,
    content: bytes,
    limits: MediaLimits,
    signer: ManifestSigner,
    *,
    wanted: NewRendition,
    now: datetime,
) -> Made:
    if wanted.media_type not in (None, SVG_TYPE, PNG.media_type):
        raise RenditionImpossible(make=wanted.make, kind=row.kind, media_type=wanted.media_type)
    width, height = wanted.width or WAVEFORM_BOX[0], wanted.height or WAVEFORM_BOX[1]
    limits.check_size(width, height)
    found = peaks(row, content, limits, count=max(1, width // PEAK_PIXELS))
    if wanted.media_type == PNG.media_type:
        picture = written(as_image(found, width=width, height=height), PNG)
        return _derived(row, content, picture, limits, signer, actions=("c2pa.converted",), now=now)
    drawn = as_svg(found, width=width, height=height)
    return Made("image", SVG_TYPE, "svg", drawn, None, width, height, None, row.is_ai_generated, has_manifest=False)


def _derived(
    row: AssetRow,
    content: bytes,
    picture: Picture,
    limits: MediaLimits,
    signer: ManifestSigner,
    *,
    actions: Sequence[Action],
    now: datetime,
) -> Made:
    marked = picture.content
    if row.has_manifest:
        parent = Parent(content, row.media_type, row.name)
        marked = signer.mark_derived(picture.content, picture.format.media_type, parent=parent, actions=actions, now=now)
    found = Judged(picture.format, picture.content, picture.width, picture.height)
    return _made(found, marked, limits, signer, is_ai_generated=row.is_ai_generated, has_manifest=row.has_manifest, now=now)


def _made(
    found: Judged, marked: bytes, limits: MediaLimits, signer: ManifestSigner, *, is_ai_generated: bool, has_manifest: bool, now: datetime
) -> Made:
    small = _thumbnail(found, limits)
    if small is not None and has_manifest and found.format.media_type in MARKABLE:
        parent = Parent(marked, found.format.media_type, "original")
        small = signer.mark_derived(small, WEBP.media_type, parent=parent, actions=("c2pa.resized",), now=now)
    return Made(
        kind=found.format.kind,
        media_type=found.format.media_type,
        suffix=found.format.suffix,
        content=marked,
        thumbnail=small,
        width=found.width,
        height=found.height,
        duration_ms=found.duration_ms,
        is_ai_generated=is_ai_generated,
        has_manifest=has_manifest,
    )


def _thumbnail(found: Judged, limits: MediaLimits) -> bytes | None:
    match found.format.kind:
        case "audio":
            return None
        case "image":
            content, source = found.content, found.format
        case "video":
            content, source = _first_picture(found, limits), PNG
    fit: Fit = "contain"
    return resized(content, source, to=WEBP, width=THUMBNAIL_SIDE, height=THUMBNAIL_SIDE, fit=fit, limits=limits).content


def _first_picture(found: Judged, limits: MediaLimits) -> bytes:
    shown: Image.Image = poster(found.content, found.format, at_ms=0, limits=limits)
    shown.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return written(shown, PNG).content
