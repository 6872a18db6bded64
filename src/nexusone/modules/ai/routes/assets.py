"""REST door of the media library."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Form, Query, Response, UploadFile

from nexusone.kernel.contract import Name
from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.assets import AltText, Asset, AssetChange, AssetKind, NewRendition, Waveform
from nexusone.modules.ai.service import library
from nexusone.modules.ai.service.refusals_assets import AssetNotFound, AssetRefused, AssetTooLarge, RenditionImpossible, StorageFull
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

UPLOAD_CHUNK_BYTES = 256 * 1024

door = Door("assets")


@door.post(
    "/assets",
    permission="assets:write",
    status=201,
    summary="Upload a picture, a sound or a film",
    cost=20,
    is_upload=True,
    refusals=(AssetRefused, AssetTooLarge, StorageFull),
)
async def upload_asset(
    ctx: Caller,
    file: Annotated[UploadFile, "PNG, JPEG, WebP, GIF, MP3, WAV or MP4; what it is, is told by its bytes."],
    response: Response,
    name: Annotated[Name | None, Form(description="By default the file's own name.")] = None,
    alt_text: Annotated[AltText | None, Form(description="What it shows, for those who do not see it.")] = None,
) -> Asset:
    made = await library.upload(ctx, file=_chunks(file), file_name=file.filename, name=name, alt_text=alt_text)
    tag_version(response, made.version)
    return made


@door.get("/assets", permission="assets:read", summary="List assets, newest first")
async def list_assets(ctx: Caller, pager: Pager, kind: AssetKind | None = None) -> Page[Asset]:
    return pager.page(await library.list_assets(ctx, request=pager.request, kind=kind))


@door.get("/assets/{asset_id}", permission="assets:read", summary="Read an asset, with links to its files", refusals=(AssetNotFound,))
async def get_asset(ctx: Caller, asset_id: UUID, response: Response) -> Asset:
    found = await library.get_asset(ctx, asset_id=asset_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/assets/{asset_id}",
    permission="assets:write",
    summary="Rename an asset or say what it shows",
    refusals=(AssetNotFound, PreconditionFailed),
)
async def change_asset(ctx: Caller, asset_id: UUID, body: AssetChange, expected: ExpectedVersion, response: Response) -> Asset:
    changed = await library.change_asset(ctx, asset_id=asset_id, change=body, expected_version=expected)
    tag_version(response, changed.version)
    return changed


@door.delete("/assets/{asset_id}", permission="assets:write", status=204, summary="Delete an asset", refusals=(AssetNotFound,))
async def delete_asset(ctx: Caller, asset_id: UUID) -> Response:
    await library.delete_asset(ctx, asset_id=asset_id)
    return Response(status_code=204)


@door.post(
    "/assets/{asset_id}/renditions",
    permission="assets:write",
    status=201,
    summary="Make another size, format, thumbnail, waveform or poster of an asset",
    cost=10,
    refusals=(AssetNotFound, AssetRefused, RenditionImpossible, StorageFull),
)
async def make_rendition(ctx: Caller, asset_id: UUID, body: NewRendition, response: Response) -> Asset:
    made = await library.make_rendition(ctx, asset_id=asset_id, wanted=body)
    tag_version(response, made.version)
    return made


@door.get(
    "/assets/{asset_id}/waveform",
    permission="assets:read",
    summary="See how loud a sound is over its time",
    cost=5,
    refusals=(AssetNotFound, AssetRefused, RenditionImpossible),
)
async def get_waveform(ctx: Caller, asset_id: UUID, points: Annotated[int, Query(ge=1, le=2_000)] = 200) -> Waveform:
    return await library.get_waveform(ctx, asset_id=asset_id, count=points)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(UPLOAD_CHUNK_BYTES):
        yield chunk
