"""REST door of sharing: who may see or change a segment that not everybody may see."""

from uuid import UUID

from fastapi import Response

from nexusone.modules.audience.service import sharing
from nexusone.modules.audience.service.refusals import SegmentNotFound, SegmentReadOnly
from nexusone.modules.identity.api import GrantNotFound, MemberNotFound, RoleNotFound
from nexusone.modules.identity.contracts.grants import Grant, Grants, NewGrant
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("audience")


@door.get(
    "/segments/{segment_id}/grants",
    permission="segments:read",
    summary="List who may see a restricted segment",
    refusals=(SegmentNotFound,),
)
async def list_segment_grants(ctx: Caller, segment_id: UUID) -> Grants:
    return await sharing.list_grants(ctx, segment_id=segment_id)


@door.post(
    "/segments/{segment_id}/grants",
    permission="segments:write",
    status=201,
    summary="Share a segment with some, and no longer with all",
    refusals=(SegmentNotFound, SegmentReadOnly, MemberNotFound, RoleNotFound),
)
async def share_segment(ctx: Caller, segment_id: UUID, body: NewGrant) -> Grant:
    return await sharing.share(ctx, segment_id=segment_id, wanted=body)


@door.delete(
    "/segments/{segment_id}/grants/{grant_id}",
    permission="segments:write",
    status=204,
    summary="Share a segment with somebody no longer",
    refusals=(SegmentNotFound, SegmentReadOnly, GrantNotFound),
)
async def unshare_segment(ctx: Caller, segment_id: UUID, grant_id: UUID) -> Response:
    await sharing.unshare(ctx, segment_id=segment_id, grant_id=grant_id)
    return Response(status_code=204)
