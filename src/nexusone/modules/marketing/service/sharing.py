"""Sharing a campaign with some and not with all."""

from uuid import UUID

from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.grants import Grant, Grants, NewGrant
from nexusone.modules.marketing.service.campaigns import KIND, require_campaign
from nexusone.platform.runtime import Context


async def list_grants(ctx: Context, *, campaign_id: UUID) -> Grants:
    """Who may see a campaign that not everybody may see; nobody in particular where all may.

    Raises:
        CampaignNotFound: there is none for the caller.
    """
    await require_campaign(ctx, campaign_id=campaign_id, level="view")
    return await identity.list_grants(ctx, object_kind=KIND, object_id=campaign_id)


async def share(ctx: Context, *, campaign_id: UUID, wanted: NewGrant) -> Grant:
    """Gives a member or a role a grant, and from the first one on leaves the campaign to those who have one.

    Raises:
        CampaignNotFound, CampaignReadOnly: it is not the caller's to change.
        MemberNotFound, RoleNotFound: there is none.
    """
    await require_campaign(ctx, campaign_id=campaign_id, level="edit")
    return await identity.grant_object(ctx, object_kind=KIND, object_id=campaign_id, wanted=wanted)


async def unshare(ctx: Context, *, campaign_id: UUID, grant_id: UUID) -> None:
    """Takes a grant away; without any, the campaign is open again.

    Raises:
        CampaignNotFound, CampaignReadOnly: it is not the caller's to change.
        GrantNotFound: there is none.
    """
    await require_campaign(ctx, campaign_id=campaign_id, level="edit")
    await identity.revoke_grant(ctx, object_kind=KIND, object_id=campaign_id, grant_id=grant_id)
