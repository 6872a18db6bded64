"""What billing is told of a campaign: the mails that count, what its carrier charges, and that its credits are still needed."""

from datetime import timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.billing import api as billing
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store import campaigns, mail_counts
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.platform.database import Contended
from nexusone.platform.runtime import Context

HOLD_PURPOSE = "campaign"
# Longer than most campaigns are paused for; where a mail's fate is unknown, it is kept for as long again.
HOLD_EXPIRES_IN = timedelta(days=60)
METER = "messages.sent"
COUNTS_MAX = 1_000
# Usage from further back is not taken; what was found only then counts as of this long ago.
COUNTED_WITHIN = timedelta(days=399)

_log = structlog.get_logger(__name__)


async def report_turn(ctx: Context, *, message_id: UUID, turn_id: UUID) -> None:
    """Reports what a turn that is over has mailed; where billing does not answer, the closing does it."""
    try:
        await _report(ctx, message_id=message_id, turn_id=turn_id)
    except (Unavailable, UnknownOutcome, Contended) as error:
        _log.warning("campaign.usage_delayed", message_id=str(message_id), error=str(error))


async def report_rest(ctx: Context, *, message_id: UUID) -> None:
    """Reports what turns that never came to their end have mailed. No delivery may be open any more: a count is reported once."""
    while await _report(ctx, message_id=message_id, turn_id=None) == COUNTS_MAX:
        pass


async def record_cost(ctx: Context, row: CampaignRow, *, messages: int) -> None:
    """Notes what the carrier charges for a campaign, once; a simulator charges nothing."""
    cost_nano = messages * ctx.setting(MarketingSettings).email_cost_nano
    if cost_nano and row.hold_key and not row.is_test:
        await billing.record_cost(ctx, key=row.hold_key, purpose=HOLD_PURPOSE, cost_nano=cost_nano)


async def keep_credits(ctx: Context, *, campaign_id: UUID) -> None:
    """Keeps the credits of a campaign that is not closed; its closing settles them. Running twice keeps them once."""
    async with ctx.transaction("marketing") as tx:
        row = await campaigns.find_campaign(tx, workspace_id=ctx.workspace, campaign_id=campaign_id)
    if row is None or row.closed_at is not None or not row.hold_key:
        return
    try:
        await billing.keep(ctx, key=row.hold_key, until=ctx.now() + HOLD_EXPIRES_IN)
    except (billing.HoldNotFound, billing.HoldResolved) as resolved:
        # Mails may be free, and the closing may have been faster.
        _log.info("campaign.nothing_to_keep", campaign_id=str(campaign_id), reason=resolved.code)


async def _report(ctx: Context, *, message_id: UUID, turn_id: UUID | None) -> int:
    async with ctx.transaction("marketing") as tx:
        counts = await mail_counts.list_counts(tx, workspace_id=ctx.workspace, message_id=message_id, turn_id=turn_id, limit=COUNTS_MAX)
    if not counts:
        return 0
    oldest = ctx.now() - COUNTED_WITHIN
    events = [
        billing.UsageEvent(
            id=f"mails:{message_id}:{count.turn_id}", meter=METER, quantity=count.messages, occurred_at=max(count.counted_at, oldest)
        )
        for count in counts
    ]
    await billing.record_usage(ctx, events=events)
    async with ctx.transaction("marketing") as tx:
        await mail_counts.delete_counts(tx, counts, workspace_id=ctx.workspace, message_id=message_id)
    return len(counts)
