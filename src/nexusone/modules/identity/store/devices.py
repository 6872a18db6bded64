"""SQL of known devices."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_DEVICE = sql("""
insert into identity.device (id, user_id, secret_hash, fingerprint, created_at, seen_at)
values (%(id)s, %(user_id)s, %(secret_hash)s, %(fingerprint)s, %(now)s, %(now)s)
""")

FIND_DEVICE = sql("""
select d.id, d.secret_hash, u.id as user_id
from identity.device as d
join identity.user_account as u on u.id = d.user_id
where d.id = %(id)s and u.email = %(email)s
""")

SEE_DEVICE = sql("""
update identity.device set seen_at = %(now)s, fingerprint = %(fingerprint)s where id = %(id)s and user_id = %(user_id)s
""")

KNOWN_FINGERPRINTS = sql("""
select count(*) filter (where fingerprint = %(fingerprint)s), count(*) from identity.device where user_id = %(user_id)s
""")

FORGET_DEVICES = sql("delete from identity.device where user_id = %(user_id)s")

FORGET_UNSEEN_DEVICES = sql("delete from identity.device where seen_at < %(before)s")


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device that signed in before."""

    id: UUID
    secret_hash: bytes
    user_id: UUID


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device that signs in for the first time."""

    id: UUID
    user_id: UUID
    secret_hash: bytes
    fingerprint: bytes
    now: datetime


async def insert_device(tx: Transaction, device: NewDevice) -> None:
    """Makes a device known."""
    await tx.execute(INSERT_DEVICE, {name: getattr(device, name) for name in NewDevice.__slots__})


async def find_device(tx: Transaction, *, device_id: UUID, email: str) -> DeviceRow | None:
    """A device of the account of an address."""
    return await tx.find_one(DeviceRow, FIND_DEVICE, {"id": device_id, "email": email})


async def see_device(tx: Transaction, *, device_id: UUID, user_id: UUID, fingerprint: bytes, now: datetime) -> None:
    """Notes that a device was used, and how it looks now."""
    await tx.execute(SEE_DEVICE, {"id": device_id, "user_id": user_id, "fingerprint": fingerprint, "now": now})


async def count_devices(tx: Transaction, *, user_id: UUID, fingerprint: bytes) -> tuple[int, int]:
    """How many devices of a person look like that, and how many there are."""
    rows = await tx.fetch_tuples(KNOWN_FINGERPRINTS, {"user_id": user_id, "fingerprint": fingerprint})
    return int(rows[0][0]), int(rows[0][1])


async def forget_devices(tx: Transaction, *, user_id: UUID) -> None:
    """No device of the person is known any more."""
    await tx.execute(FORGET_DEVICES, {"user_id": user_id})


async def forget_unseen(tx: Transaction, *, before: datetime) -> None:
    """Forgets devices that were not used since an instant."""
    await tx.execute(FORGET_UNSEEN_DEVICES, {"before": before})
