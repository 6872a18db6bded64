"""SQL of sessions and the refresh tokens they spent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_SESSION = sql("""
insert into identity.session (
    workspace_id, id, user_id, refresh_hash, generation, methods, authenticated_at, created_at, refreshed_at, expires_at, ends_at,
    ip, user_agent, device_id
)
values (
    %(workspace_id)s, %(id)s, %(user_id)s, %(refresh_hash)s, %(generation)s, %(methods)s, %(authenticated_at)s, %(now)s, %(now)s,
    %(expires_at)s, %(ends_at)s, %(ip)s, %(user_agent)s, %(device_id)s
)
""")

GET_SESSION_FOR_REFRESH = sql("""
select
    s.user_id, s.refresh_hash, s.methods, s.authenticated_at, s.refreshed_at, s.expires_at, s.ends_at, s.revoked_at,
    u.session_generation = s.generation and u.disabled_at is null as is_current
from identity.session as s
join identity.member as m on m.workspace_id = s.workspace_id and m.user_id = s.user_id
join identity.user_account as u on u.id = s.user_id
where s.workspace_id = %(workspace_id)s and s.id = %(id)s
for update of s
""")

SPEND_REFRESH = sql("""
insert into identity.spent_refresh (workspace_id, session_id, secret_hash, spent_at)
select workspace_id, id, refresh_hash, %(now)s from identity.session
where workspace_id = %(workspace_id)s and id = %(id)s
""")

ROTATE_REFRESH = sql("""
update identity.session
set refresh_hash = %(refresh_hash)s, refresh_count = refresh_count + 1, refreshed_at = %(now)s, expires_at = %(expires_at)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

IS_SPENT = sql("""
select 1 from identity.spent_refresh
where workspace_id = %(workspace_id)s and session_id = %(id)s and secret_hash = %(secret_hash)s
""")

REVOKE_SESSION = sql("""
update identity.session set revoked_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and user_id = %(user_id)s and revoked_at is null
""")

END_ALL = sql("""
update identity.user_account set session_generation = session_generation + 1 where id = %(user_id)s
""")

KEEP_SESSION = sql("""
update identity.session as s set generation = u.session_generation
from identity.user_account as u
where s.workspace_id = %(workspace_id)s and s.id = %(id)s and s.user_id = %(user_id)s and u.id = s.user_id
""")

# In the system context: a person's sessions are seen together, whichever workspaces they are in.
LIST_SESSIONS = sql("""
select s.id, s.workspace_id, s.methods, s.ip, s.user_agent, s.created_at, s.refreshed_at, s.expires_at, s.generation
from identity.session as s
where s.user_id = %(user_id)s and s.revoked_at is null and s.expires_at > %(now)s
order by s.refreshed_at desc, s.id
limit %(limit)s
""")

FIND_WORKSPACE_OF_SESSION = sql("""
select workspace_id from identity.session where id = %(id)s and user_id = %(user_id)s
""")


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session as it begins; `ends_at` is its end even if it is refreshed every day."""

    workspace_id: UUID
    id: UUID
    user_id: UUID
    refresh_hash: bytes
    generation: int
    methods: list[str]
    authenticated_at: datetime
    now: datetime
    expires_at: datetime
    ends_at: datetime
    ip: str | None
    user_agent: str | None
    device_id: UUID | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a refresh sees it."""

    user_id: UUID
    refresh_hash: bytes
    methods: list[str]
    authenticated_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    ends_at: datetime
    revoked_at: datetime | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class ListedSessionRow:
    """A living session as its owner sees it."""

    id: UUID
    workspace_id: UUID
    methods: list[str]
    ip: str | None
    user_agent: str | None
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    generation: int


async def insert_session(tx: Transaction, session: NewSession) -> None:
    """A new session."""
    await tx.execute(INSERT_SESSION, {name: getattr(session, name) for name in NewSession.__slots__})


async def find_session_for_refresh(tx: Transaction, *, workspace_id: UUID, session_id: UUID) -> SessionRow | None:
    """A session, locked for the rotation of its refresh token."""
    return await tx.find_one(SessionRow, GET_SESSION_FOR_REFRESH, {"workspace_id": workspace_id, "id": session_id})


async def rotate_refresh(
    tx: Transaction, *, workspace_id: UUID, session_id: UUID, refresh_hash: bytes, now: datetime, expires_at: datetime
) -> None:
    """Replaces the refresh token's digest; the one before is remembered as spent."""
    place = {"workspace_id": workspace_id, "id": session_id, "now": now}
    await tx.execute(SPEND_REFRESH, place)
    await tx.execute(ROTATE_REFRESH, {**place, "expires_at": expires_at, "refresh_hash": refresh_hash})


async def is_spent(tx: Transaction, *, workspace_id: UUID, session_id: UUID, secret_hash: bytes) -> bool:
    """Whether this was once the session's refresh token."""
    return bool(await tx.fetch_tuples(IS_SPENT, {"workspace_id": workspace_id, "id": session_id, "secret_hash": secret_hash}))


async def revoke_session(tx: Transaction, *, workspace_id: UUID, session_id: UUID, user_id: UUID, now: datetime) -> bool:
    """Ends a session for good; False where there is none that lives."""
    place = {"workspace_id": workspace_id, "id": session_id, "user_id": user_id, "now": now}
    return await tx.execute(REVOKE_SESSION, place) == 1


async def end_all(tx: Transaction, *, user_id: UUID, kept: tuple[UUID, UUID] | None) -> None:
    """Ends all sessions of a person, in all workspaces at once, but for the one kept (workspace and id)."""
    await tx.execute(END_ALL, {"user_id": user_id})
    if kept is not None:
        await tx.execute(KEEP_SESSION, {"workspace_id": kept[0], "id": kept[1], "user_id": user_id})


async def list_sessions(tx: Transaction, *, user_id: UUID, now: datetime, limit: int) -> list[ListedSessionRow]:
    """Sessions of a person that are neither revoked nor expired; the transaction is the system's."""
    return await tx.fetch_all(ListedSessionRow, LIST_SESSIONS, {"user_id": user_id, "now": now, "limit": limit})


async def find_workspace_of_session(tx: Transaction, *, session_id: UUID, user_id: UUID) -> UUID | None:
    """Which workspace a person's session is in; the transaction is the system's."""
    rows = await tx.fetch_tuples(FIND_WORKSPACE_OF_SESSION, {"id": session_id, "user_id": user_id})
    return UUID(str(rows[0][0])) if rows else None
