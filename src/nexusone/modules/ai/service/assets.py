"""Assets: files judged, marked, stored, and put on record; what generations make comes in here too."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from nexusone.kernel.errors import FieldError
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.domain.assets import asset_id_of, content_key, name_of, thumbnail_key
from nexusone.modules.ai.service.assets_making import Made, of_a_model, of_an_upload
from nexusone.modules.ai.service.refusals_assets import AssetNotFound, AssetRefused, AssetTooLarge, StorageFull
from nexusone.modules.ai.settings import AssetSettings
from nexusone.modules.ai.store import assets
from nexusone.modules.ai.store.assets import AssetRow, PreparedAsset
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.media.bounds import MediaRefused, Reason
from nexusone.platform.media.workroom import in_workroom
from nexusone.platform.provenance import MadeByModel, ManifestSigner
from nexusone.platform.runtime import Context

__all__ = ["AssetRow", "Origin", "PreparedAsset", "add", "prepare", "read_asset"]

REASONS: Mapping[Reason, str] = {
    "unknown_type": "by its bytes the file is no PNG, JPEG, WebP, GIF, MP3, WAV or MP4",
    "other_kind": "by its bytes the file is of another kind than asked for",
    "broken": "the file cannot be read to its end",
    "empty": "there is nothing to see or hear in the file",
    "too_large": "the file has more than {limit} bytes",
    "too_many_pixels": "a picture has {limit} pixels at most",
    "too_many_frames": "an animation has {limit} pictures at most, and not too many pixels in all of them",
    "too_many_streams": "a file has {limit} tracks at most, and one of each kind",
    "too_long": "sounds and films last {limit} seconds at most",
    "too_much_work": "reading the file takes longer than any honest file does",
    "unknown_codec": "the file is written in a way that is not read here",
    "no_picture": "there is not one film in the file",
    "no_sound": "there is not one sound in the file",
}
THUMBNAIL_TYPE = "image/webp"


@dataclass(frozen=True, slots=True)
class Origin:
    """Which generation made a file, at which of its places, by whose model; `prompt_hash` is SHA-256."""

    generation_id: UUID
    place: int
    model: str
    vendor: str
    prompt_hash: bytes


async def prepare(
    ctx: Context, *, content: bytes, kind: Literal["image", "audio", "video"], name: str, origin: Origin | None
) -> PreparedAsset:
    """Judges a file, marks what a model made, and stores it; nothing is on record before `add`. No transaction may be open.

    A generation's file has one id and one key, so preparing it again overwrites it; once it is on record, it is left as it is.

    Raises:
        AssetRefused, AssetTooLarge: the file is not what it should be, or too much of it.
    """
    asset_id = new_id() if origin is None else asset_id_of(origin.generation_id, origin.place)
    if origin is not None and (known := await _find(ctx, asset_id)) is not None:
        return known
    limits, signer = ctx.setting(AssetSettings).media_limits, ctx.port(ManifestSigner)
    try:
        if origin is None:
            made = await in_workroom(of_an_upload, content, limits, signer, kind=kind, now=ctx.now())
        else:
            told = MadeByModel(origin.model, origin.vendor, origin.prompt_hash, ctx.now())
            made = await in_workroom(of_a_model, content, limits, signer, kind=kind, told=told)
    except MediaRefused as refused:
        raise refusal_of(refused) from refused
    prepared = await stored(ctx, made, asset_id=asset_id, name=name_of(name))
    if origin is None:
        return prepared
    return replace(prepared, origin="generated", generation_id=origin.generation_id, place=origin.place)


async def add(
    tx: Transaction, *, prepared: PreparedAsset, workspace_id: UUID, created_by: str, now: datetime, alt_text: str | None = None
) -> AssetRow:
    """Puts a prepared asset on record; the same again changes nothing and gives what is there."""
    is_new = await assets.insert(tx, prepared, workspace_id=workspace_id, alt_text=alt_text, created_by=created_by, now=now)
    row = await assets.find(tx, workspace_id=workspace_id, asset_id=prepared.id)
    if row is None:
        raise LookupError(f"the asset {prepared.id} was put on record and is not there")
    if is_new:
        told = {"kind": row.kind, "media_type": row.media_type, "size_bytes": row.size_bytes, "origin": row.origin}
        told |= {"is_ai_generated": row.is_ai_generated, "sha256": row.sha256.hex()}
        await record(tx, action="ai.asset.added", object_kind="asset", object_id=str(row.id), after=told)
    return row


async def read_asset(ctx: Context, *, asset_id: UUID) -> tuple[AssetRow, bytes]:
    """An asset with its content.

    Raises:
        AssetNotFound: there is none.
    """
    row = await get_row(ctx, asset_id=asset_id)
    blob = await ctx.runtime.blobs.get(ctx.workspace, row.blob_key)
    return row, b"".join([chunk async for chunk in blob.chunks])


async def get_row(ctx: Context, *, asset_id: UUID) -> AssetRow:
    """An asset. Raises: AssetNotFound."""
    row = await _find(ctx, asset_id)
    if row is None:
        raise AssetNotFound
    return row


async def stored(ctx: Context, made: Made, *, asset_id: UUID, name: str) -> PreparedAsset:
    """Stores the files of an upload under keys that say nothing of where they come from."""
    key = content_key(asset_id, made.suffix)
    await ctx.runtime.blobs.put(ctx.workspace, key, made.content, made.media_type)
    small = None
    if made.thumbnail is not None:
        small = thumbnail_key(asset_id)
        await ctx.runtime.blobs.put(ctx.workspace, small, made.thumbnail, THUMBNAIL_TYPE)
    return PreparedAsset(
        id=asset_id,
        kind=made.kind,
        media_type=made.media_type,
        size_bytes=len(made.content),
        width=made.width,
        height=made.height,
        duration_ms=made.duration_ms,
        name=name,
        blob_key=key,
        thumbnail_key=small,
        sha256=sha256(made.content).digest(),
        origin="uploaded",
        generation_id=None,
        place=None,
        source_asset_id=None,
        is_ai_generated=made.is_ai_generated,
        has_manifest=made.has_manifest,
    )


async def require_room(ctx: Context, tx: Transaction, *, size_bytes: int) -> None:
    """Lets so many bytes more be stored; until the transaction ends nobody else adds any.

    What generations made was paid for and counts, but is never refused. Raises: StorageFull.
    """
    limit = ctx.setting(AssetSettings).asset_storage_bytes_max
    await assets.lock_counting(tx, workspace_id=ctx.workspace)
    used = await assets.bytes_stored(tx, workspace_id=ctx.workspace)
    if used + size_bytes > limit:
        raise StorageFull(used=used, limit=limit)


async def drop_files(ctx: Context, prepared: PreparedAsset) -> None:
    """Deletes the files of what did not get on record."""
    for key in (prepared.blob_key, prepared.thumbnail_key):
        if key is not None:
            await ctx.runtime.blobs.delete(ctx.workspace, key)


def refusal_of(refused: MediaRefused) -> AssetRefused | AssetTooLarge:
    """What a caller is told of a file that is not taken."""
    if refused.reason == "too_large":
        return AssetTooLarge(limit=refused.limit)
    sentence = REASONS[refused.reason].format(limit=refused.limit)
    return AssetRefused(errors=(FieldError(pointer="/file", code=refused.reason, detail=sentence),), count=1, reason=refused.reason)


async def _find(ctx: Context, asset_id: UUID) -> AssetRow | None:
    async with ctx.transaction("ai") as tx:
        return await assets.find(tx, workspace_id=ctx.workspace, asset_id=asset_id)
