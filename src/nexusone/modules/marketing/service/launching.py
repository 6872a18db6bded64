"""Sending a campaign off, and stopping it."""

from uuid import UUID

from nexusone.kernel.money import credits_to_text
from nexusone.modules.audience import api as audience
from nexusone.modules.billing import api as billing
from nexusone.modules.marketing.contracts import Campaign, Preflight
from nexusone.modules.marketing.events import CampaignPaused, CampaignResumed
from nexusone.modules.marketing.service.campaigns import get_row, lock_row, shown
from nexusone.modules.marketing.service.quota import MESSAGES
from nexusone.modules.marketing.service.refusals import (
    CampaignAlreadySent,
    CampaignNotPaused,
    CampaignNotSending,
    CampaignNotStoppable,
    TemplateNotFound,
)
from nexusone.modules.marketing.service.sending.errands import enqueue_close, enqueue_lanes, enqueue_prepare
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store import campaigns, recipients, templates
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.platform.audit import record
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context


async def preflight(ctx: Context, *, campaign_id: UUID) -> Preflight:
    """Who would get the campaign now, and what it would cost; nothing changes.

    Raises:
        CampaignNotFound, SegmentNotFound: there is none.
    """
    async with ctx.transaction("marketing") as tx:
        row = await get_row(tx, campaign_id=campaign_id)
    wanted, excluded = await _count(ctx, row)
    needed = wanted * ctx.setting(MarketingSettings).credits_per_email_micros
    return Preflight(recipients=wanted, excluded=excluded, credits_needed=credits_to_text(needed))


async def send(ctx: Context, *, campaign_id: UUID) -> Campaign:
    """Fixes template and price and leaves the rest to jobs.

    Raises:
        CampaignNotFound, TemplateNotFound, SegmentNotFound: there is none.
        CampaignAlreadySent: it left before.
        InsufficientCredits: they do not cover it as things stand; the jobs look again.
        NotInPlan: so many messages are not in the plan any more this month; the jobs look again, and take them.
    """
    async with ctx.transaction("marketing") as tx:
        row = await get_row(tx, campaign_id=campaign_id)
    if row.status != "draft":
        raise CampaignAlreadySent(status=row.status)
    settings = ctx.setting(MarketingSettings)
    wanted, excluded = await _count(ctx, row)
    if wanted:
        await billing.check_entitlement(ctx, feature=MESSAGES, quantity=wanted)
    await _require_credits(ctx, wanted * settings.credits_per_email_micros)
    parts = 1 + (wanted + sum(excluded.values())) // settings.snapshot_part_size
    async with ctx.transaction("marketing") as tx:
        row = await lock_row(tx, campaign_id=campaign_id)
        template = await templates.find_template(tx, workspace_id=ctx.workspace, template_id=row.template_id)
        if template is None:
            raise TemplateNotFound
        is_first = await campaigns.prepare(
            tx,
            workspace_id=ctx.workspace,
            campaign_id=campaign_id,
            fixed=campaigns.Fixed(
                template_version=template.version,
                credits_per_email_micros=settings.credits_per_email_micros,
                hold_key=f"campaign:{campaign_id}",
                snapshot_parts=parts,
                is_test=ctx.is_test,
            ),
            now=ctx.now(),
        )
        if not is_first:
            raise CampaignAlreadySent(status=row.status)
        await enqueue_prepare(tx, campaign_id)
        await record(
            tx,
            action="marketing.campaign.send_requested",
            object_kind="campaign",
            object_id=str(campaign_id),
            after={"template_version": template.version, "recipients_expected": wanted},
        )
        answer = await shown(tx, await get_row(tx, campaign_id=campaign_id))
        await conclude(tx, answer)
    return answer


async def pause(ctx: Context, *, campaign_id: UUID) -> Campaign:
    """Lets nothing more go out; what is being handed over at this moment still goes.

    Raises:
        CampaignNotFound: there is none.
        CampaignNotSending: it is not on its way.
    """
    async with ctx.transaction("marketing") as tx:
        row = await lock_row(tx, campaign_id=campaign_id)
        if not await campaigns.move(
            tx, workspace_id=ctx.workspace, campaign_id=campaign_id, status="paused", before=("sending",), now=ctx.now()
        ):
            raise CampaignNotSending(status=row.status)
        await publish(tx, CampaignPaused(campaign_id=campaign_id))
        answer = await shown(tx, await get_row(tx, campaign_id=campaign_id))
        await conclude(tx, answer)
    return answer


async def resume(ctx: Context, *, campaign_id: UUID) -> Campaign:
    """Goes on with a paused campaign.

    Raises:
        CampaignNotFound: there is none.
        CampaignNotPaused: it was not paused.
    """
    settings = ctx.setting(MarketingSettings)
    async with ctx.transaction("marketing") as tx:
        row = await lock_row(tx, campaign_id=campaign_id)
        if not await campaigns.move(
            tx, workspace_id=ctx.workspace, campaign_id=campaign_id, status="sending", before=("paused",), now=ctx.now()
        ):
            raise CampaignNotPaused(status=row.status)
        await enqueue_lanes(tx, campaign_id, epoch=row.version + 1, lanes=settings.lanes_for(row.recipients or 0))
        await publish(tx, CampaignResumed(campaign_id=campaign_id))
        answer = await shown(tx, await get_row(tx, campaign_id=campaign_id))
        await conclude(tx, answer)
    return answer


async def cancel(ctx: Context, *, campaign_id: UUID) -> Campaign:
    """Stops a campaign for good; what went out is settled, the rest of the credits given back.

    Raises:
        CampaignNotFound: there is none.
        CampaignNotStoppable: it is a draft, or over.
    """
    async with ctx.transaction("marketing") as tx:
        row = await lock_row(tx, campaign_id=campaign_id)
        if not await campaigns.move(
            tx,
            workspace_id=ctx.workspace,
            campaign_id=campaign_id,
            status="cancelled",
            before=("preparing", "sending", "paused"),
            now=ctx.now(),
        ):
            raise CampaignNotStoppable(status=row.status)
        await enqueue_close(tx, campaign_id)
        await record(tx, action="marketing.campaign.cancel_requested", object_kind="campaign", object_id=str(campaign_id))
        answer = await shown(tx, await get_row(tx, campaign_id=campaign_id))
        await conclude(tx, answer)
    return answer


async def _count(ctx: Context, row: CampaignRow) -> tuple[int, dict[str, int]]:
    relation = await audience.compile_segment(ctx, segment_id=row.segment_id)
    async with ctx.transaction("marketing") as tx:
        counts = await recipients.count_recipients(tx, workspace_id=ctx.workspace, segment=relation.where, parameters=relation.parameters)
    by_reason = {count.reason: count.contacts for count in counts}
    return by_reason.pop("", 0), dict(sorted(by_reason.items()))


async def _require_credits(ctx: Context, needed_micros: int) -> None:
    available = (await billing.get_balance(ctx)).available_micros
    if available < needed_micros:
        raise billing.InsufficientCredits(available=credits_to_text(available), needed=credits_to_text(needed_micros))
