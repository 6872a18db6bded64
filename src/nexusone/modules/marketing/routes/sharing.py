"""REST door of sharing: who may see or change a campaign that not everybody may see."""

from uuid import UUID

from fastapi import Response

from nexusone.modules.identity.api import GrantNotFound, MemberNotFound, RoleNotFound
from nexusone.modules.identity.contracts.grants import Grant, Grants, NewGrant
from nexusone.modules.marketing.service import sharing
from nexusone.modules.marketing.service.refusals import CampaignNotFound, CampaignReadOnly
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("marketing")


@door.get(
    "/campaigns/{campaign_id}/grants",
    permission="campaigns:read",
    summary="List who may see a restricted campaign",
    refusals=(CampaignNotFound,),
)
async def list_campaign_grants(ctx: Caller, campaign_id: UUID) -> Grants:
    return await sharing.list_grants(ctx, campaign_id=campaign_id)


@door.post(
    "/campaigns/{campaign_id}/grants",
    permission="campaigns:write",
    status=201,
    summary="Share a campaign with some, and no longer with all",
    refusals=(CampaignNotFound, CampaignReadOnly, MemberNotFound, RoleNotFound),
)
async def share_campaign(ctx: Caller, campaign_id: UUID, body: NewGrant) -> Grant:
    return await sharing.share(ctx, campaign_id=campaign_id, wanted=body)


@door.delete(
    "/campaigns/{campaign_id}/grants/{grant_id}",
    permission="campaigns:write",
    status=204,
    summary="Share a campaign with somebody no longer",
    refusals=(CampaignNotFound, CampaignReadOnly, GrantNotFound),
)
async def unshare_campaign(ctx: Caller, campaign_id: UUID, grant_id: UUID) -> Response:
    await sharing.unshare(ctx, campaign_id=campaign_id, grant_id=grant_id)
    return Response(status_code=204)
