"""REST door of marketing: templates and campaigns."""

from uuid import UUID

from fastapi import Response

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.audience.api import SegmentNotFound
from nexusone.modules.billing.api import InsufficientCredits, NotInPlan
from nexusone.modules.marketing.contracts import (
    Campaign,
    CampaignChange,
    NewCampaign,
    NewTemplate,
    Preflight,
    RenderedTemplate,
    RenderRequest,
    Template,
    TemplateChange,
    TemplateSummary,
)
from nexusone.modules.marketing.service import campaigns, launching, templates
from nexusone.modules.marketing.service.refusals import (
    CampaignAlreadySent,
    CampaignNotDraft,
    CampaignNotFound,
    CampaignNotPaused,
    CampaignNotSending,
    CampaignNotStoppable,
    CampaignReadOnly,
    ContactNotFound,
    SenderInvalid,
    TemplateFaulty,
    TemplateNotFound,
    TemplateNotRenderable,
)
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("marketing")


@door.post("/templates", permission="templates:write", status=201, summary="Write a template", refusals=(TemplateFaulty,), cost=5)
async def create_template(ctx: Caller, body: NewTemplate, response: Response) -> Template:
    made = await templates.create_template(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/templates", permission="templates:read", summary="List the templates")
async def list_templates(ctx: Caller, pager: Pager) -> Page[TemplateSummary]:
    return pager.page(await templates.list_templates(ctx, request=pager.request))


@door.get("/templates/{template_id}", permission="templates:read", summary="Read a template", refusals=(TemplateNotFound,))
async def get_template(ctx: Caller, template_id: UUID, response: Response) -> Template:
    found = await templates.get_template(ctx, template_id=template_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/templates/{template_id}",
    permission="templates:write",
    summary="Change a template",
    refusals=(TemplateNotFound, TemplateFaulty, PreconditionFailed),
    cost=5,
)
async def change_template(
    ctx: Caller, template_id: UUID, body: TemplateChange, expected_version: ExpectedVersion, response: Response
) -> Template:
    changed = await templates.change_template(ctx, template_id=template_id, change=body, expected_version=expected_version)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/templates/{template_id}", permission="templates:write", status=204, summary="Delete a template", refusals=(TemplateNotFound,)
)
async def delete_template(ctx: Caller, template_id: UUID) -> Response:
    await templates.delete_template(ctx, template_id=template_id)
    return Response(status_code=204)


@door.post(
    "/templates/{template_id}/render",
    permission="templates:read",
    summary="See a template as a contact would",
    refusals=(TemplateNotFound, ContactNotFound, TemplateNotRenderable),
    key_use="none",
    cost=2,
)
async def render_template(ctx: Caller, template_id: UUID, body: RenderRequest) -> RenderedTemplate:
    return await templates.render_template(ctx, template_id=template_id, request=body)


@door.post(
    "/campaigns",
    permission="campaigns:write",
    status=201,
    summary="Draft a campaign",
    refusals=(TemplateNotFound, SegmentNotFound, SenderInvalid),
)
async def create_campaign(ctx: Caller, body: NewCampaign, response: Response) -> Campaign:
    made = await campaigns.create_campaign(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/campaigns", permission="campaigns:read", summary="List the campaigns")
async def list_campaigns(ctx: Caller, pager: Pager) -> Page[Campaign]:
    return pager.page(await campaigns.list_campaigns(ctx, request=pager.request))


@door.get("/campaigns/{campaign_id}", permission="campaigns:read", summary="Read a campaign", refusals=(CampaignNotFound,))
async def get_campaign(ctx: Caller, campaign_id: UUID, response: Response) -> Campaign:
    found = await campaigns.get_campaign(ctx, campaign_id=campaign_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/campaigns/{campaign_id}",
    permission="campaigns:write",
    summary="Change a draft",
    refusals=(CampaignNotFound, CampaignReadOnly, TemplateNotFound, SegmentNotFound, CampaignNotDraft, PreconditionFailed, SenderInvalid),
)
async def change_campaign(
    ctx: Caller, campaign_id: UUID, body: CampaignChange, expected_version: ExpectedVersion, response: Response
) -> Campaign:
    changed = await campaigns.change_campaign(ctx, campaign_id=campaign_id, change=body, expected_version=expected_version)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/campaigns/{campaign_id}",
    permission="campaigns:write",
    status=204,
    summary="Delete a draft",
    refusals=(CampaignNotFound, CampaignReadOnly, CampaignNotDraft),
)
async def delete_campaign(ctx: Caller, campaign_id: UUID) -> Response:
    await campaigns.delete_campaign(ctx, campaign_id=campaign_id)
    return Response(status_code=204)


@door.post(
    "/campaigns/{campaign_id}/preflight",
    permission="campaigns:read",
    summary="See who would get a campaign, and what it would cost",
    refusals=(CampaignNotFound, SegmentNotFound),
    key_use="none",
    cost=5,
)
async def preflight(ctx: Caller, campaign_id: UUID) -> Preflight:
    return await launching.preflight(ctx, campaign_id=campaign_id)


@door.post(
    "/campaigns/{campaign_id}/send",
    permission="campaigns:send",
    status=202,
    summary="Send a campaign",
    refusals=(CampaignNotFound, CampaignReadOnly, TemplateNotFound, SegmentNotFound, CampaignAlreadySent, InsufficientCredits, NotInPlan),
    key_use="required",
    cost=5,
)
async def send(ctx: Caller, campaign_id: UUID) -> Campaign:
    return await launching.send(ctx, campaign_id=campaign_id)


@door.post(
    "/campaigns/{campaign_id}/pause",
    permission="campaigns:send",
    summary="Let nothing more go out",
    refusals=(CampaignNotFound, CampaignReadOnly, CampaignNotSending),
)
async def pause(ctx: Caller, campaign_id: UUID) -> Campaign:
    return await launching.pause(ctx, campaign_id=campaign_id)


@door.post(
    "/campaigns/{campaign_id}/resume",
    permission="campaigns:send",
    summary="Go on with a paused campaign",
    refusals=(CampaignNotFound, CampaignReadOnly, CampaignNotPaused),
)
async def resume(ctx: Caller, campaign_id: UUID) -> Campaign:
    return await launching.resume(ctx, campaign_id=campaign_id)


@door.post(
    "/campaigns/{campaign_id}/cancel",
    permission="campaigns:send",
    summary="Stop a campaign for good",
    refusals=(CampaignNotFound, CampaignReadOnly, CampaignNotStoppable),
)
async def cancel(ctx: Caller, campaign_id: UUID) -> Campaign:
    return await launching.cancel(ctx, campaign_id=campaign_id)
