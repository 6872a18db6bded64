"""SQL of object grants."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_GRANTS = sql("""
select id, user_id, role, level, created_at
from identity.object_grant
where workspace_id = %(workspace_id)s and object_kind = %(object_kind)s and object_id = %(object_id)s
order by id
limit 200
""")

PUT_GRANT = sql("""
insert into identity.object_grant (workspace_id, id, object_kind, object_id, user_id, role, level, created_at)
values (%(workspace_id)s, %(id)s, %(object_kind)s, %(object_id)s, %(user_id)s, %(role)s, %(level)s, %(now)s)
on conflict (workspace_id, object_kind, object_id, user_id, role) do update set level = excluded.level
returning id, user_id, role, level, created_at
""")

DELETE_GRANT = sql("""
delete from identity.object_grant
where workspace_id = %(workspace_id)s and object_kind = %(object_kind)s and object_id = %(object_id)s and id = %(id)s
""")

DELETE_GRANTS = sql("""
delete from identity.object_grant
where workspace_id = %(workspace_id)s and object_kind = %(object_kind)s and object_id = %(object_id)s
""")


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One line: a member or a role, and a level."""

    id: UUID
    user_id: UUID | None
    role: str | None
    level: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectName:
    """Which object of which workspace."""

    workspace_id: UUID
    object_kind: str
    object_id: UUID

    @property
    def parameters(self) -> dict[str, object]:
        """The same for statements."""
        return {"workspace_id": self.workspace_id, "object_kind": self.object_kind, "object_id": self.object_id}


async def list_grants(tx: Transaction, name: ObjectName) -> list[GrantRow]:
    """The object's grants, oldest first."""
    return await tx.fetch_all(GrantRow, LIST_GRANTS, name.parameters)


async def put_grant(tx: Transaction, name: ObjectName, grant: GrantRow) -> GrantRow:
    """A new grant, or another level for whoever has one."""
    parameters = {"id": grant.id, "user_id": grant.user_id, "role": grant.role, "level": grant.level, "now": grant.created_at}
    return await tx.fetch_one(GrantRow, PUT_GRANT, {**name.parameters, **parameters})


async def delete_grant(tx: Transaction, name: ObjectName, *, grant_id: UUID) -> bool:
    """Takes a grant away; False where there is none."""
    return await tx.execute(DELETE_GRANT, {**name.parameters, "id": grant_id}) == 1


async def delete_grants(tx: Transaction, name: ObjectName) -> None:
    """Takes all grants away, for an object that is no more."""
    await tx.execute(DELETE_GRANTS, name.parameters)
