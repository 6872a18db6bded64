"""Campaigns as drafts and as they are shown."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast
from uuid import UUID

from nexusone.kernel.errors import FieldError, PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.liquid.faults import RenderFault
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.audience import api as audience
from nexusone.modules.identity.api import asker_of, forget_grants
from nexusone.modules.identity.contracts.grants import Level, ObjectKind
from nexusone.modules.marketing.contracts import Campaign, CampaignChange, CampaignLinks, CampaignProgress, CampaignStatus, NewCampaign
from nexusone.modules.marketing.domain.headers import address_spec
from nexusone.modules.marketing.domain.tallies import Tally, tally_of
from nexusone.modules.marketing.events import CampaignCreated
from nexusone.modules.marketing.service.refusals import (
    CampaignNotDraft,
    CampaignNotFound,
    CampaignReadOnly,
    SenderInvalid,
    TemplateNotFound,
)
from nexusone.modules.marketing.store import campaigns, deliveries, templates
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.sharing import find_access
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

KIND: ObjectKind = "campaign"


async def create_campaign(ctx: Context, *, wanted: NewCampaign) -> Campaign:
    """Drafts a campaign.

    Raises:
        TemplateNotFound, SegmentNotFound: there is none in this workspace.
        SenderInvalid: nothing can be sent from that address.
    """
    _check_sender(wanted.from_email)
    await audience.compile_segment(ctx, segment_id=wanted.segment_id)
    row = _new_row(ctx, wanted)
    made = campaign_of(row, Tally())
    async with ctx.transaction("marketing") as tx:
        await _require_template(tx, row)
        await campaigns.insert_campaign(tx, row, workspace_id=ctx.workspace)
        await publish(tx, CampaignCreated(campaign_id=row.id))
        await conclude(tx, made)
    return made


async def get_campaign(ctx: Context, *, campaign_id: UUID) -> Campaign:
    """A campaign with its progress. Raises: CampaignNotFound."""
    async with ctx.transaction("marketing") as tx:
        row = await get_row(tx, campaign_id=campaign_id)
        return await shown(tx, row)


async def list_campaigns(ctx: Context, *, request: PageRequest) -> PageOf[Campaign]:
    """Campaigns with their progress, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("marketing") as tx:
        me = asker_of(ctx.principal, object_kind=KIND)
        rows = await campaigns.list_campaigns(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1, asker=me)
        page = rows[: request.limit]
        tallies = await _tallies(tx, page)
    items = tuple(campaign_of(row, tallies[row.id]) for row in page)
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_campaign(ctx: Context, *, campaign_id: UUID, change: CampaignChange, expected_version: int | None) -> Campaign:
    """Changes a draft.

    Raises:
        CampaignNotFound, TemplateNotFound, SegmentNotFound: there is none in this workspace.
        CampaignNotDraft: it is on its way or done.
        PreconditionFailed: it has another version than expected.
        SenderInvalid: nothing can be sent from that address.
    """
    if change.from_email is not None:
        _check_sender(change.from_email)
    if change.segment_id is not None:
        await audience.compile_segment(ctx, segment_id=change.segment_id)
    async with ctx.transaction("marketing") as tx:
        before = await lock_row(tx, campaign_id=campaign_id)
        if expected_version not in (None, before.version):
            raise PreconditionFailed(version=before.version)
        row = replace(before, **change.model_dump(exclude_none=True))
        await _require_template(tx, row)
        if not await campaigns.update_draft(tx, row, workspace_id=ctx.workspace, now=ctx.now()):
            raise CampaignNotDraft(status=before.status)
        changed = change.model_dump(exclude_none=True)
        await record(
            tx,
            action="marketing.campaign.changed",
            object_kind="campaign",
            object_id=str(campaign_id),
            before={name: getattr(before, name) for name in changed},
            after=changed,
        )
        return await shown(tx, await get_row(tx, campaign_id=campaign_id))


async def delete_campaign(ctx: Context, *, campaign_id: UUID) -> None:
    """Deletes a draft.

    Raises:
        CampaignNotFound: there is none.
        CampaignNotDraft: it is on its way or done.
    """
    async with ctx.transaction("marketing") as tx:
        row = await lock_row(tx, campaign_id=campaign_id)
        if not await campaigns.delete_draft(tx, workspace_id=ctx.workspace, campaign_id=campaign_id):
            raise CampaignNotDraft(status=row.status)
        await record(tx, action="marketing.campaign.deleted", object_kind="campaign", object_id=str(campaign_id), before={"name": row.name})
    await forget_grants(ctx, object_kind=KIND, object_id=campaign_id)


async def require_campaign(ctx: Context, *, campaign_id: UUID, level: Level) -> None:
    """Lets those pass who may see (or with `edit` change) the campaign.

    Raises:
        CampaignNotFound: there is none for the caller.
        CampaignReadOnly: the caller may only see it.
    """
    async with ctx.transaction("marketing") as tx:
        row = await get_row(tx, campaign_id=campaign_id)
        if level == "edit" and await _access(tx, row.id) != "edit":
            raise CampaignReadOnly


async def get_row(tx: Transaction, *, campaign_id: UUID) -> CampaignRow:
    """The row of a campaign that the caller may see. Raises: CampaignNotFound."""
    row = _known(await campaigns.find_campaign(tx, workspace_id=_workspace(tx), campaign_id=campaign_id))
    if await _access(tx, row.id) is None:
        raise CampaignNotFound
    return row


async def lock_row(tx: Transaction, *, campaign_id: UUID) -> CampaignRow:
    """The row of a campaign that the caller may change, locked until the transaction ends. Raises: CampaignNotFound, CampaignReadOnly."""
    row = _known(await campaigns.find_campaign_for_update(tx, workspace_id=_workspace(tx), campaign_id=campaign_id))
    match await _access(tx, row.id):
        case "edit":
            return row
        case None:
            raise CampaignNotFound
        case _:
            raise CampaignReadOnly


async def _access(tx: Transaction, campaign_id: UUID) -> str | None:
    me = asker_of(tx.origin.principal, object_kind=KIND)
    return "edit" if me.sees_all else await find_access(tx, workspace_id=_workspace(tx), object_id=campaign_id, asker=me)


async def shown(tx: Transaction, row: CampaignRow) -> Campaign:
    """A campaign with its progress as of now."""
    return campaign_of(row, (await _tallies(tx, [row]))[row.id])


def campaign_of(row: CampaignRow, tally: Tally) -> Campaign:
    """A row as callers see it."""
    return Campaign(
        id=row.id,
        name=row.name,
        template_id=row.template_id,
        template_version=row.template_version,
        segment_id=row.segment_id,
        from_name=row.from_name,
        from_email=row.from_email,
        status=cast("CampaignStatus", row.status),
        recipients=row.recipients,
        progress=CampaignProgress(
            queued=tally.queued,
            sending=tally.sending,
            sent=tally.sent,
            failed=tally.failed,
            unknown=tally.unknown,
            skipped=dict(tally.skipped),
        ),
        credits_settled=None if row.credits_settled_micros is None else credits_to_text(row.credits_settled_micros),
        failure_reason=row.failure_reason,
        last_error=row.last_error,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        links=CampaignLinks(self=f"/v1/campaigns/{row.id}", report=f"/v1/campaigns/{row.id}/report"),
    )


async def _tallies(tx: Transaction, rows: Sequence[CampaignRow]) -> dict[UUID, Tally]:
    moving = {row.message_id: row.id for row in rows if row.counts is None and row.status != "draft"}
    found: dict[UUID, list[tuple[str, str, int]]] = {row.id: [] for row in rows}
    if moving:
        for count in await deliveries.count_by_state(tx, workspace_id=_workspace(tx), message_ids=list(moving)):
            found[moving[count.message_id]].append((count.state, count.reason, count.deliveries))
    stored = {row.id: Tally.read(row.counts) for row in rows if row.counts is not None}
    return {row.id: stored.get(row.id) or tally_of(found[row.id]) for row in rows}


def _check_sender(address: str) -> None:
    try:
        address_spec(address)
    except RenderFault as fault:
        error = FieldError(pointer="/from_email", code=fault.code, detail=fault.detail)
        raise SenderInvalid(errors=(error,), reason=fault.detail) from fault


async def _require_template(tx: Transaction, row: CampaignRow) -> None:
    if await templates.find_template(tx, workspace_id=_workspace(tx), template_id=row.template_id) is None:
        raise TemplateNotFound


def _workspace(tx: Transaction) -> UUID:
    if tx.origin.workspace_id is None:
        raise LookupError("campaigns belong to a workspace")
    return tx.origin.workspace_id


def _known(row: CampaignRow | None) -> CampaignRow:
    if row is None:
        raise CampaignNotFound
    return row


def _new_row(ctx: Context, wanted: NewCampaign) -> CampaignRow:
    now = ctx.now()
    return CampaignRow(
        id=new_id(),
        name=wanted.name,
        template_id=wanted.template_id,
        template_version=None,
        segment_id=wanted.segment_id,
        from_name=wanted.from_name,
        from_email=wanted.from_email,
        status="draft",
        message_id=new_id(),
        version=1,
        credits_per_email_micros=None,
        snapshot_parts=None,
        snapshot_parts_done=0,
        snapshot_at=None,
        hold_key=None,
        recipients=None,
        counts=None,
        credits_settled_micros=None,
        failure_reason=None,
        last_error=None,
        created_at=now,
        updated_at=now,
        started_at=None,
        paused_at=None,
        finished_at=None,
        closed_at=None,
    )
