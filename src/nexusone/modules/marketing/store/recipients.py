"""SQL of who gets a campaign's mail: one relation, counted by the preflight and written by the snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import Sql, fragment

# A snapshot of many goes part by part. An address falls into one part whole, so that duplicates meet in it.
SNAPSHOT_SECONDS_MAX = 120

# Of contacts with the same address the oldest gets the mail; one that must not be mailed speaks for all of them.
RECIPIENTS = fragment("""
select
    s.contact_id, s.address, s.locale,
    case
        when s.address is null then 'no_address'
        when s.status <> 'subscribed' then s.status
        when s.blocked is not null then s.blocked
        when row_number() over (partition by s.address order by s.contact_id) > 1 then 'duplicate_address'
    end as reason
from (
    select
        c.id as contact_id, c.email as address, c.locale, c.email_status as status,
        min(nullif(c.email_status, 'subscribed')) over (partition by c.email) as blocked
    from audience.contact_v1 as c
    where c.workspace_id = %(workspace_id)s
        and ({segment})
        and (%(parts)s::int = 1 or (hashtext(coalesce(c.email, c.id::text)) & 2147483647) %% %(parts)s::int = %(part)s::int)
) as s
""")

COUNT_RECIPIENTS = fragment("""
select coalesce(r.reason, '') as reason, count(*) as contacts from ({recipients}) as r group by 1
""")

INSERT_DELIVERIES = fragment("""
insert into marketing.delivery (workspace_id, message_id, contact_id, occurrence, state, reason, address, locale, due_at)
select
    %(workspace_id)s, %(message_id)s, r.contact_id, 0,
    case when r.reason is null then 'queued' else 'skipped' end, r.reason, r.address,
    coalesce(
        (
            select l.locale from unnest(%(locales)s::text[]) as l (locale)
            where r.locale = l.locale or starts_with(r.locale, l.locale || '-')
            order by length(l.locale) desc
            limit 1
        ),
        %(default_locale)s
    ),
    %(now)s
from ({recipients}) as r
on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many contacts of a segment meet the same fate; an empty reason: they get the mail."""

    reason: str
    contacts: int


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """One of `parts` equal parts of a snapshot, from 0, and the variants that there are."""

    message_id: UUID
    part: int
    parts: int
    locales: tuple[str, ...]
    default_locale: str


async def count_recipients(tx: Transaction, *, workspace_id: UUID, segment: Sql, parameters: Mapping[str, object]) -> list[OutcomeCount]:
    """A segment's contacts by reason to leave them out; `segment` is an expression over `c`."""
    statement = COUNT_RECIPIENTS.fill(recipients=RECIPIENTS.fill(segment=segment))
    return await tx.fetch_all(OutcomeCount, statement, {**parameters, "workspace_id": workspace_id, "part": 0, "parts": 1})


async def insert_deliveries(
    tx: Transaction, *, workspace_id: UUID, segment: Sql, parameters: Mapping[str, object], part: SnapshotPart, now: datetime
) -> int:
    """Writes a part of the snapshot; contacts that are in it already stay as they are."""
    statement = INSERT_DELIVERIES.fill(recipients=RECIPIENTS.fill(segment=segment))
    used: dict[str, object] = {
        "workspace_id": workspace_id,
        "message_id": part.message_id,
        "part": part.part,
        "parts": part.parts,
        "locales": list(part.locales),
        "default_locale": part.default_locale,
        "now": now,
    }
    return await tx.execute(statement, {**parameters, **used})
