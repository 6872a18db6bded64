"""SQL of campaign reports: two passes over sets, whatever the size of the campaign."""

from dataclasses import dataclass
from uuid import UUID

from nexusone.modules.marketing.domain.reports import DeliveryGroup
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LINKS_MAX = 1_000

GROUP_DELIVERIES = sql("""
select
    coalesce(d.locale, '') as locale,
    d.state,
    case when d.state = 'skipped' then coalesce(d.reason, '') else '' end as reason,
    count(*) as deliveries,
    count(d.first_opened_at) as opened,
    count(d.first_clicked_at) as clicked,
    count(d.unsubscribed_at) as unsubscribed
from marketing.delivery as d
where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s
group by 1, 2, 3
""")

# Languages may share an address: it counts as one link.
COUNT_CLICKS = sql("""
select l.url, count(e.id) as clicks, count(distinct e.contact_id) as contacts
from marketing.link as l
left join marketing.engagement as e
    on e.workspace_id = %(workspace_id)s and e.message_id = %(message_id)s and e.link_position = l.position
    and e.kind = 'click' and not e.is_machine
where l.workspace_id = %(workspace_id)s and l.message_id = %(message_id)s
group by l.url
order by count(e.id) desc, l.url
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class LinkCount:
    """How often a link was followed, and by how many."""

    url: str
    clicks: int
    contacts: int


async def group_deliveries(tx: Transaction, *, workspace_id: UUID, message_id: UUID) -> list[DeliveryGroup]:
    """Deliveries of a message by language, state and reason, and what their readers did."""
    return await tx.fetch_all(DeliveryGroup, GROUP_DELIVERIES, {"workspace_id": workspace_id, "message_id": message_id})


async def count_clicks(tx: Transaction, *, workspace_id: UUID, message_id: UUID) -> list[LinkCount]:
    """The 1,000 links of a message that were followed most, also those that nobody followed."""
    return await tx.fetch_all(LinkCount, COUNT_CLICKS, {"workspace_id": workspace_id, "message_id": message_id, "limit": LINKS_MAX})
