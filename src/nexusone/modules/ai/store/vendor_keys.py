"""SQL of workspaces' own keys at vendors."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    vendor, id, fields, sealed_credentials, address, version, created_at, updated_at, tested_at, test_code
""")

PUT = fragment("""
insert into ai.vendor_key as kept (
    workspace_id, vendor, id, fields, sealed_credentials, address, version, created_by, created_at, updated_at
)
values (
    %(workspace_id)s, %(vendor)s, %(id)s, %(fields)s, %(sealed_credentials)s, %(address)s, 1, %(created_by)s, %(now)s, %(now)s
)
on conflict (workspace_id, vendor) do update
set id = excluded.id, fields = excluded.fields, sealed_credentials = excluded.sealed_credentials, address = excluded.address,
    version = kept.version + 1, created_by = excluded.created_by, updated_at = excluded.updated_at, tested_at = null, test_code = null
returning {columns}
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns} from ai.vendor_key where workspace_id = %(workspace_id)s order by vendor
""").fill(columns=COLUMNS)

FIND = fragment("""
select {columns} from ai.vendor_key where workspace_id = %(workspace_id)s and vendor = %(vendor)s
""").fill(columns=COLUMNS)

DELETE = sql("""
delete from ai.vendor_key where workspace_id = %(workspace_id)s and vendor = %(vendor)s
""")

NOTE_TEST = sql("""
update ai.vendor_key set tested_at = %(now)s, test_code = %(code)s
where workspace_id = %(workspace_id)s and vendor = %(vendor)s and id = %(id)s
""")


@dataclass(frozen=True, slots=True)
class VendorKeyRow:
    """Credentials at a vendor, sealed under `id`, which is new with every change."""

    vendor: str
    id: UUID
    fields: list[str]
    sealed_credentials: bytes
    address: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    tested_at: datetime | None
    test_code: str | None


async def put(
    tx: Transaction,
    *,
    workspace_id: UUID,
    vendor: str,
    key_id: UUID,
    fields: list[str],
    sealed_credentials: bytes,
    address: str | None,
    created_by: str,
    now: datetime,
) -> VendorKeyRow:
    """The workspace's key at a vendor, in place of the one before."""
    parameters = {"workspace_id": workspace_id, "vendor": vendor, "id": key_id, "fields": fields, "address": address}
    kept = {"sealed_credentials": sealed_credentials, "created_by": created_by, "now": now}
    return await tx.fetch_one(VendorKeyRow, PUT, {**parameters, **kept})


async def list_all(tx: Transaction, *, workspace_id: UUID) -> list[VendorKeyRow]:
    """All keys of a workspace, one a vendor at most."""
    return await tx.fetch_all(VendorKeyRow, LIST, {"workspace_id": workspace_id})


async def find(tx: Transaction, *, workspace_id: UUID, vendor: str) -> VendorKeyRow | None:
    """The key at a vendor."""
    return await tx.find_one(VendorKeyRow, FIND, {"workspace_id": workspace_id, "vendor": vendor})


async def delete(tx: Transaction, *, workspace_id: UUID, vendor: str) -> bool:
    """Forgets a key; False where there is none."""
    return await tx.execute(DELETE, {"workspace_id": workspace_id, "vendor": vendor}) == 1


async def note_test(tx: Transaction, *, workspace_id: UUID, vendor: str, key_id: UUID, code: str, now: datetime) -> None:
    """What a test of this very key came to."""
    await tx.execute(NOTE_TEST, {"workspace_id": workspace_id, "vendor": vendor, "id": key_id, "code": code, "now": now})
