"""The media library: uploading, looking, renaming, deleting, making renditions."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.assets import Asset, AssetChange, AssetFilesDeletion, NewRendition, Waveform
from nexusone.modules.ai.domain.assets import folder_of, name_of
from nexusone.modules.ai.service.assets import add, drop_files, get_row, prepare, read_asset, refusal_of, require_room, stored
from nexusone.modules.ai.service.assets_making import of_an_asset, peaks
from nexusone.modules.ai.service.refusals_assets import AssetNotFound, AssetTooLarge, StorageFull
from nexusone.modules.ai.settings import AssetSettings
from nexusone.modules.ai.store import assets
from nexusone.modules.ai.store.assets import AssetRow, PreparedAsset
from nexusone.platform.audit import record
from nexusone.platform.blobs import sign_link
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.media.bounds import MediaRefused
from nexusone.platform.media.formats import HEAD_BYTES
from nexusone.platform.media.judging import known_format
from nexusone.platform.media.workroom import in_workroom
from nexusone.platform.provenance import ManifestSigner
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

DELETE_FILES_JOB = "ai.delete_asset_files"
LINK_PURPOSE = "blob-link"


async def upload(ctx: Context, *, file: AsyncIterator[bytes], file_name: str | None, name: str | None, alt_text: str | None) -> Asset:
    """Takes a file that is a picture, a sound or a film by its bytes.

    Raises:
        AssetRefused, AssetTooLarge: it is not taken.
        StorageFull: there is no room for it.
    """
    async with ctx.transaction("ai") as tx:
        await require_room(ctx, tx, size_bytes=1)
    try:
        content = await _read(ctx, file)
        kind = known_format(content).kind
    except MediaRefused as refused:
        raise refusal_of(refused) from refused
    prepared = await prepare(ctx, content=content, kind=kind, name=name or name_of(file_name), origin=None)
    return await _put_on_record(ctx, prepared, alt_text=alt_text)


async def list_assets(ctx: Context, *, request: PageRequest, kind: Literal["image", "audio", "video"] | None) -> PageOf[Asset]:
    """Assets, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await assets.list_page(tx, workspace_id=ctx.workspace, kind=kind, after=after, limit=request.limit + 1)
    items = tuple(_asset(ctx, row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def get_asset(ctx: Context, *, asset_id: UUID) -> Asset:
    """An asset. Raises: AssetNotFound."""
    return _asset(ctx, await get_row(ctx, asset_id=asset_id))


async def change_asset(ctx: Context, *, asset_id: UUID, change: AssetChange, expected_version: int | None) -> Asset:
    """Renames it or says what it shows.

    Raises:
        AssetNotFound: there is none.
        PreconditionFailed: it has another version than expected.
    """
    async with ctx.transaction("ai") as tx:
        before = await assets.find_locked(tx, workspace_id=ctx.workspace, asset_id=asset_id)
        if before is None:
            raise AssetNotFound
        if expected_version not in (None, before.version):
            raise PreconditionFailed(version=before.version)
        alt_text = change.alt_text if "alt_text" in change.model_fields_set else before.alt_text
        row = await assets.update(tx, workspace_id=ctx.workspace, asset_id=asset_id, name=change.name or before.name, alt_text=alt_text)
        await record(tx, action="ai.asset.changed", object_kind="asset", object_id=str(asset_id), before=_told(before), after=_told(row))
    return _asset(ctx, row)


async def delete_asset(ctx: Context, *, asset_id: UUID) -> None:
    """Forgets an asset; a job deletes its files. Raises: AssetNotFound."""
    async with ctx.transaction("ai") as tx:
        if not await assets.delete(tx, workspace_id=ctx.workspace, asset_id=asset_id):
            raise AssetNotFound
        await enqueue_named(tx, [(DELETE_FILES_JOB, AssetFilesDeletion(asset_id=asset_id))], key=str(asset_id))
        await record(tx, action="ai.asset.deleted", object_kind="asset", object_id=str(asset_id))


async def delete_files(ctx: Context, *, asset_id: UUID) -> None:
    """Deletes the files of an asset that is gone; again does nothing."""
    keys = [entry.key async for entry in ctx.runtime.blobs.list_blobs(ctx.workspace, folder_of(asset_id))]
    for key in keys:
        await ctx.runtime.blobs.delete(ctx.workspace, key)


async def make_rendition(ctx: Context, *, asset_id: UUID, wanted: NewRendition) -> Asset:
    """Makes another asset of one.

    Raises:
        AssetNotFound: there is none.
        RenditionImpossible: not of this one.
        StorageFull: there is no room for it.
    """
    row, content = await read_asset(ctx, asset_id=asset_id)
    limits, signer = ctx.setting(AssetSettings).media_limits, ctx.port(ManifestSigner)
    try:
        made = await in_workroom(of_an_asset, row, content, limits, signer, wanted=wanted, now=ctx.now())
    except MediaRefused as refused:
        raise refusal_of(refused) from refused
    prepared = await stored(ctx, made, asset_id=new_id(), name=wanted.name or row.name)
    return await _put_on_record(ctx, replace(prepared, origin="derived", source_asset_id=row.id), alt_text=row.alt_text)


async def get_waveform(ctx: Context, *, asset_id: UUID, count: int) -> Waveform:
    """How loud each of `count` parts of a sound gets.

    Raises:
        AssetNotFound: there is none.
        RenditionImpossible: it is no sound.
    """
    row, content = await read_asset(ctx, asset_id=asset_id)
    try:
        found = await in_workroom(peaks, row, content, ctx.setting(AssetSettings).media_limits, count=count)
    except MediaRefused as refused:
        raise refusal_of(refused) from refused
    return Waveform(duration_ms=row.duration_ms or 0, peaks=found)


async def _put_on_record(ctx: Context, prepared: PreparedAsset, *, alt_text: str | None) -> Asset:
    try:
        async with ctx.transaction("ai") as tx:
            await require_room(ctx, tx, size_bytes=prepared.size_bytes)
            row = await add(
                tx, prepared=prepared, workspace_id=ctx.workspace, created_by=ctx.principal.label, now=ctx.now(), alt_text=alt_text
            )
            shown = _asset(ctx, row)
            await conclude(tx, shown)
    except StorageFull:
        await drop_files(ctx, prepared)
        raise
    return shown


async def _read(ctx: Context, file: AsyncIterator[bytes]) -> bytes:
    """A file in memory, no further than its kind may have bytes."""
    limits, taken, most = ctx.setting(AssetSettings).media_limits, bytearray(), 0
    async for chunk in file:
        taken += chunk
        if not most and len(taken) >= HEAD_BYTES:
            most = limits.bytes_max(known_format(bytes(taken[:HEAD_BYTES])).kind)
        if most and len(taken) > most:
            raise AssetTooLarge(limit=most)
    return bytes(taken)


def link_to(ctx: Context, blob_key: str) -> str:
    """An address that opens a file of the workspace for a while, for whoever has it."""
    address, keys = ctx.setting(PlatformSettings).public_address, ctx.runtime.keys.signing_keys(LINK_PURPOSE)
    return f"{address}/v1/files/{sign_link(ctx.workspace, blob_key, expires_at=_links_expire_at(ctx), keys=keys)}"


def _links_expire_at(ctx: Context) -> datetime:
    return ctx.now() + timedelta(seconds=ctx.setting(AssetSettings).asset_link_seconds)


def _asset(ctx: Context, row: AssetRow) -> Asset:
    expires_at = _links_expire_at(ctx)
    return Asset(
        id=row.id,
        kind=row.kind,
        media_type=row.media_type,
        name=row.name,
        alt_text=row.alt_text,
        size_bytes=row.size_bytes,
        width=row.width,
        height=row.height,
        duration_ms=row.duration_ms,
        sha256=row.sha256.hex(),
        origin=row.origin,
        generation_id=row.generation_id,
        place=row.place,
        source_asset_id=row.source_asset_id,
        is_ai_generated=row.is_ai_generated,
        has_manifest=row.has_manifest,
        version=row.version,
        content_url=link_to(ctx, row.blob_key),
        thumbnail_url=None if row.thumbnail_key is None else link_to(ctx, row.thumbnail_key),
        links_expire_at=expires_at.replace(microsecond=0),
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _told(row: AssetRow) -> dict[str, object]:
    return {"name": row.name, "alt_text": row.alt_text, "version": row.version}
