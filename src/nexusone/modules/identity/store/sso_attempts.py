"""SQL of sign-ins through a provider that are under way: started, come back, proved, finished; each step once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_ATTEMPT = sql("""
insert into identity.sso_attempt (
    workspace_id, id, connection_id, state_hash, binding_hash, nonce_hash, sealed_verifier, return_to, started_at, expires_at,
    renewed_user_id, renewed_session_id
)
values (
    %(workspace_id)s, %(id)s, %(connection_id)s, %(state_hash)s, %(binding_hash)s, %(nonce_hash)s, %(sealed_verifier)s, %(return_to)s,
    %(started_at)s, %(expires_at)s, %(renewed_user_id)s, %(renewed_session_id)s
)
""")

# The one statement that spends a state: whoever comes second finds nothing.
RETURN_ATTEMPT = sql("""
update identity.sso_attempt set returned_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and connection_id = %(connection_id)s
  and state_hash = %(state_hash)s and binding_hash = %(binding_hash)s and returned_at is null and expires_at > %(now)s
returning id, connection_id, nonce_hash, sealed_verifier, return_to, started_at, renewed_user_id
""")

PROVE_ATTEMPT = sql("""
update identity.sso_attempt
set user_id = %(user_id)s, methods = %(methods)s, authenticated_at = %(authenticated_at)s, proved_at = %(now)s, expires_at = %(expires_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and returned_at is not null and proved_at is null
""")

FINISH_ATTEMPT = sql("""
update identity.sso_attempt as a set finished_at = %(now)s
from identity.sso_connection as c
where a.workspace_id = %(workspace_id)s and a.id = %(id)s and a.binding_hash = %(binding_hash)s
  and a.proved_at is not null and a.finished_at is null and a.expires_at > %(now)s
  and c.workspace_id = a.workspace_id and c.id = a.connection_id and c.is_enabled
returning a.user_id, a.methods, a.authenticated_at, a.renewed_session_id
""")

FORGET_ATTEMPTS = sql("""
delete from identity.sso_attempt where workspace_id = %(workspace_id)s and expires_at < %(before)s
""")


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """A sign-in as it starts; what it must be recognised by is hashed, the PKCE verifier sealed."""

    workspace_id: UUID
    id: UUID
    connection_id: UUID
    state_hash: bytes
    binding_hash: bytes
    nonce_hash: bytes
    sealed_verifier: bytes
    return_to: str | None
    started_at: datetime
    expires_at: datetime
    renewed_user_id: UUID | None
    renewed_session_id: UUID | None


@dataclass(frozen=True, slots=True)
class ReturnedRow:
    """A sign-in whose browser has come back; `renewed_user_id` is who alone may come, where somebody proves themselves anew."""

    id: UUID
    connection_id: UUID
    nonce_hash: bytes
    sealed_verifier: bytes
    return_to: str | None
    started_at: datetime
    renewed_user_id: UUID | None


@dataclass(frozen=True, slots=True)
class FinishedRow:
    """Who has signed in, how and when they proved it, and in the place of which session."""

    user_id: UUID
    methods: list[str]
    authenticated_at: datetime | None
    renewed_session_id: UUID | None


@dataclass(frozen=True, slots=True)
class ProvedAttempt:
    """Who somebody turned out to be, until when they may fetch their session."""

    id: UUID
    user_id: UUID
    methods: list[str]
    authenticated_at: datetime
    now: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnPlace:
    """What a browser brings back: the attempt's id, the connection whose door it came to, the digests of state and binding."""

    id: UUID
    connection_id: UUID
    state_hash: bytes
    binding_hash: bytes


async def insert_attempt(tx: Transaction, attempt: NewAttempt) -> None:
    """A sign-in starts."""
    await tx.execute(INSERT_ATTEMPT, {name: getattr(attempt, name) for name in NewAttempt.__slots__})


async def return_attempt(tx: Transaction, place: ReturnPlace, *, workspace_id: UUID, now: datetime) -> ReturnedRow | None:
    """Spends the state; None where it was spent, is too old, is another connection's, or another browser's."""
    values = {name: getattr(place, name) for name in ReturnPlace.__slots__}
    return await tx.find_one(ReturnedRow, RETURN_ATTEMPT, {"workspace_id": workspace_id, "now": now, **values})


async def prove_attempt(tx: Transaction, proved: ProvedAttempt, *, workspace_id: UUID) -> None:
    """Notes who somebody turned out to be."""
    values = {name: getattr(proved, name) for name in ProvedAttempt.__slots__}
    await tx.execute(PROVE_ATTEMPT, {"workspace_id": workspace_id, **values})


async def finish_attempt(
    tx: Transaction, *, workspace_id: UUID, attempt_id: UUID, binding_hash: bytes, now: datetime
) -> FinishedRow | None:
    """Ends a proved sign-in, once."""
    values = {"workspace_id": workspace_id, "id": attempt_id, "binding_hash": binding_hash, "now": now}
    return await tx.find_one(FinishedRow, FINISH_ATTEMPT, values)


async def forget_attempts(tx: Transaction, *, workspace_id: UUID, before: datetime) -> None:
    """Deletes the workspace's sign-ins that were over by then."""
    await tx.execute(FORGET_ATTEMPTS, {"workspace_id": workspace_id, "before": before})
