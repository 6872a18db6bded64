"""SQL of workspaces, users and members."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_WORKSPACE = sql("""
insert into identity.workspace (workspace_id, name, default_locale, timezone, created_at)
values (%(workspace_id)s, %(name)s, %(default_locale)s, %(timezone)s, %(now)s)
""")

INSERT_USER = sql("""
insert into identity.user_account (id, email, name, password_hash, locale, created_at, email_verified_at)
values (%(id)s, %(email)s, %(name)s, %(password_hash)s, %(locale)s, %(now)s, %(email_verified_at)s)
on conflict (email) do nothing
""")

INSERT_MEMBER = sql("""
insert into identity.member (workspace_id, user_id, role, created_at)
values (%(workspace_id)s, %(user_id)s, %(role)s, %(now)s)
""")

FIND_USER_BY_EMAIL = sql("""
select id, email, name, password_hash, locale, created_at, email_verified_at, disabled_at, session_generation
from identity.user_account where email = %(email)s
""")

FIND_USER = sql("""
select id, email, name, password_hash, locale, created_at, email_verified_at, disabled_at, session_generation
from identity.user_account where id = %(id)s
""")

# Only where the password is still the one that was checked.
UPDATE_PASSWORD_HASH = sql("""
update identity.user_account set password_hash = %(password_hash)s where id = %(id)s and password_hash = %(was)s
""")

SET_PASSWORD = sql("""
update identity.user_account
set password_hash = %(password_hash)s, password_changed_at = %(now)s, email_verified_at = coalesce(email_verified_at, %(verified_at)s)
where id = %(id)s
""")

GET_WORKSPACE = sql("""
select workspace_id as id, name, default_locale, timezone, created_at
from identity.workspace where workspace_id = %(workspace_id)s
""")

# In the system context: a person's workspaces are found before any of them is entered.
LIST_MEMBERSHIPS = sql("""
select workspace_id, role from identity.member where user_id = %(user_id)s order by created_at, workspace_id limit 1000
""")


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user, with the hash that never leaves the module (None: signs in elsewhere). Raising the generation ends all sessions."""

    id: UUID
    email: str
    name: str
    password_hash: str | None
    locale: str
    created_at: datetime
    email_verified_at: datetime | None = None
    disabled_at: datetime | None = None
    session_generation: int = 0


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """One workspace."""

    id: UUID
    name: str
    default_locale: str
    timezone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """One workspace a user belongs to."""

    workspace_id: UUID
    role: str


async def insert_workspace(tx: Transaction, *, workspace_id: UUID, name: str, default_locale: str, timezone: str, now: datetime) -> None:
    """A new workspace."""
    await tx.execute(
        INSERT_WORKSPACE,
        {"workspace_id": workspace_id, "name": name, "default_locale": default_locale, "timezone": timezone, "now": now},
    )


async def insert_user(tx: Transaction, user: UserRow) -> bool:
    """A new user; False where the e-mail address is taken."""
    parameters = {"id": user.id, "email": user.email, "name": user.name, "locale": user.locale, "now": user.created_at}
    parameters |= {"password_hash": user.password_hash, "email_verified_at": user.email_verified_at}
    return await tx.execute(INSERT_USER, parameters) == 1


async def insert_member(tx: Transaction, *, workspace_id: UUID, user_id: UUID, role: str, now: datetime) -> None:
    """Makes a user a member."""
    await tx.execute(INSERT_MEMBER, {"workspace_id": workspace_id, "user_id": user_id, "role": role, "now": now})


async def find_user_by_email(tx: Transaction, *, email: str) -> UserRow | None:
    """The user of a normalised e-mail address."""
    return await tx.find_one(UserRow, FIND_USER_BY_EMAIL, {"email": email})


async def find_user(tx: Transaction, *, user_id: UUID) -> UserRow | None:
    """A user by id."""
    return await tx.find_one(UserRow, FIND_USER, {"id": user_id})


async def update_password_hash(tx: Transaction, *, user_id: UUID, password_hash: str, was: str) -> None:
    """Stores a hash of the same password made with newer parameters."""
    await tx.execute(UPDATE_PASSWORD_HASH, {"id": user_id, "password_hash": password_hash, "was": was})


async def set_password(tx: Transaction, *, user_id: UUID, password_hash: str, now: datetime, verified_at: datetime | None = None) -> None:
    """A new password; `verified_at` where the same act showed that the address is the person's."""
    await tx.execute(SET_PASSWORD, {"id": user_id, "password_hash": password_hash, "now": now, "verified_at": verified_at})


async def get_workspace(tx: Transaction, *, workspace_id: UUID) -> WorkspaceRow:
    """The workspace of the context."""
    return await tx.fetch_one(WorkspaceRow, GET_WORKSPACE, {"workspace_id": workspace_id})


async def list_memberships(tx: Transaction, *, user_id: UUID) -> list[MembershipRow]:
    """All workspaces of a user, oldest first; the transaction is the system's."""
    return await tx.fetch_all(MembershipRow, LIST_MEMBERSHIPS, {"user_id": user_id})
