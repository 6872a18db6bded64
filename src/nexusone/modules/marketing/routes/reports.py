"""REST door of campaign reports."""

from uuid import UUID

from nexusone.modules.marketing.contracts import CampaignReport
from nexusone.modules.marketing.service import reports
from nexusone.modules.marketing.service.refusals import CampaignNotFound
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("reports")


@door.get(
    "/campaigns/{campaign_id}/report",
    permission="campaigns:read",
    summary="Who opened, clicked and unsubscribed, and what it cost",
    refusals=(CampaignNotFound,),
)
async def get_campaign_report(ctx: Caller, campaign_id: UUID) -> CampaignReport:
    return await reports.get_report(ctx, campaign_id=campaign_id)
