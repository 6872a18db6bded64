"""SQL of operators' authenticator apps, and of their sign-ins that wait for a code."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

FIND_CONFIRMED = sql("""
select id, operator_id, sealed_seed, confirmed_at
from identity.operator_totp where operator_id = %(operator_id)s and confirmed_at is not null
""")

INSERT_PENDING = sql("""
insert into identity.operator_totp (id, operator_id, sealed_seed, last_step, created_at)
values (%(id)s, %(operator_id)s, %(sealed_seed)s, 0, %(now)s)
""")

INSERT_ATTEMPT = sql("""
insert into identity.operator_attempt (id, factor_id, secret_hash, created_at, expires_at)
values (%(id)s, %(factor_id)s, %(secret_hash)s, %(now)s, %(expires_at)s)
""")

FORGET_ATTEMPTS = sql("delete from identity.operator_attempt where expires_at < %(now)s")

FORGET_PENDING = sql("""
delete from identity.operator_totp as f
where f.confirmed_at is null and not exists (select from identity.operator_attempt as a where a.factor_id = f.id)
""")

FIND_ATTEMPT = sql("""
select f.id, f.operator_id, f.sealed_seed, f.confirmed_at
from identity.operator_attempt as a
join identity.operator_totp as f on f.id = a.factor_id
where a.id = %(id)s and a.secret_hash = %(secret_hash)s
    and a.used_at is null and a.expires_at > %(now)s and a.tries < %(tries_max)s
""")

# Whoever comes second waits for the row and then sees what the first one left of it.
TAKE_TRY = sql("""
update identity.operator_attempt set tries = tries + 1
where id = %(id)s and secret_hash = %(secret_hash)s and used_at is null and expires_at > %(now)s and tries < %(tries_max)s
""")

USE_ATTEMPT = sql("update identity.operator_attempt set used_at = %(now)s where id = %(id)s")

# Comparing and storing are one statement on one row, so of many requests with the same code one advances it.
ADVANCE_STEP = sql("""
update identity.operator_totp set last_step = %(step)s
where id = %(id)s and confirmed_at is not null and last_step < %(step)s
""")

# Held until the transaction ends, so that of two apps that wait only one is confirmed.
LOCK_OPERATOR = sql("select id from identity.operator where id = %(operator_id)s for no key update")

CONFIRM = sql("""
update identity.operator_totp set confirmed_at = %(now)s, last_step = %(step)s
where id = %(id)s and confirmed_at is null
    and not exists (
        select from identity.operator_totp as other where other.operator_id = %(operator_id)s and other.confirmed_at is not null
    )
""")

FORGET = sql("""
delete from identity.operator_totp where operator_id = (select id from identity.operator where email = %(email)s)
""")


@dataclass(frozen=True, slots=True)
class OperatorTotpRow:
    """An operator's authenticator app; its seed is sealed, and until it is confirmed it opens nothing."""

    id: UUID
    operator_id: UUID
    sealed_seed: bytes
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OperatorAttemptPlace:
    """Which attempt, shown with which secret, when, and how many tries it has."""

    id: UUID
    secret_hash: bytes
    now: datetime
    tries_max: int


async def find_confirmed(tx: Transaction, *, operator_id: UUID) -> OperatorTotpRow | None:
    """The app of an operator."""
    return await tx.find_one(OperatorTotpRow, FIND_CONFIRMED, {"operator_id": operator_id})


async def insert_pending(tx: Transaction, *, factor_id: UUID, operator_id: UUID, sealed_seed: bytes, now: datetime) -> None:
    """An app that waits for its first code."""
    await tx.execute(INSERT_PENDING, {"id": factor_id, "operator_id": operator_id, "sealed_seed": sealed_seed, "now": now})


async def insert_attempt(
    tx: Transaction, *, attempt_id: UUID, factor_id: UUID, secret_hash: bytes, now: datetime, expires_at: datetime
) -> None:
    """A new attempt; expired ones go, and with them the apps that only they knew."""
    await tx.execute(FORGET_ATTEMPTS, {"now": now})
    place = {"id": attempt_id, "factor_id": factor_id, "secret_hash": secret_hash, "now": now, "expires_at": expires_at}
    await tx.execute(INSERT_ATTEMPT, place)
    await tx.execute(FORGET_PENDING)


async def find_attempt(tx: Transaction, place: OperatorAttemptPlace) -> OperatorTotpRow | None:
    """The app that a living attempt asks for, if its secret is the right one."""
    return await tx.find_one(OperatorTotpRow, FIND_ATTEMPT, _parameters(place))


async def take_try(tx: Transaction, place: OperatorAttemptPlace) -> bool:
    """Takes one try and holds the attempt until the transaction ends; False where it is over."""
    return await tx.execute(TAKE_TRY, _parameters(place)) == 1


async def use_attempt(tx: Transaction, place: OperatorAttemptPlace) -> None:
    """Ends an attempt that led to a token."""
    await tx.execute(USE_ATTEMPT, _parameters(place))


async def advance_step(tx: Transaction, *, factor_id: UUID, step: int) -> bool:
    """Uses up a code and all before it; False where it was used already."""
    return await tx.execute(ADVANCE_STEP, {"id": factor_id, "step": step}) == 1


async def confirm(tx: Transaction, *, row: OperatorTotpRow, step: int, now: datetime) -> bool:
    """Enrols a waiting app, whose code counts as used; False where the operator has got one meanwhile."""
    place = {"id": row.id, "operator_id": row.operator_id, "step": step, "now": now}
    await tx.execute(LOCK_OPERATOR, place)
    return await tx.execute(CONFIRM, place) == 1


async def forget(tx: Transaction, *, email: str) -> bool:
    """Forgets an operator's apps; False where there is none."""
    return await tx.execute(FORGET, {"email": email}) > 0


def _parameters(place: OperatorAttemptPlace) -> dict[str, object]:
    return {name: getattr(place, name) for name in OperatorAttemptPlace.__slots__}
