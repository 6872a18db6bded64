"""SQL of passkeys and their ceremonies. They are of no workspace: whose passkey it is, is known before any is entered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_CEREMONY = sql("""
insert into identity.passkey_ceremony (id, user_id, purpose, secret_hash, challenge, expires_at)
values (%(id)s, %(user_id)s, %(purpose)s, %(secret_hash)s, %(challenge)s, %(expires_at)s)
""")

FORGET_CEREMONIES = sql("""
delete from identity.passkey_ceremony where id in (
    select id from identity.passkey_ceremony where expires_at < %(now)s order by expires_at limit 20 for update skip locked
)
""")

# Taking is deleting, so that an answer is looked at once.
TAKE_CEREMONY = sql("""
delete from identity.passkey_ceremony
where id = %(id)s and purpose = %(purpose)s and secret_hash = %(secret_hash)s and expires_at > %(now)s
returning user_id, challenge
""")

INSERT_PASSKEY = sql("""
insert into identity.passkey (id, user_id, credential_id, public_key, sign_count, transports, authenticator, is_synced, name, created_at)
values (
    %(id)s, %(user_id)s, %(credential_id)s, %(public_key)s, %(sign_count)s, %(transports)s, %(authenticator)s, %(is_synced)s, %(name)s,
    %(now)s
)
on conflict (credential_id) do nothing
""")

LIST_PASSKEYS = sql("""
select id, user_id, credential_id, public_key, sign_count, transports, is_synced, name, created_at, used_at
from identity.passkey where user_id = %(user_id)s
order by id
limit 100
""")

# Locked: of two answers with the same counter the second one sees what the first one stored.
FIND_PASSKEY = sql("""
select id, user_id, credential_id, public_key, sign_count, transports, is_synced, name, created_at, used_at
from identity.passkey where credential_id = %(credential_id)s
for update
""")

USE_PASSKEY = sql("""
update identity.passkey set sign_count = %(sign_count)s, is_synced = %(is_synced)s, used_at = %(now)s where id = %(id)s
""")

DELETE_PASSKEY = sql("""
delete from identity.passkey where id = %(id)s and user_id = %(user_id)s
""")


@dataclass(frozen=True, slots=True)
class CeremonyRow:
    """What a browser was asked, of whom (None: of whoever answers)."""

    user_id: UUID | None
    challenge: bytes


@dataclass(frozen=True, slots=True)
class NewPasskeyRow:
    """A passkey as it is stored first."""

    id: UUID
    user_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    authenticator: str
    is_synced: bool
    name: str
    now: datetime


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey."""

    id: UUID
    user_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    is_synced: bool
    name: str
    created_at: datetime
    used_at: datetime | None


async def insert_ceremony(
    tx: Transaction,
    *,
    ceremony_id: UUID,
    user_id: UUID | None,
    purpose: str,
    secret_hash: bytes,
    challenge: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """A new ceremony; some that nobody answered in time go."""
    await tx.execute(FORGET_CEREMONIES, {"now": now})
    place = {"id": ceremony_id, "user_id": user_id, "purpose": purpose, "secret_hash": secret_hash}
    await tx.execute(INSERT_CEREMONY, {**place, "challenge": challenge, "expires_at": expires_at})


async def take_ceremony(tx: Transaction, *, ceremony_id: UUID, purpose: str, secret_hash: bytes, now: datetime) -> CeremonyRow | None:
    """Ends a ceremony by its answer; None where there is none, it was answered, or is over."""
    place = {"id": ceremony_id, "purpose": purpose, "secret_hash": secret_hash, "now": now}
    return await tx.find_one(CeremonyRow, TAKE_CEREMONY, place)


async def insert_passkey(tx: Transaction, passkey: NewPasskeyRow) -> bool:
    """A new passkey; False where somebody has the credential."""
    return await tx.execute(INSERT_PASSKEY, {name: getattr(passkey, name) for name in NewPasskeyRow.__slots__}) == 1


async def list_passkeys(tx: Transaction, *, user_id: UUID) -> list[PasskeyRow]:
    """A person's passkeys, oldest first."""
    return await tx.fetch_all(PasskeyRow, LIST_PASSKEYS, {"user_id": user_id})


async def find_passkey(tx: Transaction, *, credential_id: bytes) -> PasskeyRow | None:
    """The passkey of a credential, held until the transaction ends."""
    return await tx.find_one(PasskeyRow, FIND_PASSKEY, {"credential_id": credential_id})


async def use_passkey(tx: Transaction, *, passkey_id: UUID, sign_count: int, is_synced: bool, now: datetime) -> None:
    """Stores how far a passkey's counter went."""
    await tx.execute(USE_PASSKEY, {"id": passkey_id, "sign_count": sign_count, "is_synced": is_synced, "now": now})


async def delete_passkey(tx: Transaction, *, passkey_id: UUID, user_id: UUID) -> bool:
    """Forgets a person's passkey; False where there is none."""
    return await tx.execute(DELETE_PASSKEY, {"id": passkey_id, "user_id": user_id}) == 1
