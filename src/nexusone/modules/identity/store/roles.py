"""SQL of the roles of a workspace's own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_ROLE = sql("""
insert into identity.role (workspace_id, id, name, permissions, created_at, updated_at)
values (%(workspace_id)s, %(id)s, %(name)s, %(permissions)s, %(now)s, %(now)s)
on conflict (workspace_id, name) do nothing
""")

LIST_ROLES = sql("""
select id, name, permissions, version from identity.role where workspace_id = %(workspace_id)s order by name limit 200
""")

FIND_ROLE = sql("""
select id, name, permissions, version from identity.role where workspace_id = %(workspace_id)s and id = %(id)s
""")

LOCK_ROLE = sql("""
select id, name, permissions, version from identity.role where workspace_id = %(workspace_id)s and id = %(id)s for update
""")

IS_NAME_TAKEN = sql("""
select exists (select from identity.role where workspace_id = %(workspace_id)s and name = %(name)s and id <> %(id)s)
""")

UPDATE_ROLE = sql("""
update identity.role set name = %(name)s, permissions = %(permissions)s, version = version + 1, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

COUNT_MEMBERS_OF = sql("""
select count(*) from identity.member where workspace_id = %(workspace_id)s and custom_role_id = %(id)s
""")

DELETE_ROLE = sql("""
delete from identity.role where workspace_id = %(workspace_id)s and id = %(id)s
""")


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role."""

    id: UUID
    name: str
    permissions: list[str]
    version: int


async def insert_role(tx: Transaction, role: RoleRow, *, workspace_id: UUID, now: datetime) -> bool:
    """A new role; False where the name is taken."""
    parameters = {"workspace_id": workspace_id, "id": role.id, "name": role.name, "permissions": role.permissions, "now": now}
    return await tx.execute(INSERT_ROLE, parameters) == 1


async def list_roles(tx: Transaction, *, workspace_id: UUID) -> list[RoleRow]:
    """All roles, by name."""
    return await tx.fetch_all(RoleRow, LIST_ROLES, {"workspace_id": workspace_id})


async def find_role(tx: Transaction, *, workspace_id: UUID, role_id: UUID, is_locked: bool = False) -> RoleRow | None:
    """A role, locked against other changes if `is_locked`."""
    return await tx.find_one(RoleRow, LOCK_ROLE if is_locked else FIND_ROLE, {"workspace_id": workspace_id, "id": role_id})


async def is_name_taken(tx: Transaction, *, workspace_id: UUID, name: str, role_id: UUID) -> bool:
    """Whether another role has the name."""
    return await tx.fetch_value(bool, IS_NAME_TAKEN, {"workspace_id": workspace_id, "name": name, "id": role_id})


async def update_role(tx: Transaction, role: RoleRow, *, workspace_id: UUID, now: datetime) -> None:
    """Writes name and permissions, and counts the version up."""
    parameters = {"workspace_id": workspace_id, "id": role.id, "name": role.name, "permissions": role.permissions, "now": now}
    await tx.execute(UPDATE_ROLE, parameters)


async def count_members_of(tx: Transaction, *, workspace_id: UUID, role_id: UUID) -> int:
    """How many members have the role."""
    return await tx.fetch_value(int, COUNT_MEMBERS_OF, {"workspace_id": workspace_id, "id": role_id})


async def delete_role(tx: Transaction, *, workspace_id: UUID, role_id: UUID) -> bool:
    """Deletes a role that nobody has; False where there is none."""
    return await tx.execute(DELETE_ROLE, {"workspace_id": workspace_id, "id": role_id}) == 1
