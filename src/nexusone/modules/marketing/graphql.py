"""GraphQL door of marketing."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.marketing.contracts import Campaign, Template, TemplateSummary
from nexusone.modules.marketing.service import campaigns, reports, templates
from nexusone.platform.runtime import Context
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import Paging, paging_of

TEMPLATES_LOADER = "marketing.templates"


@strawberry.type(name="Template", description="A mail in several languages, without its texts.")
class TemplateType:
    """The fields of the REST list."""

    id: UUID
    name: str
    channel: str
    default_locale: str
    locales: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="TemplatePage", description="A page of templates, newest first.")
class TemplatePageType:
    """`next_cursor` is null on the last page."""

    items: list[TemplateType]
    next_cursor: str | None


@strawberry.type(name="SkippedCount", description="How many recipients were left out for one reason.")
class SkippedCountType:
    """`reason` is a stable code."""

    reason: str
    count: int


@strawberry.type(name="DeliveryCounts", description="How many recipients of a campaign are in which state.")
class DeliveryCountsType:
    """The fields of the REST resource's `progress`."""

    queued: int
    sending: int
    sent: int
    failed: int
    unknown: int
    skipped: list[SkippedCountType]


async def _template_of(info: GraphqlInfo, root: strawberry.Parent["CampaignType"]) -> TemplateType | None:
    found = await _templates(info).load(root.template_id)
    return None if found is None else _template(found)


@strawberry.type(name="LinkReport", description="How often a link was followed, and by how many contacts.")
class LinkReportType:
    """`url` is as it stands in the template."""

    url: str
    clicks: int
    contacts: int


@strawberry.type(name="CampaignReport", description="What a campaign came to; everybody counts once.")
class CampaignReportType:
    """The main figures of the REST report; rates are 0 to 1, credits a decimal string."""

    recipients: int
    pending: int
    sent: int
    failed: int
    unknown: int
    opened: int
    clicked: int
    unsubscribed: int
    open_rate: float
    click_rate: float
    links: list[LinkReportType]
    credits_charged: str


@strawberry.type(name="Campaign", description="A mail to a segment.")
class CampaignType:
    """The fields of the REST resource; credits are decimal strings."""

    id: UUID
    name: str
    template_id: UUID
    template_version: int | None
    segment_id: UUID
    from_name: str
    from_email: str
    status: str
    recipients: int | None
    deliveries: DeliveryCountsType
    credits_settled: str | None
    failure_reason: str | None
    last_error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    template: TemplateType | None = strawberry.field(
        resolver=_template_of, description="What is sent.", permission_classes=needs("templates:read")
    )


@strawberry.type(name="CampaignPage", description="A page of campaigns, newest first.")
class CampaignPageType:
    """`next_cursor` is null on the last page."""

    items: list[CampaignType]
    next_cursor: str | None


async def _list_templates(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> TemplatePageType:
    paging = _paging(info, "graphql.templates", limit, cursor)
    found = await templates.list_templates(info.context.ctx, request=paging.request)
    return TemplatePageType(items=[_template(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _get_template(info: GraphqlInfo, id: UUID) -> TemplateType:  # noqa: A002 - the argument's name on the wire
    return _template(await templates.get_template(info.context.ctx, template_id=id))


async def _list_campaigns(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> CampaignPageType:
    paging = _paging(info, "graphql.campaigns", limit, cursor)
    found = await campaigns.list_campaigns(info.context.ctx, request=paging.request)
    return CampaignPageType(items=[_campaign(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _get_campaign(info: GraphqlInfo, id: UUID) -> CampaignType:  # noqa: A002 - the argument's name on the wire
    return _campaign(await campaigns.get_campaign(info.context.ctx, campaign_id=id))


async def _get_campaign_report(info: GraphqlInfo, id: UUID) -> CampaignReportType:  # noqa: A002 - the argument's name on the wire
    found = await reports.get_report(info.context.ctx, campaign_id=id)
    return CampaignReportType(
        recipients=found.recipients,
        pending=found.pending,
        sent=found.sent,
        failed=found.failed,
        unknown=found.unknown,
        opened=found.opened,
        clicked=found.clicked,
        unsubscribed=found.unsubscribed,
        open_rate=found.open_rate,
        click_rate=found.click_rate,
        links=[LinkReportType(url=link.url, clicks=link.clicks, contacts=link.contacts) for link in found.links],
        credits_charged=found.credits.charged,
    )


def _paging(info: GraphqlInfo, list_name: str, limit: int, cursor: str | None) -> Paging:
    ctx = info.context.ctx
    return paging_of(ctx, list_name=list_name, limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))


def _templates(info: GraphqlInfo) -> DataLoader[UUID, TemplateSummary | None]:
    loaders = info.context.loaders
    if TEMPLATES_LOADER not in loaders:
        loaders[TEMPLATES_LOADER] = _templates_loader(info.context.ctx)
    loader: DataLoader[UUID, TemplateSummary | None] = loaders[TEMPLATES_LOADER]
    return loader


def _templates_loader(ctx: Context) -> DataLoader[UUID, TemplateSummary | None]:
    async def load(ids: list[UUID]) -> list[TemplateSummary | None]:
        found = await templates.list_summaries(ctx, ids=ids)
        return [found.get(identifier) for identifier in ids]

    return DataLoader(load)


def _template(template: TemplateSummary | Template) -> TemplateType:
    return TemplateType(
        id=template.id,
        name=template.name,
        channel=template.channel,
        default_locale=template.default_locale,
        locales=template.locales if isinstance(template, TemplateSummary) else list(template.variants),
        version=template.version,
        created_at=template.created_at,
        updated_at=template.updated_at,
    )


def _campaign(campaign: Campaign) -> CampaignType:
    progress = campaign.progress
    return CampaignType(
        id=campaign.id,
        name=campaign.name,
        template_id=campaign.template_id,
        template_version=campaign.template_version,
        segment_id=campaign.segment_id,
        from_name=campaign.from_name,
        from_email=campaign.from_email,
        status=campaign.status,
        recipients=campaign.recipients,
        deliveries=DeliveryCountsType(
            queued=progress.queued,
            sending=progress.sending,
            sent=progress.sent,
            failed=progress.failed,
            unknown=progress.unknown,
            skipped=[SkippedCountType(reason=reason, count=count) for reason, count in progress.skipped.items()],
        ),
        credits_settled=campaign.credits_settled,
        failure_reason=campaign.failure_reason,
        last_error=campaign.last_error,
        created_at=campaign.created_at,
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
    )


@strawberry.type
class MarketingQuery:
    """Marketing's fields of the Query type."""

    templates: TemplatePageType = strawberry.field(
        resolver=_list_templates, description="Templates, newest first.", permission_classes=needs("templates:read")
    )
    template: TemplateType | None = strawberry.field(
        resolver=_get_template, description="One template.", permission_classes=needs("templates:read")
    )
    campaigns: CampaignPageType = strawberry.field(
        resolver=_list_campaigns, description="Campaigns, newest first.", permission_classes=needs("campaigns:read")
    )
    campaign: CampaignType | None = strawberry.field(
        resolver=_get_campaign, description="One campaign.", permission_classes=needs("campaigns:read")
    )
    campaign_report: CampaignReportType | None = strawberry.field(
        resolver=_get_campaign_report, description="What a campaign came to.", permission_classes=needs("campaigns:read")
    )
