"""The statements that say what whoever left a job may do when it runs."""

from dataclasses import dataclass
from uuid import UUID

from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

FIND_WORKSPACE_STATE = sql("""
select suspended_at is not null or delete_at is not null as is_suspended
from identity.workspace where workspace_id = %(workspace_id)s
""")

FIND_RIGHTS_OF_MEMBER = sql("""
select w.suspended_at is not null or w.delete_at is not null as is_suspended, m.role, m.custom_role_id, r.permissions
from identity.workspace as w
join identity.member as m on m.workspace_id = w.workspace_id and m.user_id = %(id)s
join identity.user_account as u on u.id = m.user_id and u.disabled_at is null
left join identity.role as r on r.workspace_id = m.workspace_id and r.id = m.custom_role_id
where w.workspace_id = %(workspace_id)s
    and (%(operator_id)s::uuid is null or exists (
        select from identity.operator as o where o.id = %(operator_id)s and o.disabled_at is null
    ))
""")

FIND_RIGHTS_OF_KEY = sql("""
select w.suspended_at is not null or w.delete_at is not null as is_suspended, 'key' as role, null::uuid as custom_role_id, k.permissions
from identity.workspace as w
join identity.api_key as k on k.workspace_id = w.workspace_id and k.id = %(id)s
where w.workspace_id = %(workspace_id)s and k.revoked_at is null
""")


@dataclass(frozen=True, slots=True)
class WorkspaceState:
    """Whether a workspace rests."""

    is_suspended: bool


@dataclass(frozen=True, slots=True)
class RightsRow:
    """What a member's role or a key gives at this moment."""

    is_suspended: bool
    role: str
    custom_role_id: UUID | None
    permissions: list[str] | None


async def find_workspace_state(ctx: Context) -> WorkspaceState | None:
    """Of the context's workspace; None where it is no more."""
    rows = await ctx.fetch_in_one_trip("identity", WorkspaceState, FIND_WORKSPACE_STATE, {"workspace_id": ctx.workspace})
    return rows[0] if rows else None


async def find_rights_of_member(ctx: Context, *, user_id: UUID, operator_id: UUID | None) -> RightsRow | None:
    """Of a member who may still come in, and of the operator who was in their place."""
    parameters = {"workspace_id": ctx.workspace, "id": user_id, "operator_id": operator_id}
    rows = await ctx.fetch_in_one_trip("identity", RightsRow, FIND_RIGHTS_OF_MEMBER, parameters)
    return rows[0] if rows else None


async def find_rights_of_key(ctx: Context, *, key_id: UUID) -> RightsRow | None:
    """Of a key that was not ended."""
    rows = await ctx.fetch_in_one_trip("identity", RightsRow, FIND_RIGHTS_OF_KEY, {"workspace_id": ctx.workspace, "id": key_id})
    return rows[0] if rows else None
