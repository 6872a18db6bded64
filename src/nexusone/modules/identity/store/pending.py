"""SQL of what waits for a mail to be read: sign-ups and password resets."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_SIGN_UP = sql("""
insert into identity.pending_sign_up (id, email, name, workspace_name, password_hash, locale, created_at, expires_at)
values (%(id)s, %(email)s, %(name)s, %(workspace_name)s, %(password_hash)s, %(locale)s, %(created_at)s, %(expires_at)s)
""")

FIND_SIGN_UP = sql("""
select id, email, name, workspace_name, password_hash, locale, created_at, expires_at, secret_hash
from identity.pending_sign_up
where id = %(id)s and used_at is null and expires_at > %(now)s
""")

GIVE_SIGN_UP_SECRET = sql("""
update identity.pending_sign_up set secret_hash = %(secret_hash)s where id = %(id)s and used_at is null
""")

USE_SIGN_UP = sql("""
update identity.pending_sign_up set used_at = %(now)s where id = %(id)s and used_at is null and expires_at > %(now)s
""")

INSERT_RESET = sql("""
insert into identity.password_reset (id, user_id, secret_hash, created_at, expires_at)
values (%(id)s, %(user_id)s, %(secret_hash)s, %(now)s, %(expires_at)s)
""")

FIND_RESET = sql("""
select id, user_id, secret_hash from identity.password_reset
where id = %(id)s and used_at is null and expires_at > %(now)s
""")

# Using one reset voids all others of the person, in one statement; a second use of the same finds nothing left.
USE_RESETS = sql("""
update identity.password_reset set used_at = %(now)s where user_id = %(user_id)s and used_at is null
returning id
""")

FORGET_SIGN_UPS = sql("delete from identity.pending_sign_up where expires_at < %(before)s")

FORGET_RESETS = sql("delete from identity.password_reset where expires_at < %(before)s")


@dataclass(frozen=True, slots=True)
class PendingSignUpRow:
    """A sign-up whose address is not verified yet; `secret_hash` None: the mail has not been written."""

    id: UUID
    email: str
    name: str
    workspace_name: str
    password_hash: str
    locale: str
    created_at: datetime
    expires_at: datetime
    secret_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class ResetRow:
    """A password reset that was asked for and not used."""

    id: UUID
    user_id: UUID
    secret_hash: bytes


async def insert_sign_up(tx: Transaction, row: PendingSignUpRow) -> None:
    """Keeps a sign-up until its address is verified."""
    await tx.execute(INSERT_SIGN_UP, {name: getattr(row, name) for name in PendingSignUpRow.__slots__})


async def find_sign_up(tx: Transaction, *, sign_up_id: UUID, now: datetime) -> PendingSignUpRow | None:
    """A sign-up that may still be verified."""
    return await tx.find_one(PendingSignUpRow, FIND_SIGN_UP, {"id": sign_up_id, "now": now})


async def give_sign_up_secret(tx: Transaction, *, sign_up_id: UUID, secret_hash: bytes) -> None:
    """Stores the digest of the token that is being mailed; the one before is void."""
    await tx.execute(GIVE_SIGN_UP_SECRET, {"id": sign_up_id, "secret_hash": secret_hash})


async def use_sign_up(tx: Transaction, *, sign_up_id: UUID, now: datetime) -> bool:
    """Takes a sign-up; False where another request did."""
    return await tx.execute(USE_SIGN_UP, {"id": sign_up_id, "now": now}) == 1


async def insert_reset(tx: Transaction, row: ResetRow, *, now: datetime, expires_at: datetime) -> None:
    """A reset whose token is being mailed."""
    parameters = {"id": row.id, "user_id": row.user_id, "secret_hash": row.secret_hash}
    await tx.execute(INSERT_RESET, {**parameters, "now": now, "expires_at": expires_at})


async def find_reset(tx: Transaction, *, reset_id: UUID, now: datetime) -> ResetRow | None:
    """A reset that may still be used."""
    return await tx.find_one(ResetRow, FIND_RESET, {"id": reset_id, "now": now})


async def use_resets(tx: Transaction, *, user_id: UUID, reset_id: UUID | None, now: datetime) -> bool:
    """Voids all resets of a person; whether the given one was among them."""
    rows = await tx.fetch_tuples(USE_RESETS, {"user_id": user_id, "now": now})
    return any(row[0] == reset_id for row in rows)


async def forget_expired(tx: Transaction, *, before: datetime) -> None:
    """Deletes what expired before an instant."""
    await tx.execute(FORGET_SIGN_UPS, {"before": before})
    await tx.execute(FORGET_RESETS, {"before": before})
