"""SQL of engagement: links to follow, hits that came in, who left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.marketing.domain.hit_counts import HitCount
from nexusone.modules.marketing.domain.hits import Hit, HitKind
from nexusone.modules.marketing.domain.tokens import DeliveryIds
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_LINKS = sql("""
select position, url from marketing.link
where workspace_id = %(workspace_id)s and message_id = %(message_id)s
""")

# One statement per batch. Not COPY: it cannot leave out what is known, and PostgreSQL refuses it under row-level security.
INSERT_HITS = sql("""
insert into marketing.engagement
    (workspace_id, id, occurred_at, message_id, contact_id, occurrence, kind, link_position, is_machine, user_agent, ip_hash)
select
    %(workspace_id)s, h.id, h.occurred_at, h.message_id, h.contact_id, h.occurrence, h.kind, h.link_position, h.is_machine,
    h.user_agent, h.ip_hash
from unnest(
    %(ids)s::uuid[], %(occurred_ats)s::timestamptz[], %(message_ids)s::uuid[], %(contact_ids)s::uuid[], %(occurrences)s::int[],
    %(kinds)s::text[], %(link_positions)s::int[], %(are_machines)s::boolean[], %(user_agents)s::text[], %(ip_hashes)s::bytea[]
) as h (id, occurred_at, message_id, contact_id, occurrence, kind, link_position, is_machine, user_agent, ip_hash)
on conflict (workspace_id, id) do nothing
returning id
""")

# Who clicked has opened, whether or not the pixel was shown.
COUNT_HITS = sql("""
update marketing.delivery as d
set open_count = d.open_count + t.opens,
    click_count = d.click_count + t.clicks,
    first_opened_at = least(d.first_opened_at, t.first_at),
    first_clicked_at = least(d.first_clicked_at, t.first_clicked_at)
from unnest(
    %(message_ids)s::uuid[], %(contact_ids)s::uuid[], %(occurrences)s::int[], %(opens)s::int[], %(clicks)s::int[],
    %(first_ats)s::timestamptz[], %(first_clicked_ats)s::timestamptz[]
) as t (message_id, contact_id, occurrence, opens, clicks, first_at, first_clicked_at)
where d.workspace_id = %(workspace_id)s and d.message_id = t.message_id
    and d.contact_id = t.contact_id and d.occurrence = t.occurrence
""")

MARK_UNSUBSCRIBED = sql("""
update marketing.delivery
set unsubscribed_at = %(now)s
where workspace_id = %(workspace_id)s and message_id = %(message_id)s
    and contact_id = %(contact_id)s and occurrence = %(occurrence)s and unsubscribed_at is null
""")

INSERT_UNSUBSCRIBE = sql("""
insert into marketing.engagement (workspace_id, id, occurred_at, message_id, contact_id, occurrence, kind)
values (%(workspace_id)s, %(id)s, %(now)s, %(message_id)s, %(contact_id)s, %(occurrence)s, 'unsubscribe')
""")

FIND_SENDER = sql("""
select g.from_name as name, g.id as campaign_id, g.name as campaign, d.locale
from marketing.campaign as g
left join marketing.delivery as d
    on d.workspace_id = %(workspace_id)s and d.message_id = g.message_id
    and d.contact_id = %(contact_id)s and d.occurrence = %(occurrence)s
where g.workspace_id = %(workspace_id)s and g.message_id = %(message_id)s
""")


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """One tracked link: its number in the tokens, and where it leads (may hold Liquid)."""

    position: int
    url: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a mail, for which campaign, and the language it was written in for this contact, where that is still known."""

    name: str
    campaign_id: UUID
    campaign: str
    locale: str | None


async def list_links(tx: Transaction, *, workspace_id: UUID, message_id: UUID) -> list[LinkTarget]:
    """All tracked links of a message, of 500 at most per language."""
    return await tx.fetch_all(LinkTarget, LIST_LINKS, {"workspace_id": workspace_id, "message_id": message_id})


async def insert_hits(tx: Transaction, hits: Sequence[Hit], *, workspace_id: UUID) -> set[UUID]:
    """Writes hits of one workspace; the ids of those that were not known yet."""
    parameters = {
        "ids": [hit.id for hit in hits],
        "occurred_ats": [hit.occurred_at for hit in hits],
        **_deliveries([hit.delivery for hit in hits]),
        "kinds": [hit.kind.name.lower() for hit in hits],
        "link_positions": [hit.link if hit.kind is HitKind.CLICK else None for hit in hits],
        "are_machines": [hit.visit.is_machine for hit in hits],
        "user_agents": [hit.visit.user_agent for hit in hits],
        "ip_hashes": [hit.visit.ip_hash for hit in hits],
    }
    return {row[0] for row in await tx.fetch_tuples(INSERT_HITS, {"workspace_id": workspace_id, **parameters})}


async def count_hits(tx: Transaction, counts: Sequence[HitCount], *, workspace_id: UUID) -> int:
    """Adds hits to the deliveries that they belong to, each delivery once; how many deliveries there were."""
    parameters = {
        **_deliveries([count.delivery for count in counts]),
        "opens": [count.opens for count in counts],
        "clicks": [count.clicks for count in counts],
        "first_ats": [count.first_at for count in counts],
        "first_clicked_ats": [count.first_clicked_at for count in counts],
    }
    return await tx.execute(COUNT_HITS, {"workspace_id": workspace_id, **parameters})


async def mark_unsubscribed(tx: Transaction, delivery: DeliveryIds, *, hit_id: UUID, now: datetime) -> bool:
    """Writes down that the mail made its reader leave; False where that was known."""
    is_new = await tx.execute(MARK_UNSUBSCRIBED, {**_delivery(delivery), "now": now}) == 1
    if is_new:
        await tx.execute(INSERT_UNSUBSCRIBE, {**_delivery(delivery), "id": hit_id, "now": now})
    return is_new


async def find_sender(tx: Transaction, delivery: DeliveryIds) -> Sender | None:
    """Who sent the mail."""
    return await tx.find_one(Sender, FIND_SENDER, _delivery(delivery))


def _delivery(ids: DeliveryIds) -> dict[str, object]:
    return {
        "workspace_id": ids.workspace_id,
        "message_id": ids.message_id,
        "contact_id": ids.contact_id,
        "occurrence": ids.occurrence,
    }


def _deliveries(ids: Sequence[DeliveryIds]) -> dict[str, object]:
    return {
        "message_ids": [one.message_id for one in ids],
        "contact_ids": [one.contact_id for one in ids],
        "occurrences": [one.occurrence for one in ids],
    }
