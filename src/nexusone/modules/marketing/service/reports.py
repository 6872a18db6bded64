"""What a campaign came to: who got it, who opened, clicked and left, and what it cost."""

from typing import cast
from uuid import UUID

from nexusone.kernel.money import credits_to_text
from nexusone.modules.marketing.contracts import CampaignReport, CampaignStatus, LinkReport, LocaleReport, ReportCredits
from nexusone.modules.marketing.domain.reports import Sums, add_up
from nexusone.modules.marketing.service.campaigns import get_row
from nexusone.modules.marketing.store import reports
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.reports import LinkCount
from nexusone.platform.runtime import Context


async def get_report(ctx: Context, *, campaign_id: UUID) -> CampaignReport:
    """The report as of now. Raises: CampaignNotFound."""
    async with ctx.transaction("marketing") as tx:
        row = await get_row(tx, campaign_id=campaign_id)
        groups = await reports.group_deliveries(tx, workspace_id=ctx.workspace, message_id=row.message_id)
        links = await reports.count_clicks(tx, workspace_id=ctx.workspace, message_id=row.message_id)
    total, by_locale = add_up(groups)
    return CampaignReport(
        campaign_id=row.id,
        status=cast("CampaignStatus", row.status),
        recipients=total.recipients,
        pending=total.pending,
        sent=total.sent,
        failed=total.failed,
        unknown=total.unknown,
        skipped=total.skipped,
        opened=total.opened,
        clicked=total.clicked,
        unsubscribed=total.unsubscribed,
        open_rate=total.rate(total.opened),
        click_rate=total.rate(total.clicked),
        unsubscribe_rate=total.rate(total.unsubscribed),
        by_locale=[_locale(locale, sums) for locale, sums in by_locale.items() if sums.recipients],
        links=[_link(link) for link in links],
        credits=_credits(row, total),
        as_of=ctx.now(),
    )


def _locale(locale: str, sums: Sums) -> LocaleReport:
    return LocaleReport(
        locale=locale,
        recipients=sums.recipients,
        sent=sums.sent,
        opened=sums.opened,
        clicked=sums.clicked,
        unsubscribed=sums.unsubscribed,
        open_rate=sums.rate(sums.opened),
        click_rate=sums.rate(sums.clicked),
    )


def _link(link: LinkCount) -> LinkReport:
    return LinkReport(url=link.url, clicks=link.clicks, contacts=link.contacts)


def _credits(row: CampaignRow, total: Sums) -> ReportCredits:
    price = row.credits_per_email_micros or 0
    charged = total.payable * price if row.credits_settled_micros is None else row.credits_settled_micros
    return ReportCredits(
        charged=credits_to_text(charged), per_email=credits_to_text(price), is_final=row.credits_settled_micros is not None
    )
