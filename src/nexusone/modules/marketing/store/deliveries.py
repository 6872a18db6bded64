"""SQL of the sending engine: claim, hand over, write down what became of it. A write whose fence is stale changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# Rows are named by arrays and never joined: the planner knows nothing of a message that has just begun, and would take
# its many rows for one. States are checked in a CASE for the same reason: an index on them would be read from end to end.

# Consent is looked at once more: what changed since the snapshot is skipped here.
CLAIM = sql("""
update marketing.delivery as d
set fence = d.fence + 1,
    lease_until = %(lease_until)s,
    (state, reason) = (
        select
            case when min(j.reason) is null and count(*) > 0 then 'claimed' else 'skipped' end,
            case when count(*) = 0 then 'contact_deleted' else min(j.reason) end
        from (
            select case
                when c.email_status <> 'subscribed' then c.email_status
                when c.email is distinct from d.address then 'address_changed'
            end as reason
            from audience.contact_v1 as c
            where c.workspace_id = %(workspace_id)s and c.id = d.contact_id
        ) as j
    )
where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s
    and case when d.state = 'queued' then d.due_at <= %(now)s else false end
    and d.contact_id = any(array(
        select q.contact_id
        from marketing.delivery as q
        where q.workspace_id = %(workspace_id)s and q.message_id = %(message_id)s
            and q.state = 'queued' and q.due_at <= %(now)s
            and exists (
                select 1 from marketing.campaign as g
                where g.workspace_id = %(workspace_id)s and g.message_id = %(message_id)s and g.status = 'sending'
            )
        order by q.due_at
        limit %(limit)s
        for update of q skip locked
    ))
returning d.contact_id, d.occurrence, d.fence, d.attempts, d.state, d.address, d.locale as variant
""")

LIST_CONTACTS = sql("""
select c.id, c.external_id, c.phone, c.first_name, c.last_name, c.locale, c.timezone, c.country, c.attributes
from audience.contact_v1 as c
where c.workspace_id = %(workspace_id)s and c.id = any(%(ids)s::uuid[])
""")

MARK_HANDING_OVER = sql("""
update marketing.delivery as d
set state = 'handing_over', lease_until = %(lease_until)s
from unnest(%(contact_ids)s::uuid[], %(occurrences)s::int[], %(fences)s::bigint[]) as m (contact_id, occurrence, fence)
where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s and d.contact_id = any(%(contact_ids)s::uuid[])
    and d.contact_id = m.contact_id and d.occurrence = m.occurrence and d.fence = m.fence
    and case when d.state = 'claimed' then d.lease_until > %(now)s else false end
    and exists (
        select 1 from marketing.campaign as g
        where g.workspace_id = %(workspace_id)s and g.message_id = %(message_id)s and g.status = 'sending'
    )
returning d.contact_id, d.occurrence
""")

# What is paid for is counted with its outcome, in the row of its turn, so that billing is told of each mail once.
WRITE_OUTCOMES = sql("""
with written as (
    update marketing.delivery as d
    set state = o.state, reason = o.reason, code = o.code, vendor_reference = o.vendor_reference, attempts = o.attempts,
        due_at = o.due_at, sent_at = case when o.state = 'sent' then o.ended_at end, lease_until = null
    from unnest(
        %(contact_ids)s::uuid[], %(occurrences)s::int[], %(fences)s::bigint[], %(states)s::text[], %(reasons)s::text[],
        %(codes)s::int[], %(references)s::text[], %(attempts)s::int[], %(due_ats)s::timestamptz[], %(ended_ats)s::timestamptz[]
    ) as o (contact_id, occurrence, fence, state, reason, code, vendor_reference, attempts, due_at, ended_at)
    where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s and d.contact_id = any(%(contact_ids)s::uuid[])
        and d.contact_id = o.contact_id and d.occurrence = o.occurrence and d.fence = o.fence
        and case when d.state in ('claimed', 'handing_over') then true else false end
    returning d.state
), counted as (
    insert into marketing.mail_count as m (workspace_id, message_id, turn_id, messages, counted_at)
    select %(workspace_id)s, %(message_id)s, %(turn_id)s, count(*), %(now)s from written where state in ('sent', 'unknown')
    having count(*) > 0
    on conflict (workspace_id, message_id, turn_id) do update
    set messages = m.messages + excluded.messages, counted_at = excluded.counted_at
)
select count(*) from written
""")

GIVE_BACK = sql("""
update marketing.delivery as d
set state = 'queued', lease_until = null
from unnest(%(contact_ids)s::uuid[], %(occurrences)s::int[], %(fences)s::bigint[]) as m (contact_id, occurrence, fence)
where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s and d.contact_id = any(%(contact_ids)s::uuid[])
    and d.contact_id = m.contact_id and d.occurrence = m.occurrence and d.fence = m.fence
    and d.state = 'claimed'
""")

RECLAIM = sql("""
with reclaimed as (
    update marketing.delivery
    set state = case when state = 'claimed' then 'queued' else 'unknown' end,
        reason = case when state = 'claimed' then reason else 'worker_lost' end,
        fence = fence + 1, lease_until = null
    where workspace_id = %(workspace_id)s and message_id = %(message_id)s
        and state in ('claimed', 'handing_over') and lease_until <= %(now)s
    returning state
), counted as (
    insert into marketing.mail_count as m (workspace_id, message_id, turn_id, messages, counted_at)
    select %(workspace_id)s, %(message_id)s, %(turn_id)s, count(*), %(now)s from reclaimed where state = 'unknown'
    having count(*) > 0
    on conflict (workspace_id, message_id, turn_id) do update
    set messages = m.messages + excluded.messages, counted_at = excluded.counted_at
)
select count(*) from reclaimed where state = 'unknown'
""")

SKIP_QUEUED = sql("""
update marketing.delivery as d
set state = 'skipped', reason = %(reason)s, fence = d.fence + 1, lease_until = null
where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s
    and case when d.state = 'queued' then true else false end
    and d.contact_id = any(array(
        select q.contact_id
        from marketing.delivery as q
        where q.workspace_id = %(workspace_id)s and q.message_id = %(message_id)s and q.state = 'queued'
        limit %(limit)s
        for update of q skip locked
    ))
""")

FIND_OUTSTANDING = sql("""
select
    (
        select min(q.due_at) from marketing.delivery as q
        where q.workspace_id = %(workspace_id)s and q.message_id = %(message_id)s and q.state = 'queued'
    ) as next_due_at,
    (
        select min(q.lease_until) from marketing.delivery as q
        where q.workspace_id = %(workspace_id)s and q.message_id = %(message_id)s
            and q.state in ('claimed', 'handing_over')
    ) as next_lease_end
""")

COUNT_BY_STATE = sql("""
select d.message_id, d.state, case when d.state = 'skipped' then coalesce(d.reason, '') else '' end as reason, count(*) as deliveries
from marketing.delivery as d
where d.workspace_id = %(workspace_id)s and d.message_id = any(%(message_ids)s::uuid[])
group by 1, 2, 3
""")

INSERT_LINKS = sql("""
insert into marketing.link (workspace_id, message_id, position, locale, url)
select %(workspace_id)s, %(message_id)s, l.position, l.locale, l.url
from unnest(%(positions)s::int[], %(locales)s::text[], %(urls)s::text[]) as l (position, locale, url)
on conflict do nothing
""")


class ClaimedRow(NamedTuple):
    """One recipient to mail; `variant` is the locale of the text it gets."""

    contact_id: UUID
    occurrence: int
    fence: int
    attempts: int
    state: str
    address: str
    variant: str


class AddressedContact(NamedTuple):
    """A recipient as templates see it."""

    id: UUID
    external_id: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: dict[str, Any]


class Outcome(NamedTuple):
    """What became of one delivery in one attempt; `state` queued means again at `due_at`."""

    contact_id: UUID
    occurrence: int
    fence: int
    state: str
    reason: str | None
    code: int | None
    vendor_reference: str | None
    attempts: int
    due_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Outstanding:
    """When the next queued delivery is due and when the next lease ends; both None: every delivery is in its final state."""

    next_due_at: datetime | None
    next_lease_end: datetime | None


@dataclass(frozen=True, slots=True)
class StateCount:
    """Deliveries of a message by state, and by reason where they were skipped."""

    message_id: UUID
    state: str
    reason: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One tracked link of a message."""

    position: int
    locale: str
    url: str


async def claim(
    tx: Transaction, *, workspace_id: UUID, message_id: UUID, limit: int, now: datetime, lease_until: datetime
) -> list[ClaimedRow]:
    """Takes due deliveries of a campaign that is being sent; rows in state `skipped` are not to be mailed after all."""
    parameters = {"workspace_id": workspace_id, "message_id": message_id, "limit": limit, "now": now, "lease_until": lease_until}
    return [ClaimedRow._make(row) for row in await tx.fetch_tuples(CLAIM, parameters)]


async def list_contacts(tx: Transaction, *, workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, AddressedContact]:
    """What is to be filled in for these contacts."""
    rows = await tx.fetch_tuples(LIST_CONTACTS, {"workspace_id": workspace_id, "ids": list(ids)})
    return {row[0]: AddressedContact._make(row) for row in rows}


async def mark_handing_over(
    tx: Transaction, rows: Sequence[ClaimedRow], *, workspace_id: UUID, message_id: UUID, now: datetime, lease_until: datetime
) -> set[tuple[UUID, int]]:
    """Says that these are about to go out. Gives those that may: still claimed by this fence, in time, the campaign not paused."""
    parameters = {**_fenced(rows), "workspace_id": workspace_id, "message_id": message_id, "now": now, "lease_until": lease_until}
    return {(row[0], row[1]) for row in await tx.fetch_tuples(MARK_HANDING_OVER, parameters)}


async def write_outcomes(
    tx: Transaction, outcomes: Sequence[Outcome], *, workspace_id: UUID, message_id: UUID, turn_id: UUID, now: datetime
) -> int:
    """Writes down what became of deliveries and counts the mails of the turn; how many were still this fence's to write."""
    columns = [list(column) for column in zip(*outcomes, strict=True)]
    names = ("contact_ids", "occurrences", "fences", "states", "reasons", "codes", "references", "attempts", "due_ats", "ended_ats")
    told = {"workspace_id": workspace_id, "message_id": message_id, "turn_id": turn_id, "now": now}
    return await tx.fetch_value(int, WRITE_OUTCOMES, {**told, **dict(zip(names, columns, strict=True))})


async def give_back(tx: Transaction, rows: Sequence[ClaimedRow], *, workspace_id: UUID, message_id: UUID) -> int:
    """Puts claimed deliveries that were not handed over back into the queue."""
    return await tx.execute(GIVE_BACK, {**_fenced(rows), "workspace_id": workspace_id, "message_id": message_id})


async def reclaim(tx: Transaction, *, workspace_id: UUID, message_id: UUID, turn_id: UUID, now: datetime) -> int:
    """After a worker was lost: what it only claimed goes back, what it was handing over is unknown; how many are."""
    told = {"workspace_id": workspace_id, "message_id": message_id, "turn_id": turn_id, "now": now}
    return await tx.fetch_value(int, RECLAIM, told)


async def skip_queued(tx: Transaction, *, workspace_id: UUID, message_id: UUID, reason: str, limit: int) -> int:
    """Takes deliveries out of the queue for good; how many."""
    return await tx.execute(SKIP_QUEUED, {"workspace_id": workspace_id, "message_id": message_id, "reason": reason, "limit": limit})


async def find_outstanding(tx: Transaction, *, workspace_id: UUID, message_id: UUID) -> Outstanding:
    """What is still to happen."""
    return await tx.fetch_one(Outstanding, FIND_OUTSTANDING, {"workspace_id": workspace_id, "message_id": message_id})


async def count_by_state(tx: Transaction, *, workspace_id: UUID, message_ids: Sequence[UUID]) -> list[StateCount]:
    """Deliveries of messages by state."""
    return await tx.fetch_all(StateCount, COUNT_BY_STATE, {"workspace_id": workspace_id, "message_ids": list(message_ids)})


async def insert_links(tx: Transaction, links: Sequence[LinkRow], *, workspace_id: UUID, message_id: UUID) -> None:
    """Writes a message's links; repeated, it changes nothing."""
    parameters = {
        "workspace_id": workspace_id,
        "message_id": message_id,
        "positions": [link.position for link in links],
        "locales": [link.locale for link in links],
        "urls": [link.url for link in links],
    }
    await tx.execute(INSERT_LINKS, parameters)


def _fenced(rows: Sequence[ClaimedRow]) -> dict[str, object]:
    return {
        "contact_ids": [row.contact_id for row in rows],
        "occurrences": [row.occurrence for row in rows],
        "fences": [row.fence for row in rows],
    }
