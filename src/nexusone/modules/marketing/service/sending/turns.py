"""A lane's turn as a job: what it needs, and how it goes on."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.marketing.domain.pacing import backoff
from nexusone.modules.marketing.events import CampaignPaused
from nexusone.modules.marketing.service.sending.accounting import report_turn
from nexusone.modules.marketing.service.sending.errands import WATCH_LANE, LaneErrand, enqueue_close, enqueue_keep, enqueue_turn
from nexusone.modules.marketing.service.sending.lane import Lane, Turn
from nexusone.modules.marketing.service.sending.mailings import open_mailings
from nexusone.modules.marketing.service.sending.verdicts import jitter
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store import campaigns, deliveries
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.deliveries import Outstanding
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

# A lane that waits looks around at least this often.
IDLE_SECONDS_MAX = 60.0
IDLE_SECONDS_MIN = 0.2
# While others are at work, their recipients may come back any moment.
IDLE_SECONDS_BESIDE_OTHERS = 2.0


async def take_turn(ctx: Context, *, errand: LaneErrand) -> None:
    """Sends what is due, and leaves the next turn or the closing of the campaign behind."""
    turn_id = new_id()
    async with ctx.transaction("marketing") as tx:
        row = await campaigns.find_campaign(tx, workspace_id=ctx.workspace, campaign_id=errand.campaign_id)
        if row is None or row.status != "sending" or (errand.epoch != row.version and errand.lane != WATCH_LANE):
            return
        lost = await deliveries.reclaim(tx, workspace_id=ctx.workspace, message_id=row.message_id, turn_id=turn_id, now=ctx.now())
        if lost:
            await enqueue_keep(tx, row.id)
    # Whoever goes on with it, and whatever set that off: a test stays one.
    lane = Lane(replace(ctx, is_test=row.is_test), await open_mailings(ctx, row), row=row, turn_id=turn_id)
    turn = await lane.run()
    await report_turn(ctx, message_id=row.message_id, turn_id=turn_id)
    async with ctx.transaction("marketing") as tx:
        await _go_on(ctx, tx, row, errand=errand, turn=turn)
    if turn.lost is not None:
        raise turn.lost


async def pause_refused(ctx: Context, *, campaign_id: UUID, reason: str) -> None:
    """Whoever sent it off may not any more: nothing more goes out until somebody who may resumes it."""
    async with ctx.transaction("marketing") as tx:
        paused = await campaigns.move(
            tx, workspace_id=ctx.workspace, campaign_id=campaign_id, status="paused", before=("sending",), now=ctx.now()
        )
        if paused:
            await campaigns.set_error(tx, workspace_id=ctx.workspace, campaign_id=campaign_id, error=reason, now=ctx.now())
            await publish(tx, CampaignPaused(campaign_id=campaign_id))


async def _go_on(ctx: Context, tx: Transaction, row: CampaignRow, *, errand: LaneErrand, turn: Turn) -> None:
    if turn.unreachable is not None or turn.sent:
        await campaigns.set_error(tx, workspace_id=ctx.workspace, campaign_id=row.id, error=turn.unreachable, now=ctx.now())
    outstanding = await deliveries.find_outstanding(tx, workspace_id=ctx.workspace, message_id=row.message_id)
    if outstanding == Outstanding(None, None):
        return await enqueue_close(tx, row.id)
    if errand.lane == WATCH_LANE or turn.lost is not None or turn.is_refused:
        return None
    if turn.unreachable is not None:
        failures = 0 if turn.sent else errand.failures
        pause = _unreachable_pause(ctx, failures)
        return await enqueue_turn(tx, errand.model_copy(update={"failures": failures + 1}), after=pause)
    following = errand.model_copy(update={"failures": 0})
    if outstanding.next_due_at is not None and outstanding.next_due_at <= ctx.now():
        return await enqueue_turn(tx, following)
    # One lane keeps watch over what comes due later and over leases that nobody renews.
    if errand.lane == 0:
        return await enqueue_turn(tx, following, after=_idle_for(ctx, outstanding))
    return None


def _unreachable_pause(ctx: Context, failures: int) -> timedelta:
    settings = ctx.setting(MarketingSettings)
    return backoff(
        step=failures,
        first_seconds=settings.unreachable_backoff_seconds,
        seconds_max=settings.unreachable_backoff_seconds_max,
        jitter=jitter(),
    )


def _idle_for(ctx: Context, outstanding: Outstanding) -> timedelta:
    most = IDLE_SECONDS_MAX if outstanding.next_lease_end is None else IDLE_SECONDS_BESIDE_OTHERS
    seconds = most if outstanding.next_due_at is None else (outstanding.next_due_at - ctx.now()).total_seconds()
    return timedelta(seconds=min(most, max(IDLE_SECONDS_MIN, seconds)))
