"""The watch over unfinished campaigns: whatever a lost worker or a job that was given up on left behind goes on."""

from nexusone.modules.marketing.service.sending.errands import CLOSE, PREPARE, SEND, WATCH_LANE, CampaignErrand, LaneErrand
from nexusone.modules.marketing.store import campaigns
from nexusone.modules.marketing.store.campaigns import UnfinishedRow
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context


async def watch_campaigns(ctx: Context) -> None:
    """Leaves one job for each unfinished campaign, unless one of the watch's is still there."""
    async with ctx.transaction("system") as tx:
        unfinished = await campaigns.list_unfinished(tx)
    for row in unfinished:
        async with ctx.for_workspace(row.workspace_id).transaction("marketing") as tx:
            await enqueue_named(tx, [_errand(row)], key=f"{row.id}:watch")


def _errand(row: UnfinishedRow) -> tuple[str, CampaignErrand | LaneErrand]:
    if row.status == "sending":
        return SEND, LaneErrand(campaign_id=row.id, lane=WATCH_LANE, epoch=0)
    return PREPARE if row.status == "preparing" else CLOSE, CampaignErrand(campaign_id=row.id)
