"""SQL of a person's TOTP and recovery codes. They are of no workspace: a person has the same factors in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_TOTP = sql("""
insert into identity.totp_factor (id, user_id, sealed_seed, last_step, tries, created_at, expires_at)
values (%(id)s, %(user_id)s, %(sealed_seed)s, 0, 0, %(now)s, %(expires_at)s)
""")

DELETE_PENDING_TOTP = sql("""
delete from identity.totp_factor where user_id = %(user_id)s and confirmed_at is null
""")

FIND_PENDING_TOTP = sql("""
select id, sealed_seed, created_at, confirmed_at
from identity.totp_factor
where user_id = %(user_id)s and confirmed_at is null and expires_at > %(now)s and tries < %(tries_max)s
""")

TAKE_TOTP_TRY = sql("""
update identity.totp_factor set tries = tries + 1
where id = %(id)s and user_id = %(user_id)s and confirmed_at is null and expires_at > %(now)s and tries < %(tries_max)s
""")

CONFIRM_TOTP = sql("""
update identity.totp_factor set confirmed_at = %(now)s, last_step = %(step)s where id = %(id)s and user_id = %(user_id)s
""")

DELETE_CONFIRMED_TOTP = sql("""
delete from identity.totp_factor where user_id = %(user_id)s and confirmed_at is not null
""")

FIND_TOTP = sql("""
select id, sealed_seed, created_at, confirmed_at
from identity.totp_factor where user_id = %(user_id)s and confirmed_at is not null
""")

# Comparing and storing are one statement on one row, so of many requests with the same code one advances it.
ADVANCE_STEP = sql("""
update identity.totp_factor set last_step = %(step)s
where id = %(id)s and confirmed_at is not null and last_step < %(step)s
""")

DELETE_RECOVERY_CODES = sql("delete from identity.recovery_code where user_id = %(user_id)s")

INSERT_RECOVERY_CODES = sql("""
insert into identity.recovery_code (user_id, code_hash, created_at)
select %(user_id)s, code_hash, %(now)s from unnest(%(hashes)s::bytea[]) as code_hash
""")

USE_RECOVERY_CODE = sql("""
update identity.recovery_code set used_at = %(now)s
where user_id = %(user_id)s and code_hash = %(code_hash)s and used_at is null
""")

COUNT_RECOVERY_CODES = sql("""
select count(*) from identity.recovery_code where user_id = %(user_id)s and used_at is null
""")

# Changes of one person's factors follow one another, so that the last one is never removed twice over.
LOCK_USER = sql("select id from identity.user_account where id = %(user_id)s for no key update")


@dataclass(frozen=True, slots=True)
class TotpRow:
    """An authenticator app; its seed is sealed."""

    id: UUID
    sealed_seed: bytes
    created_at: datetime
    confirmed_at: datetime | None


async def lock_user(tx: Transaction, *, user_id: UUID) -> None:
    """Holds a person's factors until the transaction ends."""
    await tx.execute(LOCK_USER, {"user_id": user_id})


async def insert_pending_totp(
    tx: Transaction, *, factor_id: UUID, user_id: UUID, sealed_seed: bytes, now: datetime, expires_at: datetime
) -> None:
    """An app that waits for its first code, in place of one that waited before."""
    await tx.execute(DELETE_PENDING_TOTP, {"user_id": user_id})
    place = {"id": factor_id, "user_id": user_id, "sealed_seed": sealed_seed, "now": now, "expires_at": expires_at}
    await tx.execute(INSERT_TOTP, place)


async def find_pending_totp(tx: Transaction, *, user_id: UUID, now: datetime, tries_max: int) -> TotpRow | None:
    """The app that waits for its first code, in its time and with tries left."""
    return await tx.find_one(TotpRow, FIND_PENDING_TOTP, {"user_id": user_id, "now": now, "tries_max": tries_max})


async def take_totp_try(tx: Transaction, *, factor_id: UUID, user_id: UUID, now: datetime, tries_max: int) -> bool:
    """Takes one try of a waiting app; False where it is over."""
    place = {"id": factor_id, "user_id": user_id, "now": now, "tries_max": tries_max}
    return await tx.execute(TAKE_TOTP_TRY, place) == 1


async def confirm_totp(tx: Transaction, *, factor_id: UUID, user_id: UUID, step: int, now: datetime) -> None:
    """Puts the waiting app in the place of the one before; the code that showed it counts as used."""
    await tx.execute(DELETE_CONFIRMED_TOTP, {"user_id": user_id})
    await tx.execute(CONFIRM_TOTP, {"id": factor_id, "user_id": user_id, "step": step, "now": now})


async def find_totp(tx: Transaction, *, user_id: UUID) -> TotpRow | None:
    """A person's authenticator app."""
    return await tx.find_one(TotpRow, FIND_TOTP, {"user_id": user_id})


async def delete_totp(tx: Transaction, *, user_id: UUID) -> bool:
    """Forgets a person's app; False where there is none."""
    return await tx.execute(DELETE_CONFIRMED_TOTP, {"user_id": user_id}) == 1


async def advance_step(tx: Transaction, *, factor_id: UUID, step: int) -> bool:
    """Uses up a code and all before it; False where it was used already."""
    return await tx.execute(ADVANCE_STEP, {"id": factor_id, "step": step}) == 1


async def replace_recovery_codes(tx: Transaction, *, user_id: UUID, hashes: Sequence[bytes], now: datetime) -> None:
    """Voids all codes of a person and stores the digests of others (none: leaves the person without)."""
    await tx.execute(DELETE_RECOVERY_CODES, {"user_id": user_id})
    await tx.execute(INSERT_RECOVERY_CODES, {"user_id": user_id, "hashes": list(hashes), "now": now})


async def use_recovery_code(tx: Transaction, *, user_id: UUID, code_hash: bytes, now: datetime) -> bool:
    """Uses up a code; False where it is none, or was used."""
    return await tx.execute(USE_RECOVERY_CODE, {"user_id": user_id, "code_hash": code_hash, "now": now}) == 1


async def count_recovery_codes(tx: Transaction, *, user_id: UUID) -> int:
    """How many codes a person has left."""
    return await tx.fetch_value(int, COUNT_RECOVERY_CODES, {"user_id": user_id})
