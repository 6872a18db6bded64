"""The end of a campaign: nothing is left in the queue, credits are settled to the mail, the rest is given back."""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api as billing
from nexusone.modules.marketing.domain.tallies import Tally, tally_of
from nexusone.modules.marketing.events import CampaignCancelled, CampaignSent
from nexusone.modules.marketing.service.quota import give_back_messages
from nexusone.modules.marketing.service.sending.accounting import record_cost, report_rest
from nexusone.modules.marketing.service.sending.errands import enqueue_close, enqueue_keep
from nexusone.modules.marketing.store import campaigns, deliveries
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

SKIPPED_AT_ONCE = 20_000
SKIP_REASONS = {"cancelled": "cancelled", "failed": "campaign_failed"}
LOOK_AGAIN_AFTER = timedelta(seconds=20)


async def close_campaign(ctx: Context, *, campaign_id: UUID) -> None:
    """Closes a campaign whose deliveries are all final; one that was stopped first loses its queue. Running twice closes it once."""
    async with ctx.transaction("marketing") as tx:
        row = await campaigns.find_campaign(tx, workspace_id=ctx.workspace, campaign_id=campaign_id)
    if row is None or row.closed_at is not None or row.status in ("draft", "preparing"):
        return
    if row.status in SKIP_REASONS:
        await _empty_queue(ctx, row)
    tally = await _final_tally(ctx, row)
    if tally is None:
        return
    await give_back_messages(ctx, key=row.hold_key, sent=tally.payable)
    settled = await _settle(ctx, row, tally)
    await record_cost(ctx, row, messages=tally.payable)
    await report_rest(ctx, message_id=row.message_id)
    async with ctx.transaction("marketing") as tx:
        status = await campaigns.close(
            tx, workspace_id=ctx.workspace, campaign_id=row.id, counts=tally.written(), settled=settled, now=ctx.now()
        )
        await _announce(tx, row, status=status, tally=tally, settled=settled)


async def _empty_queue(ctx: Context, row: CampaignRow) -> None:
    skipped = SKIPPED_AT_ONCE
    while skipped == SKIPPED_AT_ONCE:
        async with ctx.transaction("marketing") as tx:
            skipped = await deliveries.skip_queued(
                tx, workspace_id=ctx.workspace, message_id=row.message_id, reason=SKIP_REASONS[row.status], limit=SKIPPED_AT_ONCE
            )


async def _final_tally(ctx: Context, row: CampaignRow) -> Tally | None:
    """The counts when they are final; else the closing is put off, unless the lanes will ask for it."""
    async with ctx.transaction("marketing") as tx:
        lost = await deliveries.reclaim(tx, workspace_id=ctx.workspace, message_id=row.message_id, turn_id=new_id(), now=ctx.now())
        if lost:
            await enqueue_keep(tx, row.id)
        counts = await deliveries.count_by_state(tx, workspace_id=ctx.workspace, message_ids=[row.message_id])
        tally = tally_of((count.state, count.reason, count.deliveries) for count in counts)
        if tally.is_final:
            return tally
        if row.status in SKIP_REASONS:
            await enqueue_close(tx, row.id, after=LOOK_AGAIN_AFTER)
    return None


async def _settle(ctx: Context, row: CampaignRow, tally: Tally) -> int:
    amount = tally.payable * (row.credits_per_email_micros or 0)
    if not row.hold_key:
        return 0
    try:
        if amount:
            await billing.settle(ctx, key=row.hold_key, amount_micros=amount)
        else:
            await billing.release(ctx, key=row.hold_key)
    except billing.HoldNotFound:
        # Nothing was held where mails are free, and where the campaign ended before it came to that.
        if amount:
            raise
    return amount


async def _announce(tx: Transaction, row: CampaignRow, *, status: str | None, tally: Tally, settled: int) -> None:
    if status == "sent":
        await publish(
            tx,
            CampaignSent(
                campaign_id=row.id,
                recipients=tally.recipients,
                sent=tally.sent,
                failed=tally.failed,
                unknown=tally.unknown,
                skipped=sum(tally.skipped.values()),
                credits_micros=settled,
            ),
        )
    elif status == "cancelled":
        await publish(tx, CampaignCancelled(campaign_id=row.id, sent=tally.sent, unknown=tally.unknown, credits_micros=settled))
