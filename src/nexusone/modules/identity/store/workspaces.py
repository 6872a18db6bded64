"""SQL of workspaces: their settings, suspension, deletion, and agencies."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_COLUMNS = fragment("""
workspace_id as id, name, default_locale, timezone, created_at, version, agency_id, suspended_at, delete_at, exported_at
""")

FIND_WORKSPACE = fragment("""
select {columns} from identity.workspace where workspace_id = %(workspace_id)s
""").fill(columns=_COLUMNS)

LOCK_WORKSPACE = fragment("""
select {columns} from identity.workspace where workspace_id = %(workspace_id)s for update
""").fill(columns=_COLUMNS)

UPDATE_WORKSPACE = sql("""
update identity.workspace
set name = %(name)s, default_locale = %(default_locale)s, timezone = %(timezone)s, suspended_at = %(suspended_at)s,
    delete_at = %(delete_at)s, exported_at = %(exported_at)s, version = version + 1
where workspace_id = %(workspace_id)s
""")

INSERT_AGENCY_WORKSPACE = sql("""
insert into identity.workspace (workspace_id, name, default_locale, timezone, agency_id, created_at)
values (%(workspace_id)s, %(name)s, %(default_locale)s, %(timezone)s, %(agency_id)s, %(now)s)
""")

# In the system context: whose deletion is due, in all workspaces.
LIST_DUE_DELETIONS = sql("""
select workspace_id from identity.workspace where delete_at <= %(now)s order by delete_at limit 100
""")

# In the system context: a person's workspaces, before any of them is entered.
LIST_OWN = sql("""
select w.workspace_id, w.name, m.role, m.custom_role_id, r.name as role_name, w.suspended_at, w.delete_at
from identity.member as m
join identity.workspace as w on w.workspace_id = m.workspace_id
left join identity.role as r on r.workspace_id = m.workspace_id and r.id = m.custom_role_id
where m.user_id = %(user_id)s
order by m.created_at, w.workspace_id
limit 1000
""")

# In the system context: which workspaces name this one as their agency.
LIST_OF_AGENCY = sql("""
select workspace_id from identity.workspace where agency_id = %(agency_id)s order by workspace_id limit 1000
""")

LIST_MEMBER_IDS = sql("""
select user_id from identity.member where workspace_id = %(workspace_id)s
""")

COUNT_OPEN_INVITATIONS = sql("""
select count(*) from identity.invitation
where workspace_id = %(workspace_id)s and accepted_at is null and withdrawn_at is null and expires_at > %(now)s
""")

COUNT_API_KEYS = sql("""
select count(*) from identity.api_key
where workspace_id = %(workspace_id)s and revoked_at is null and (expires_at is null or expires_at > %(now)s)
""")


@dataclass(frozen=True, slots=True)
class WorkspaceDetailsRow:
    """One workspace with all its settings."""

    id: UUID
    name: str
    default_locale: str
    timezone: str
    created_at: datetime
    version: int
    agency_id: UUID | None
    suspended_at: datetime | None
    delete_at: datetime | None
    exported_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnWorkspaceRow:
    """A workspace from a member's side."""

    workspace_id: UUID
    name: str
    role: str
    custom_role_id: UUID | None
    role_name: str | None
    suspended_at: datetime | None
    delete_at: datetime | None


async def find_workspace(tx: Transaction, *, workspace_id: UUID, is_locked: bool = False) -> WorkspaceDetailsRow | None:
    """A workspace, locked against other changes if `is_locked`."""
    statement = LOCK_WORKSPACE if is_locked else FIND_WORKSPACE
    return await tx.find_one(WorkspaceDetailsRow, statement, {"workspace_id": workspace_id})


async def update_workspace(tx: Transaction, row: WorkspaceDetailsRow) -> None:
    """Writes all that can change, and counts the version up."""
    await tx.execute(
        UPDATE_WORKSPACE,
        {
            "workspace_id": row.id,
            "name": row.name,
            "default_locale": row.default_locale,
            "timezone": row.timezone,
            "suspended_at": row.suspended_at,
            "delete_at": row.delete_at,
            "exported_at": row.exported_at,
        },
    )


async def insert_agency_workspace(
    tx: Transaction, *, workspace_id: UUID, agency_id: UUID, name: str, default_locale: str, timezone: str, now: datetime
) -> None:
    """A new workspace of an agency."""
    parameters = {"workspace_id": workspace_id, "agency_id": agency_id, "name": name, "now": now}
    await tx.execute(INSERT_AGENCY_WORKSPACE, {**parameters, "default_locale": default_locale, "timezone": timezone})


async def list_due_deletions(tx: Transaction, *, now: datetime) -> list[UUID]:
    """Workspaces whose grace is over; the transaction is the system's."""
    return [row[0] for row in await tx.fetch_tuples(LIST_DUE_DELETIONS, {"now": now})]


async def list_own(tx: Transaction, *, user_id: UUID) -> list[OwnWorkspaceRow]:
    """A person's workspaces, the oldest membership first; the transaction is the system's."""
    return await tx.fetch_all(OwnWorkspaceRow, LIST_OWN, {"user_id": user_id})


async def list_of_agency(tx: Transaction, *, agency_id: UUID) -> list[UUID]:
    """An agency's workspaces; the transaction is the system's."""
    return [row[0] for row in await tx.fetch_tuples(LIST_OF_AGENCY, {"agency_id": agency_id})]


async def list_member_ids(tx: Transaction, *, workspace_id: UUID) -> list[UUID]:
    """Who is in a workspace."""
    return [row[0] for row in await tx.fetch_tuples(LIST_MEMBER_IDS, {"workspace_id": workspace_id})]


async def count_open_invitations(tx: Transaction, *, workspace_id: UUID, now: datetime) -> int:
    """How many invitations can still be accepted."""
    return await tx.fetch_value(int, COUNT_OPEN_INVITATIONS, {"workspace_id": workspace_id, "now": now})


async def count_api_keys(tx: Transaction, *, workspace_id: UUID, now: datetime) -> int:
    """How many keys work."""
    return await tx.fetch_value(int, COUNT_API_KEYS, {"workspace_id": workspace_id, "now": now})
