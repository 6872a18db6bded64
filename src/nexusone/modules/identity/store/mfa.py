"""SQL of what a workspace demands, and of attempts to sign in that wait for their second factor."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

FIND_POLICY = sql("""
select demanded_of, roles from identity.mfa_policy where workspace_id = %(workspace_id)s
""")

PUT_POLICY = sql("""
insert into identity.mfa_policy (workspace_id, demanded_of, roles, updated_at)
values (%(workspace_id)s, %(demanded_of)s, %(roles)s, %(now)s)
on conflict (workspace_id) do update
set demanded_of = excluded.demanded_of, roles = excluded.roles, updated_at = excluded.updated_at
""")

# Of a member `m`, by the policy `p` of the workspace.
DEMANDS_MFA = fragment(
    "p.demanded_of = 'everyone' or (p.demanded_of = 'roles' and (m.role = any(p.roles) or m.custom_role_id::text = any(p.roles)))"
)

IS_DEMANDED = fragment("""
select {demands_mfa}
from identity.mfa_policy as p
join identity.member as m on m.workspace_id = p.workspace_id and m.user_id = %(user_id)s
where p.workspace_id = %(workspace_id)s
""").fill(demands_mfa=DEMANDS_MFA)

INSERT_ATTEMPT = sql("""
insert into identity.mfa_attempt (
    workspace_id, id, user_id, secret_hash, methods, session_id, challenge, created_at, expires_at
)
values (
    %(workspace_id)s, %(id)s, %(user_id)s, %(secret_hash)s, %(methods)s, %(session_id)s, %(challenge)s, %(now)s, %(expires_at)s
)
""")

FORGET_ATTEMPTS = sql("""
delete from identity.mfa_attempt
where workspace_id = %(workspace_id)s and user_id = %(user_id)s and expires_at < %(now)s
""")

FIND_ATTEMPT = sql("""
select user_id, methods, session_id, challenge
from identity.mfa_attempt
where workspace_id = %(workspace_id)s and id = %(id)s and secret_hash = %(secret_hash)s
    and used_at is null and expires_at > %(now)s and tries < %(tries_max)s
""")

# Whoever comes second waits for the row and then sees what the first one left of it.
TAKE_TRY = sql("""
update identity.mfa_attempt set tries = tries + 1
where workspace_id = %(workspace_id)s and id = %(id)s and secret_hash = %(secret_hash)s
    and used_at is null and expires_at > %(now)s and tries < %(tries_max)s
returning user_id, methods, session_id, challenge
""")

USE_ATTEMPT = sql("""
update identity.mfa_attempt set used_at = %(now)s where workspace_id = %(workspace_id)s and id = %(id)s
""")


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """Of whom a workspace demands a second factor: nobody, roles, everyone."""

    demanded_of: str
    roles: list[str]


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An attempt as it begins: what was proved so far, and which session it is to replace (None: a new one is opened)."""

    workspace_id: UUID
    id: UUID
    user_id: UUID
    secret_hash: bytes
    methods: list[str]
    session_id: UUID | None
    challenge: bytes | None
    now: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt that has tries left."""

    user_id: UUID
    methods: list[str]
    session_id: UUID | None
    challenge: bytes | None


@dataclass(frozen=True, slots=True)
class AttemptPlace:
    """Which attempt, shown with which secret, when, and how many tries it has."""

    workspace_id: UUID
    id: UUID
    secret_hash: bytes
    now: datetime
    tries_max: int


async def find_policy(tx: Transaction, *, workspace_id: UUID) -> PolicyRow | None:
    """What the workspace demands, if it ever said."""
    return await tx.find_one(PolicyRow, FIND_POLICY, {"workspace_id": workspace_id})


async def put_policy(tx: Transaction, *, workspace_id: UUID, demanded_of: str, roles: list[str], now: datetime) -> None:
    """What the workspace demands from now on."""
    await tx.execute(PUT_POLICY, {"workspace_id": workspace_id, "demanded_of": demanded_of, "roles": roles, "now": now})


async def is_demanded(tx: Transaction, *, workspace_id: UUID, user_id: UUID) -> bool:
    """Whether the workspace demands a second factor of a member."""
    return bool(await tx.find_value(bool, IS_DEMANDED, {"workspace_id": workspace_id, "user_id": user_id}))


async def insert_attempt(tx: Transaction, attempt: NewAttempt) -> None:
    """A new attempt; the member's expired ones go."""
    await tx.execute(FORGET_ATTEMPTS, {"workspace_id": attempt.workspace_id, "user_id": attempt.user_id, "now": attempt.now})
    await tx.execute(INSERT_ATTEMPT, {name: getattr(attempt, name) for name in NewAttempt.__slots__})


async def find_attempt(tx: Transaction, place: AttemptPlace) -> AttemptRow | None:
    """A living attempt, if its secret is the right one."""
    return await tx.find_one(AttemptRow, FIND_ATTEMPT, _parameters(place))


async def take_try(tx: Transaction, place: AttemptPlace) -> AttemptRow | None:
    """Takes one try and holds the attempt until the transaction ends; None where it is over."""
    return await tx.find_one(AttemptRow, TAKE_TRY, _parameters(place))


async def use_attempt(tx: Transaction, place: AttemptPlace) -> None:
    """Ends an attempt that led to a session."""
    await tx.execute(USE_ATTEMPT, _parameters(place))


def _parameters(place: AttemptPlace) -> dict[str, object]:
    return {name: getattr(place, name) for name in AttemptPlace.__slots__}
