"""Later work of marketing: preparing, sending and closing campaigns, and the watch over them."""

from nexusone.kernel.errors import Refusal
from nexusone.modules.marketing.service.sending import accounting, closing, snapshot, turns, watch
from nexusone.modules.marketing.service.sending.errands import CLOSE, KEEP, PREPARE, SEND, CampaignErrand, LaneErrand
from nexusone.platform.jobs import JobKind, Schedule
from nexusone.platform.runtime import Context


async def prepare_campaign(ctx: Context, payload: CampaignErrand) -> None:
    """Fixes the recipients, holds the credits, starts the lanes."""
    await snapshot.prepare_campaign(ctx, campaign_id=payload.campaign_id)


async def send_campaign(ctx: Context, payload: LaneErrand) -> None:
    """One turn of one lane."""
    await turns.take_turn(ctx, errand=payload)


async def close_campaign(ctx: Context, payload: CampaignErrand) -> None:
    """Settles the credits and writes the counts."""
    await closing.close_campaign(ctx, campaign_id=payload.campaign_id)


async def keep_campaign_credits(ctx: Context, payload: CampaignErrand) -> None:
    """Keeps what is held while the fate of a mail is unknown."""
    await accounting.keep_credits(ctx, campaign_id=payload.campaign_id)


async def fail_campaign(ctx: Context, payload: CampaignErrand, refusal: Refusal) -> None:
    """Whoever sent it off lost the right to, before it was prepared."""
    await snapshot.fail_refused(ctx, campaign_id=payload.campaign_id, reason=refusal.code)


async def pause_campaign(ctx: Context, payload: LaneErrand, refusal: Refusal) -> None:
    """Whoever sent it off lost the right to, on its way."""
    await turns.pause_refused(ctx, campaign_id=payload.campaign_id, reason=refusal.code)


PERMISSION = "campaigns:send"

PREPARE_CAMPAIGN = JobKind(name=PREPARE, payload=CampaignErrand, handler=prepare_campaign, permission=PERMISSION, on_refused=fail_campaign)
SEND_CAMPAIGN = JobKind(name=SEND, payload=LaneErrand, handler=send_campaign, permission=PERMISSION, on_refused=pause_campaign)
CLOSE_CAMPAIGN = JobKind(name=CLOSE, payload=CampaignErrand, handler=close_campaign, is_completion=True)
KEEP_CREDITS = JobKind(name=KEEP, payload=CampaignErrand, handler=keep_campaign_credits, is_completion=True)
WATCH_CAMPAIGNS = Schedule(name="marketing.watch_campaigns", cron="* * * * *", handler=watch.watch_campaigns)
