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
update identity.device set seen_at = %(now)s where id = %(id)s and user_id = %(user_id)s
""")

# A device that looks like a known one and kept no token takes its place, so that they stay few.
REPLACE_ALIKE = sql("""
update identity.device set secret_hash = %(secret_hash)s, seen_at = %(now)s
where id = (
    select id from identity.device where user_id = %(user_id)s and fingerprint = %(fingerprint)s order by seen_at desc limit 1
)
returning id
""")

HAS_DEVICES = sql("select exists (select 1 from identity.device where user_id = %(user_id)s)")

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


async def see_device(tx: Transaction, *, device_id: UUID, user_id: UUID, now: datetime) -> None:
    """Notes that a device was used."""
    await tx.execute(SEE_DEVICE, {"id": device_id, "user_id": user_id, "now": now})


async def replace_alike(tx: Transaction, device: NewDevice) -> UUID | None:
    """Gives the new device's secret to one of the person that looks the same; its id, or None where there is none."""
    parameters = {"user_id": device.user_id, "fingerprint": device.fingerprint, "secret_hash": device.secret_hash, "now": device.now}
    return await tx.find_value(UUID, REPLACE_ALIKE, parameters)


async def has_devices(tx: Transaction, *, user_id: UUID) -> bool:
    """Whether the person signed in on any device before."""
    return await tx.fetch_value(bool, HAS_DEVICES, {"user_id": user_id})


async def forget_devices(tx: Transaction, *, user_id: UUID) -> None:
    """No device of the person is known any more."""
    await tx.execute(FORGET_DEVICES, {"user_id": user_id})


async def forget_unseen(tx: Transaction, *, before: datetime) -> None:
    """Forgets devices that were not used since an instant."""
    await tx.execute(FORGET_UNSEEN_DEVICES, {"before": before})
