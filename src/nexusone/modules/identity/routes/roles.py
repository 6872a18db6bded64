"""REST door of roles and permissions."""

from uuid import UUID

from fastapi import Response

from nexusone.kernel.errors import PreconditionFailed
from nexusone.modules.identity.contracts.members import NewRole, Permissions, Role, RoleChange, Roles
from nexusone.modules.identity.service import roles
from nexusone.modules.identity.service.refusals import PermissionNotHeld, RankTooHigh, RoleInUse, RoleNameTaken, RoleNotFound, RolesFull
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door

door = Door("roles")


@door.get("/roles", permission="roles:read", summary="List the roles and what they allow")
async def list_roles(ctx: Caller) -> Roles:
    return await roles.list_roles(ctx)


@door.get("/permissions", permission="roles:read", summary="List every permission there is")
async def list_permissions(ctx: Caller) -> Permissions:
    return roles.list_permissions()


@door.post(
    "/roles",
    permission="roles:write",
    status=201,
    summary="Make a role of the workspace's own",
    refusals=(PermissionNotHeld, RoleNameTaken, RolesFull),
)
async def create_role(ctx: Caller, response: Response, body: NewRole) -> Role:
    made = await roles.create_role(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.patch(
    "/roles/{role_id}",
    permission="roles:write",
    summary="Rename a role or replace its permissions",
    refusals=(RoleNotFound, PermissionNotHeld, RankTooHigh, RoleNameTaken, PreconditionFailed),
)
async def change_role(ctx: Caller, response: Response, role_id: UUID, body: RoleChange, version: ExpectedVersion) -> Role:
    changed = await roles.change_role(ctx, role_id=role_id, change=body, version=version)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/roles/{role_id}", permission="roles:write", status=204, summary="Delete a role", refusals=(RoleNotFound, RankTooHigh, RoleInUse)
)
async def delete_role(ctx: Caller, role_id: UUID) -> Response:
    await roles.delete_role(ctx, role_id=role_id)
    return Response(status_code=204)
