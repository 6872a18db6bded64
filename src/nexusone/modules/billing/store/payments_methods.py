"""SQL of payers and their saved ways to pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.ports import SavedMethod
from nexusone.platform.database import Transaction
from nexusone.platform.sql import Sql, fragment, sql

COLUMNS: Sql = fragment("id, gateway, vendor_id, kind, label, expires, is_default, created_at")

INSERT_CUSTOMER = sql("""
insert into billing.gateway_customer (workspace_id, gateway, customer, created_at)
values (%(workspace_id)s, %(gateway)s, %(customer)s, %(now)s)
on conflict (workspace_id, gateway) do nothing
""")

FIND_CUSTOMER = sql("""
select customer from billing.gateway_customer where workspace_id = %(workspace_id)s and gateway = %(gateway)s
""")

LIST_WORKSPACES_OF_CUSTOMER = sql("""
select workspace_id from billing.gateway_customer where gateway = %(gateway)s and customer = %(customer)s limit 10
""")

UPSERT_METHOD = sql("""
insert into billing.payment_method as m (workspace_id, id, gateway, vendor_id, kind, label, expires, is_default, created_at)
select %(workspace_id)s, %(id)s, %(gateway)s, %(vendor_id)s, %(kind)s, %(label)s, %(expires)s,
    not exists (select 1 from billing.payment_method where workspace_id = %(workspace_id)s and removed_at is null), %(now)s
on conflict (workspace_id, gateway, vendor_id) do update
set label = excluded.label, expires = excluded.expires
returning m.id, (xmax = 0) as is_new
""")

REMOVE_OTHERS = sql("""
update billing.payment_method
set removed_at = %(now)s, is_default = false
where workspace_id = %(workspace_id)s and gateway = %(gateway)s and removed_at is null and not vendor_id = any(%(kept)s::text[])
""")

LIST_METHODS = fragment("""
select {columns} from billing.payment_method
where workspace_id = %(workspace_id)s and removed_at is null
order by id desc
limit %(limit)s
""").fill(columns=COLUMNS)

FIND_METHOD = fragment("""
select {columns} from billing.payment_method
where workspace_id = %(workspace_id)s and id = %(id)s and removed_at is null
""").fill(columns=COLUMNS)

FIND_DEFAULT = fragment("""
select {columns} from billing.payment_method
where workspace_id = %(workspace_id)s and is_default
""").fill(columns=COLUMNS)

FIND_ANY = fragment("""
select {columns} from billing.payment_method
where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=COLUMNS)

REMOVE_METHOD = sql("""
update billing.payment_method
set removed_at = %(now)s, is_default = false
where workspace_id = %(workspace_id)s and id = %(id)s and removed_at is null
""")

CLEAR_DEFAULT = sql("update billing.payment_method set is_default = false where workspace_id = %(workspace_id)s and is_default")

SET_DEFAULT = sql("""
update billing.payment_method set is_default = true
where workspace_id = %(workspace_id)s and id = %(id)s and removed_at is null
""")


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A saved way to pay as it is kept."""

    id: UUID
    gateway: str
    vendor_id: str
    kind: str
    label: str
    expires: str | None
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UpsertedRow:
    """A method's id, and whether it was not known before."""

    id: UUID
    is_new: bool


async def insert_customer(tx: Transaction, *, workspace_id: UUID, gateway: str, customer: str, now: datetime) -> None:
    """Writes who the workspace is at a vendor; the first stays."""
    await tx.execute(INSERT_CUSTOMER, {"workspace_id": workspace_id, "gateway": gateway, "customer": customer, "now": now})


async def find_customer(tx: Transaction, *, workspace_id: UUID, gateway: str) -> str | None:
    """Who the workspace is at a vendor."""
    return await tx.find_value(str, FIND_CUSTOMER, {"workspace_id": workspace_id, "gateway": gateway})


async def list_workspaces_of_customer(tx: Transaction, *, gateway: str, customer: str) -> list[UUID]:
    """Whose payer that is; in the system context."""
    rows = await tx.fetch_tuples(LIST_WORKSPACES_OF_CUSTOMER, {"gateway": gateway, "customer": customer})
    return [workspace_id for (workspace_id,) in rows]


async def upsert_method(tx: Transaction, found: SavedMethod, *, workspace_id: UUID, gateway: str, now: datetime) -> UpsertedRow:
    """Writes a method; the first of a workspace is its default."""
    parameters = {
        "workspace_id": workspace_id,
        "id": new_id(),
        "gateway": gateway,
        "vendor_id": found.vendor_id,
        "kind": found.kind,
        "label": found.label,
        "expires": found.expires,
        "now": now,
    }
    return await tx.fetch_one(UpsertedRow, UPSERT_METHOD, parameters)


async def remove_others(tx: Transaction, *, workspace_id: UUID, gateway: str, kept: Sequence[str], now: datetime) -> None:
    """Removes what the vendor no longer keeps."""
    await tx.execute(REMOVE_OTHERS, {"workspace_id": workspace_id, "gateway": gateway, "kept": list(kept), "now": now})


async def list_methods(tx: Transaction, *, workspace_id: UUID, limit: int) -> list[MethodRow]:
    """The saved ways to pay, newest first."""
    return await tx.fetch_all(MethodRow, LIST_METHODS, {"workspace_id": workspace_id, "limit": limit})


async def find_method(tx: Transaction, *, workspace_id: UUID, method_id: UUID) -> MethodRow | None:
    """One that is not removed."""
    return await tx.find_one(MethodRow, FIND_METHOD, {"workspace_id": workspace_id, "id": method_id})


async def find_any_method(tx: Transaction, *, workspace_id: UUID, method_id: UUID) -> MethodRow | None:
    """One, removed or not."""
    return await tx.find_one(MethodRow, FIND_ANY, {"workspace_id": workspace_id, "id": method_id})


async def find_default(tx: Transaction, *, workspace_id: UUID) -> MethodRow | None:
    """What invoices are charged to."""
    return await tx.find_one(MethodRow, FIND_DEFAULT, {"workspace_id": workspace_id})


async def remove_method(tx: Transaction, *, workspace_id: UUID, method_id: UUID, now: datetime) -> bool:
    """Removes one; False where there is none."""
    return await tx.execute(REMOVE_METHOD, {"workspace_id": workspace_id, "id": method_id, "now": now}) == 1


async def set_default(tx: Transaction, *, workspace_id: UUID, method_id: UUID) -> bool:
    """Makes one the default; False where there is none."""
    await tx.execute(CLEAR_DEFAULT, {"workspace_id": workspace_id})
    return await tx.execute(SET_DEFAULT, {"workspace_id": workspace_id, "id": method_id}) == 1
