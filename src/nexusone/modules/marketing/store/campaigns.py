"""SQL of campaigns: drafts, and the states that a campaign goes through."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.identity.api import Asker
from nexusone.modules.marketing.store.sharing import VISIBLE
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_COLUMNS = fragment("""
id, name, template_id, template_version, segment_id, from_name, from_email, status, message_id, version,
credits_per_email_micros, snapshot_parts, snapshot_parts_done, snapshot_at, hold_key, recipients, counts,
credits_settled_micros, failure_reason, last_error, created_at, updated_at, started_at, paused_at, finished_at, closed_at, is_test
""")

INSERT_CAMPAIGN = sql("""
insert into marketing.campaign
    (workspace_id, id, name, template_id, segment_id, from_name, from_email, status, message_id, created_at, updated_at)
values
    (%(workspace_id)s, %(id)s, %(name)s, %(template_id)s, %(segment_id)s, %(from_name)s, %(from_email)s, 'draft',
    %(message_id)s, %(now)s, %(now)s)
""")

FIND_CAMPAIGN = fragment("""
select {columns} from marketing.campaign where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=_COLUMNS)

LOCK_CAMPAIGN = fragment("""
select {columns} from marketing.campaign where workspace_id = %(workspace_id)s and id = %(id)s for no key update
""").fill(columns=_COLUMNS)

LIST_CAMPAIGNS = fragment("""
select {columns} from marketing.campaign
where workspace_id = %(workspace_id)s and (%(after)s::uuid is null or id < %(after)s) and {visible}
order by id desc
limit %(limit)s
""").fill(columns=_COLUMNS, visible=VISIBLE)

UPDATE_DRAFT = sql("""
update marketing.campaign
set name = %(name)s, template_id = %(template_id)s, segment_id = %(segment_id)s, from_name = %(from_name)s,
    from_email = %(from_email)s, version = version + 1, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'draft'
""")

DELETE_DRAFT = sql("""
delete from marketing.campaign where workspace_id = %(workspace_id)s and id = %(id)s and status = 'draft'
""")

PREPARE_CAMPAIGN = sql("""
update marketing.campaign
set status = 'preparing', template_version = %(template_version)s, credits_per_email_micros = %(credits_per_email_micros)s,
    hold_key = %(hold_key)s, snapshot_parts = %(snapshot_parts)s, is_test = %(is_test)s, version = version + 1,
    started_at = %(now)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'draft'
""")

SET_STATUS = sql("""
update marketing.campaign
set status = %(status)s, version = version + 1, updated_at = %(now)s,
    paused_at = case when %(status)s = 'paused' then %(now)s::timestamptz else paused_at end,
    finished_at = case when %(status)s in ('sent', 'cancelled', 'failed') then %(now)s::timestamptz else finished_at end,
    failure_reason = coalesce(%(reason)s, failure_reason)
where workspace_id = %(workspace_id)s and id = %(id)s and status = any(%(from)s::text[])
""")

MARK_PART = sql("""
update marketing.campaign
set snapshot_parts_done = %(done)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'preparing' and snapshot_parts_done = %(done)s - 1
""")

MARK_SNAPSHOT = sql("""
update marketing.campaign
set snapshot_at = %(now)s, updated_at = %(now)s, recipients = (
    select count(*) from marketing.delivery as d
    where d.workspace_id = %(workspace_id)s and d.message_id = %(message_id)s and d.state <> 'skipped'
)
where workspace_id = %(workspace_id)s and id = %(id)s and snapshot_at is null
returning recipients
""")

SET_ERROR = sql("""
update marketing.campaign
set last_error = %(error)s, last_error_at = %(now)s, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and last_error is distinct from %(error)s
""")

CLOSE_CAMPAIGN = sql("""
update marketing.campaign
set status = case when status in ('sending', 'paused') then 'sent' else status end,
    counts = %(counts)s, credits_settled_micros = %(settled)s, last_error = null, closed_at = %(now)s, version = version + 1,
    finished_at = coalesce(finished_at, %(now)s), updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and closed_at is null
    and status in ('sending', 'paused', 'cancelled', 'failed')
returning status
""")

# In the system context: what a worker that died, or a job that was given up on, may have left behind.
LIST_UNFINISHED = sql("""
select workspace_id, id, status
from marketing.campaign
where status in ('preparing', 'sending') or (status in ('cancelled', 'failed') and closed_at is null)
limit 10000
""")


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One campaign."""

    id: UUID
    name: str
    template_id: UUID
    template_version: int | None
    segment_id: UUID
    from_name: str
    from_email: str
    status: str
    message_id: UUID
    version: int
    credits_per_email_micros: int | None
    snapshot_parts: int | None
    snapshot_parts_done: int
    snapshot_at: datetime | None
    hold_key: str | None
    recipients: int | None
    counts: dict[str, dict[str, int]] | None
    credits_settled_micros: int | None
    failure_reason: str | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    paused_at: datetime | None
    finished_at: datetime | None
    closed_at: datetime | None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Fixed:
    """What is fixed when a campaign is sent; `is_test`: with a test key, so that it only reaches simulators."""

    template_version: int
    credits_per_email_micros: int
    hold_key: str
    snapshot_parts: int
    is_test: bool


@dataclass(frozen=True, slots=True)
class UnfinishedRow:
    """A campaign somebody should be working on."""

    workspace_id: UUID
    id: UUID
    status: str


async def insert_campaign(tx: Transaction, row: CampaignRow, *, workspace_id: UUID) -> None:
    """A new draft."""
    await tx.execute(INSERT_CAMPAIGN, {**_draft(row), "workspace_id": workspace_id, "message_id": row.message_id, "now": row.created_at})


async def find_campaign(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID) -> CampaignRow | None:
    """A campaign by id."""
    return await tx.find_one(CampaignRow, FIND_CAMPAIGN, {"workspace_id": workspace_id, "id": campaign_id})


async def find_campaign_for_update(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID) -> CampaignRow | None:
    """The same, locked until the transaction ends."""
    return await tx.find_one(CampaignRow, LOCK_CAMPAIGN, {"workspace_id": workspace_id, "id": campaign_id})


async def list_campaigns(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int, asker: Asker) -> list[CampaignRow]:
    """Campaigns that the asker may see, newest first."""
    parameters = {"workspace_id": workspace_id, "after": after, "limit": limit, **asker.parameters}
    return await tx.fetch_all(CampaignRow, LIST_CAMPAIGNS, parameters)


async def update_draft(tx: Transaction, row: CampaignRow, *, workspace_id: UUID, now: datetime) -> bool:
    """Changes a draft; False where it is none."""
    return await tx.execute(UPDATE_DRAFT, {**_draft(row), "workspace_id": workspace_id, "now": now}) == 1


async def delete_draft(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID) -> bool:
    """Deletes a draft; False where it is none."""
    return await tx.execute(DELETE_DRAFT, {"workspace_id": workspace_id, "id": campaign_id}) == 1


async def prepare(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID, fixed: Fixed, now: datetime) -> bool:
    """Fixes what a draft sends and at which price; False where it is no draft."""
    return await tx.execute(PREPARE_CAMPAIGN, {"workspace_id": workspace_id, "id": campaign_id, **asdict(fixed), "now": now}) == 1


async def move(
    tx: Transaction,
    *,
    workspace_id: UUID,
    campaign_id: UUID,
    status: str,
    before: tuple[str, ...],
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Goes to a status from one of those `before`; False where the campaign is in another."""
    parameters = {"workspace_id": workspace_id, "id": campaign_id, "status": status, "from": list(before), "now": now, "reason": reason}
    return await tx.execute(SET_STATUS, parameters) == 1


async def mark_part(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID, done: int, now: datetime) -> bool:
    """Counts a written part of the snapshot; False where it was counted before or the campaign is prepared no more."""
    return await tx.execute(MARK_PART, {"workspace_id": workspace_id, "id": campaign_id, "done": done, "now": now}) == 1


async def mark_snapshot(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID, message_id: UUID, now: datetime) -> int | None:
    """Closes the snapshot and says how many get the mail; None where it was closed before."""
    return await tx.find_value(int, MARK_SNAPSHOT, {"workspace_id": workspace_id, "id": campaign_id, "message_id": message_id, "now": now})


async def set_error(tx: Transaction, *, workspace_id: UUID, campaign_id: UUID, error: str | None, now: datetime) -> None:
    """Says why mails wait; None: they do not."""
    await tx.execute(SET_ERROR, {"workspace_id": workspace_id, "id": campaign_id, "error": error, "now": now})


async def close(
    tx: Transaction, *, workspace_id: UUID, campaign_id: UUID, counts: Mapping[str, Mapping[str, int]], settled: int, now: datetime
) -> str | None:
    """Writes the final counts; the campaign's final status, or None where it was closed before."""
    parameters = {"workspace_id": workspace_id, "id": campaign_id, "counts": Jsonb(counts), "settled": settled, "now": now}
    return await tx.find_value(str, CLOSE_CAMPAIGN, parameters)


async def list_unfinished(tx: Transaction) -> list[UnfinishedRow]:
    """Campaigns of all workspaces that somebody should be working on; the transaction is the system's."""
    return await tx.fetch_all(UnfinishedRow, LIST_UNFINISHED, {})


def _draft(row: CampaignRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "template_id": row.template_id,
        "segment_id": row.segment_id,
        "from_name": row.from_name,
        "from_email": row.from_email,
    }
