"""SQL of sessions and API keys, and the one statement that admits a request."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.limits import TAKE_ONE, Limit, take_one_parameters
from nexusone.platform.runtime import Context
from nexusone.platform.sql import Sql, fragment, sql

INSERT_SESSION = sql("""
insert into identity.session (workspace_id, id, user_id, refresh_hash, created_at, refreshed_at, expires_at)
values (%(workspace_id)s, %(id)s, %(user_id)s, %(refresh_hash)s, %(now)s, %(now)s, %(expires_at)s)
""")

GET_SESSION_FOR_REFRESH = sql("""
select s.user_id, s.refresh_hash, s.expires_at, s.revoked_at, m.role
from identity.session as s
join identity.member as m on m.workspace_id = s.workspace_id and m.user_id = s.user_id
where s.workspace_id = %(workspace_id)s and s.id = %(id)s
for update of s
""")

ROTATE_REFRESH = sql("""
update identity.session
set refresh_hash = %(refresh_hash)s, refresh_count = refresh_count + 1, refreshed_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

REVOKE_SESSION = sql("""
update identity.session set revoked_at = coalesce(revoked_at, %(now)s)
where workspace_id = %(workspace_id)s and id = %(id)s
""")

INSERT_API_KEY = sql("""
insert into identity.api_key (workspace_id, id, name, secret_hash, permissions, created_by, created_at, expires_at)
values (%(workspace_id)s, %(id)s, %(name)s, %(secret_hash)s, %(permissions)s, %(created_by)s, %(now)s, %(expires_at)s)
""")

LIST_API_KEYS = sql("""
select id, name, permissions, created_at, expires_at, revoked_at
from identity.api_key
where workspace_id = %(workspace_id)s and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""")

REVOKE_API_KEY = sql("""
update identity.api_key set revoked_at = coalesce(revoked_at, %(now)s)
where workspace_id = %(workspace_id)s and id = %(id)s
returning id
""")

ADMIT_SESSION = fragment("""
with taken as ({take})
select
    s.user_id as principal_id, m.role, null::text[] as permissions, null::bytea as secret_hash,
    w.default_locale, w.timezone, u.locale,
    least(s.expires_at, coalesce(s.revoked_at, s.expires_at)) as valid_until,
    taken.taken, taken.resets_in_seconds
from taken
join identity.session as s on s.workspace_id = %(workspace_id)s and s.id = %(id)s
join identity.member as m on m.workspace_id = s.workspace_id and m.user_id = s.user_id
join identity.workspace as w on w.workspace_id = s.workspace_id
join identity.user_account as u on u.id = s.user_id
""").fill(take=TAKE_ONE)

ADMIT_API_KEY = fragment("""
with taken as ({take})
select
    k.id as principal_id, null::text as role, k.permissions, k.secret_hash,
    w.default_locale, w.timezone, w.default_locale as locale,
    least(k.expires_at, k.revoked_at) as valid_until,
    taken.taken, taken.resets_in_seconds
from taken
join identity.api_key as k on k.workspace_id = %(workspace_id)s and k.id = %(id)s
join identity.workspace as w on w.workspace_id = k.workspace_id
""").fill(take=TAKE_ONE)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a refresh sees it."""

    user_id: UUID
    refresh_hash: bytes
    expires_at: datetime
    revoked_at: datetime | None
    role: str


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """A key without its secret."""

    id: UUID
    name: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdmittedRow:
    """A credential's row with the counters that were taken along; `valid_until` null: for ever."""

    principal_id: UUID
    role: str | None
    permissions: list[str] | None
    secret_hash: bytes | None
    default_locale: str
    timezone: str
    locale: str
    valid_until: datetime | None
    taken: int
    resets_in_seconds: int


async def insert_session(
    tx: Transaction, *, workspace_id: UUID, session_id: UUID, user_id: UUID, refresh_hash: bytes, now: datetime, expires_at: datetime
) -> None:
    """A new session."""
    await tx.execute(
        INSERT_SESSION,
        {
            "workspace_id": workspace_id,
            "id": session_id,
            "user_id": user_id,
            "refresh_hash": refresh_hash,
            "now": now,
            "expires_at": expires_at,
        },
    )


async def find_session_for_refresh(tx: Transaction, *, workspace_id: UUID, session_id: UUID) -> SessionRow | None:
    """A session, locked for the rotation of its refresh token."""
    return await tx.find_one(SessionRow, GET_SESSION_FOR_REFRESH, {"workspace_id": workspace_id, "id": session_id})


async def rotate_refresh(tx: Transaction, *, workspace_id: UUID, session_id: UUID, refresh_hash: bytes, now: datetime) -> None:
    """Replaces the refresh token's digest; the session ends when it would have ended before."""
    await tx.execute(ROTATE_REFRESH, {"workspace_id": workspace_id, "id": session_id, "now": now, "refresh_hash": refresh_hash})


async def revoke_session(tx: Transaction, *, workspace_id: UUID, session_id: UUID, now: datetime) -> None:
    """Ends a session for good."""
    await tx.execute(REVOKE_SESSION, {"workspace_id": workspace_id, "id": session_id, "now": now})


async def insert_api_key(tx: Transaction, key: ApiKeyRow, *, workspace_id: UUID, secret_hash: bytes, created_by: UUID | None) -> None:
    """A new key."""
    await tx.execute(
        INSERT_API_KEY,
        {
            "workspace_id": workspace_id,
            "id": key.id,
            "name": key.name,
            "secret_hash": secret_hash,
            "permissions": key.permissions,
            "created_by": created_by,
            "now": key.created_at,
            "expires_at": key.expires_at,
        },
    )


async def list_api_keys(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[ApiKeyRow]:
    """Keys, newest first."""
    return await tx.fetch_all(ApiKeyRow, LIST_API_KEYS, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def revoke_api_key(tx: Transaction, *, workspace_id: UUID, key_id: UUID, now: datetime) -> bool:
    """Ends a key for good; False where there is none."""
    return await tx.execute(REVOKE_API_KEY, {"workspace_id": workspace_id, "id": key_id, "now": now}) == 1


async def find_session(ctx: Context, *, session_id: UUID, limit: Limit) -> AdmittedRow | None:
    """The session's row, and the limit taken, in one statement and one round trip."""
    return await _find(ctx, ADMIT_SESSION, session_id, limit)


async def find_api_key(ctx: Context, *, key_id: UUID, limit: Limit) -> AdmittedRow | None:
    """The key's row, and the limit taken, in one statement and one round trip."""
    return await _find(ctx, ADMIT_API_KEY, key_id, limit)


async def _find(ctx: Context, statement: Sql, identifier: UUID, limit: Limit) -> AdmittedRow | None:
    parameters = {"workspace_id": ctx.workspace, "id": identifier, **take_one_parameters(limit)}
    rows = await ctx.fetch_in_one_trip("identity", AdmittedRow, statement, parameters)
    return rows[0] if rows else None
