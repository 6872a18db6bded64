"""Sharing a segment with some and not with all."""

from uuid import UUID

from nexusone.modules.audience.service.segments import KIND, require_segment
from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.grants import Grant, Grants, NewGrant
from nexusone.platform.runtime import Context


async def list_grants(ctx: Context, *, segment_id: UUID) -> Grants:
    """Who may see a segment that not everybody may see; nobody in particular where all may.

    Raises:
        SegmentNotFound: there is none for the caller.
    """
    await require_segment(ctx, segment_id=segment_id, level="view")
    return await identity.list_grants(ctx, object_kind=KIND, object_id=segment_id)


async def share(ctx: Context, *, segment_id: UUID, wanted: NewGrant) -> Grant:
    """Gives a member or a role a grant, and from the first one on leaves the segment to those who have one.

    Raises:
        SegmentNotFound, SegmentReadOnly: it is not the caller's to change.
        MemberNotFound, RoleNotFound: there is none.
    """
    await require_segment(ctx, segment_id=segment_id, level="edit")
    return await identity.grant_object(ctx, object_kind=KIND, object_id=segment_id, wanted=wanted)


async def unshare(ctx: Context, *, segment_id: UUID, grant_id: UUID) -> None:
    """Takes a grant away; without any, the segment is open again.

    Raises:
        SegmentNotFound, SegmentReadOnly: it is not the caller's to change.
        GrantNotFound: there is none.
    """
    await require_segment(ctx, segment_id=segment_id, level="edit")
    await identity.revoke_grant(ctx, object_kind=KIND, object_id=segment_id, grant_id=grant_id)
