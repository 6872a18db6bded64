"""What the engine leaves for later, and under which names."""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.contract import Contract, Id
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named

PREPARE = "marketing.prepare_campaign"
SEND = "marketing.send_campaign"
CLOSE = "marketing.close_campaign"
KEEP = "marketing.keep_campaign_credits"

# The lane that the watch adds: it works once and does not go on by itself.
WATCH_LANE = -1


class CampaignErrand(Contract):
    """Something to do for a campaign."""

    campaign_id: Id


class LaneErrand(Contract):
    """One lane's turn. A lane of an earlier `epoch` (the campaign's version when it was started or resumed) stops.

    `failures` counts the turns in a row in which the carrier did not answer.
    """

    campaign_id: Id
    lane: int
    epoch: int
    failures: int = 0


async def enqueue_prepare(tx: Transaction, campaign_id: UUID) -> None:
    """Fix the recipients and hold the credits."""
    await enqueue_named(tx, [(PREPARE, CampaignErrand(campaign_id=campaign_id))], key=str(campaign_id))


async def enqueue_close(tx: Transaction, campaign_id: UUID, *, after: timedelta | None = None) -> None:
    """Settle the credits and write the counts."""
    # A job that puts itself off is still running, and its key would keep the next one out.
    key = str(campaign_id) if after is None else None
    await enqueue_named(tx, [(CLOSE, CampaignErrand(campaign_id=campaign_id))], after=after, key=key)


async def enqueue_keep(tx: Transaction, campaign_id: UUID) -> None:
    """Keep the credits: the fate of a mail is unknown."""
    await enqueue_named(tx, [(KEEP, CampaignErrand(campaign_id=campaign_id))], key=str(campaign_id))


async def enqueue_lanes(tx: Transaction, campaign_id: UUID, *, epoch: int, lanes: int) -> None:
    """Send, in several lanes at once."""
    await enqueue_named(tx, [(SEND, LaneErrand(campaign_id=campaign_id, lane=lane, epoch=epoch)) for lane in range(lanes)])


async def enqueue_turn(tx: Transaction, errand: LaneErrand, *, after: timedelta | None = None, key: str | None = None) -> None:
    """Send on."""
    await enqueue_named(tx, [(SEND, errand)], after=after, key=key)
