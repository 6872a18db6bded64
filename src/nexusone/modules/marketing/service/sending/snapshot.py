"""Fixing the recipients of a campaign, and holding what their mails cost."""

import asyncio
from uuid import UUID

from nexusone.kernel.errors import NotFound, PaymentRequired
from nexusone.modules.audience import api as audience
from nexusone.modules.billing import api as billing
from nexusone.modules.marketing.domain.faults import RenderFault, TemplateRejected
from nexusone.modules.marketing.domain.variants import Template
from nexusone.modules.marketing.events import CampaignFailed, CampaignStarted
from nexusone.modules.marketing.service.quota import give_back_messages, take_messages
from nexusone.modules.marketing.service.refusals import TemplateFaulty
from nexusone.modules.marketing.service.rendering import compiled_variant, template_of
from nexusone.modules.marketing.service.sending.accounting import HOLD_EXPIRES_IN, HOLD_PURPOSE
from nexusone.modules.marketing.service.sending.errands import enqueue_close, enqueue_lanes
from nexusone.modules.marketing.service.sending.mailings import open_mailings
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store import campaigns, deliveries, recipients, templates
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.deliveries import LinkRow
from nexusone.modules.marketing.store.recipients import SNAPSHOT_SECONDS_MAX, SnapshotPart
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


class _Overtaken(Exception):
    """Somebody else wrote this part, or the campaign was cancelled: what was written goes back."""


async def prepare_campaign(ctx: Context, *, campaign_id: UUID) -> None:
    """Writes the deliveries and the links, holds the credits, starts the lanes; running twice or from the middle does it once."""
    row = await _find(ctx, campaign_id)
    if row is None or row.status != "preparing":
        await _let_go(ctx, row)
        return
    try:
        links, template = await _links(ctx, row)
        if row.snapshot_at is None:
            await _write_snapshot(ctx, row, template=template, links=links)
        # What every mail shares must hold before credits are.
        await open_mailings(ctx, row)
        await _start(ctx, campaign_id)
    except _Overtaken:
        return
    except (TemplateFaulty, NotFound, PaymentRequired, RenderFault) as refusal:
        await _fail(ctx, row, reason=refusal.code)


async def fail_refused(ctx: Context, *, campaign_id: UUID, reason: str) -> None:
    """Whoever sent it off may not any more: a campaign that is still being prepared fails."""
    row = await _find(ctx, campaign_id)
    if row is not None:
        await _fail(ctx, row, reason=reason)


async def _write_snapshot(ctx: Context, row: CampaignRow, *, template: Template, links: list[LinkRow]) -> None:
    relation = await audience.compile_segment(ctx, segment_id=row.segment_id)
    parts = row.snapshot_parts or 1
    for number in range(row.snapshot_parts_done, parts):
        part = SnapshotPart(
            message_id=row.message_id,
            part=number,
            parts=parts,
            locales=tuple(template.variants),
            default_locale=template.default_locale,
        )
        async with ctx.transaction("marketing", statement_timeout_seconds=SNAPSHOT_SECONDS_MAX) as tx:
            await recipients.insert_deliveries(
                tx, workspace_id=ctx.workspace, segment=relation.where, parameters=relation.parameters, part=part, now=ctx.now()
            )
            if not await campaigns.mark_part(tx, workspace_id=ctx.workspace, campaign_id=row.id, done=number + 1, now=ctx.now()):
                raise _Overtaken
    async with ctx.transaction("marketing", statement_timeout_seconds=SNAPSHOT_SECONDS_MAX) as tx:
        await deliveries.insert_links(tx, links, workspace_id=ctx.workspace, message_id=row.message_id)
        await campaigns.mark_snapshot(tx, workspace_id=ctx.workspace, campaign_id=row.id, message_id=row.message_id, now=ctx.now())


async def _start(ctx: Context, campaign_id: UUID) -> None:
    row = await _find(ctx, campaign_id)
    if row is None or row.recipients is None:
        return
    await take_messages(ctx, key=row.hold_key, count=row.recipients)
    needed = row.recipients * (row.credits_per_email_micros or 0)
    if needed and row.hold_key:
        await billing.hold(ctx, key=row.hold_key, amount_micros=needed, purpose=HOLD_PURPOSE, expires_in=HOLD_EXPIRES_IN, job=str(row.id))
    lanes = ctx.setting(MarketingSettings).lanes_for(row.recipients)
    async with ctx.transaction("marketing") as tx:
        started = await campaigns.move(
            tx, workspace_id=ctx.workspace, campaign_id=row.id, status="sending", before=("preparing",), now=ctx.now()
        )
        if started:
            await enqueue_lanes(tx, row.id, epoch=row.version + 1, lanes=lanes)
            await publish(tx, CampaignStarted(campaign_id=row.id, recipients=row.recipients))
    if not started:
        await _let_go(ctx, await _find(ctx, campaign_id))


async def _let_go(ctx: Context, row: CampaignRow | None) -> None:
    """A campaign that was cancelled while its credits were being held must not keep them."""
    if row is None or row.status != "cancelled" or row.closed_at is None or not row.hold_key:
        return
    await give_back_messages(ctx, key=row.hold_key, sent=0)
    try:
        await billing.release(ctx, key=row.hold_key)
    except (billing.HoldNotFound, billing.HoldResolved):
        return


async def _fail(ctx: Context, row: CampaignRow, *, reason: str) -> None:
    async with ctx.transaction("marketing") as tx:
        failed = await campaigns.move(
            tx,
            workspace_id=ctx.workspace,
            campaign_id=row.id,
            status="failed",
            before=("preparing",),
            now=ctx.now(),
            reason=reason,
        )
        if failed:
            await enqueue_close(tx, row.id)
            await publish(tx, CampaignFailed(campaign_id=row.id, reason=reason))


async def _links(ctx: Context, row: CampaignRow) -> tuple[list[LinkRow], Template]:
    async with ctx.transaction("marketing") as tx:
        version = await templates.get_version(
            tx, workspace_id=ctx.workspace, template_id=row.template_id, version=row.template_version or 0
        )
    template = template_of(version.default_locale, version.variants)
    return await asyncio.to_thread(_links_of, template), template


def _links_of(template: Template) -> list[LinkRow]:
    try:
        return [
            LinkRow(position=link.index, locale=locale, url=link.target)
            for locale in template.variants
            for link in compiled_variant(template, locale).links
        ]
    except TemplateRejected as rejection:
        raise TemplateFaulty(count=len(rejection.faults)) from rejection


async def _find(ctx: Context, campaign_id: UUID) -> CampaignRow | None:
    async with ctx.transaction("marketing") as tx:
        return await campaigns.find_campaign(tx, workspace_id=ctx.workspace, campaign_id=campaign_id)
