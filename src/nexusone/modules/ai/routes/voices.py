"""REST door of brand voices."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.voices import BrandVoice, BrandVoiceChange, BrandVoiceVersion, NewBrandVoice
from nexusone.modules.ai.service import voices
from nexusone.modules.ai.service.refusals_voices import BrandVoiceNotFound
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("brand_voices")

Version = Annotated[int, Path(ge=1, le=1_000_000)]


@door.post("/brand-voices", permission="brand_voices:write", status=201, summary="Write a brand voice")
async def create_voice(ctx: Caller, body: NewBrandVoice, response: Response) -> BrandVoice:
    made = await voices.create_voice(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/brand-voices", permission="brand_voices:read", summary="List the brand voices, newest first")
async def list_voices(ctx: Caller, pager: Pager) -> Page[BrandVoice]:
    return pager.page(await voices.list_voices(ctx, request=pager.request))


@door.get("/brand-voices/{brand_voice_id}", permission="brand_voices:read", summary="Read a brand voice", refusals=(BrandVoiceNotFound,))
async def get_voice(ctx: Caller, brand_voice_id: UUID, response: Response) -> BrandVoice:
    found = await voices.get_voice(ctx, voice_id=brand_voice_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/brand-voices/{brand_voice_id}",
    permission="brand_voices:write",
    summary="Change a brand voice by a new version",
    refusals=(BrandVoiceNotFound, PreconditionFailed),
)
async def change_voice(
    ctx: Caller, brand_voice_id: UUID, body: BrandVoiceChange, expected: ExpectedVersion, response: Response
) -> BrandVoice:
    changed = await voices.change_voice(ctx, voice_id=brand_voice_id, change=body, expected_version=expected)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/brand-voices/{brand_voice_id}",
    permission="brand_voices:write",
    status=204,
    summary="Delete a brand voice",
    refusals=(BrandVoiceNotFound,),
)
async def delete_voice(ctx: Caller, brand_voice_id: UUID) -> Response:
    await voices.delete_voice(ctx, voice_id=brand_voice_id)
    return Response(status_code=204)


@door.get(
    "/brand-voices/{brand_voice_id}/versions",
    permission="brand_voices:read",
    summary="List the versions of a brand voice, newest first",
    refusals=(BrandVoiceNotFound,),
)
async def list_versions(ctx: Caller, brand_voice_id: UUID, pager: Pager) -> Page[BrandVoiceVersion]:
    return pager.page(await voices.list_versions(ctx, voice_id=brand_voice_id, request=pager.request))


@door.get(
    "/brand-voices/{brand_voice_id}/versions/{version}",
    permission="brand_voices:read",
    summary="Read a version of a brand voice",
    refusals=(BrandVoiceNotFound,),
)
async def get_version(ctx: Caller, brand_voice_id: UUID, version: Version) -> BrandVoiceVersion:
    return await voices.get_version(ctx, voice_id=brand_voice_id, version=version)
