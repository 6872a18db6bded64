"""Reading the trail: pages of entries, and the links of the chain with the text that their hashes cover."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import Sql, fragment

# The same text as platform.audit_text, built here so that verifying does not believe the database's own functions.
TEXT: Sql = fragment("""
jsonb_build_array(
    entry.workspace_id, entry.id, (extract(epoch from entry.occurred_at) * 1000000)::bigint, entry.actor_kind, entry.actor_id,
    entry.impersonator_id, entry.ip, entry.request_id, entry.action, entry.object_kind, entry.object_id, entry.changes, entry.result
)::text
""")

LIST_LINKS = fragment("""
select seal.position, seal.entry_id, seal.entry_hash, seal.chain_hash, case when entry.id is not null then {text} end as text
from platform.audit_seal as seal
left join platform.audit_entry as entry on entry.workspace_id = seal.workspace_id and entry.id = seal.entry_id
where seal.workspace_id = %(workspace_id)s and seal.position > %(after)s::bigint
order by seal.position
limit %(limit)s::bigint
""").fill(text=TEXT)

ENTRIES: Sql = fragment("""
select entry.id, entry.occurred_at, entry.actor_kind, entry.actor_id, entry.impersonator_id, entry.ip, entry.request_id,
    entry.action, entry.object_kind, entry.object_id, entry.changes, entry.result, seal.position
from platform.audit_entry as entry
left join platform.audit_seal as seal on seal.workspace_id = entry.workspace_id and seal.entry_id = entry.id
where entry.workspace_id = %(workspace_id)s
    and (%(actor_id)s::uuid is null or entry.actor_id = %(actor_id)s or entry.impersonator_id = %(actor_id)s)
    and (%(action)s::text is null or entry.action = %(action)s or starts_with(entry.action, %(action)s || '.'))
    and (%(object_kind)s::text is null or entry.object_kind = %(object_kind)s)
    and (%(object_id)s::text is null or entry.object_id = %(object_id)s)
    and entry.occurred_at >= coalesce(%(since)s::timestamptz, '-infinity')
    and entry.occurred_at < coalesce(%(until)s::timestamptz, 'infinity')
""")

LIST_ENTRIES = fragment("""
{entries}
    and (%(after_time)s::timestamptz is null or (entry.occurred_at, entry.id) < (%(after_time)s, %(after_id)s::uuid))
order by entry.occurred_at desc, entry.id desc
limit %(limit)s
""").fill(entries=ENTRIES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: each given field narrows. `action` also matches what it is a prefix of (`billing` finds `billing.hold.made`)."""

    actor_id: UUID | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the trail; `position` is its place in the chain, None until it is sealed."""

    id: UUID
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID | None
    impersonator_id: UUID | None
    ip: str | None
    request_id: str
    action: str
    object_kind: str
    object_id: str
    changes: dict[str, Any]
    result: str
    position: int | None


async def list_entries(tx: Transaction, *, wanted: Wanted, limit: int, after: tuple[datetime, UUID] | None) -> list[Entry]:
    """The workspace's entries, newest first, after the time and id of the last one seen. Runs as platform."""
    time, identifier = after or (None, None)
    return await tx.fetch_all(Entry, LIST_ENTRIES, {**_parameters(tx, wanted), "limit": limit, "after_time": time, "after_id": identifier})


def _parameters(tx: Transaction, wanted: Wanted) -> dict[str, object]:
    return {"workspace_id": tx.origin.workspace_id, **asdict(wanted)}
