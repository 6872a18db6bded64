"""Roles: the built-in ones as the matrix has them, and those a workspace makes for itself."""

from dataclasses import replace
from uuid import UUID

from nexusone.kernel.errors import FieldError, PreconditionFailed, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.members import (
    NewRole,
    PermissionMeaning,
    Permissions,
    Role,
    RoleChange,
    Roles,
)
from nexusone.modules.identity.domain.permissions import PERMISSIONS, PERSONAL_PERMISSIONS, ROLES, expanded, unknown_permissions, within
from nexusone.modules.identity.events import RoleChanged, RoleCreated, RoleDeleted
from nexusone.modules.identity.service.refusals import PermissionNotHeld, RankTooHigh, RoleInUse, RoleNameTaken, RoleNotFound, RolesFull
from nexusone.modules.identity.service.rights import CUSTOM
from nexusone.modules.identity.store import roles
from nexusone.modules.identity.store.members import RoleChoice
from nexusone.modules.identity.store.roles import RoleRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

OWN_ROLES_MAX = 100


async def list_roles(ctx: Context) -> Roles:
    """The built-in roles, then the workspace's own by name."""
    async with ctx.transaction("identity") as tx:
        rows = await roles.list_roles(tx, workspace_id=ctx.workspace)
    built_in = [
        Role(role=name, name=name, meaning=role.meaning, is_built_in=True, permissions=sorted(role.permissions), version=1)
        for name, role in ROLES.items()
    ]
    return Roles(items=[*built_in, *(_role(row) for row in rows)])


def list_permissions() -> Permissions:
    """Every permission there is, in words."""
    return Permissions(
        items=[
            PermissionMeaning(permission=name, meaning=meaning, is_personal=name in PERSONAL_PERMISSIONS)
            for name, meaning in sorted(PERMISSIONS.items())
        ]
    )


async def create_role(ctx: Context, *, wanted: NewRole) -> Role:
    """Makes a role.

    Raises:
        PermissionNotHeld: it would have more permissions than its maker.
        RoleNameTaken, RolesFull: as they say.
        Unprocessable: there is no such permission.
    """
    row = RoleRow(id=new_id(), name=wanted.name, permissions=_checked(ctx, wanted.permissions), version=1)
    async with ctx.transaction("identity") as tx:
        if len(await roles.list_roles(tx, workspace_id=ctx.workspace)) >= OWN_ROLES_MAX:
            raise RolesFull(limit=OWN_ROLES_MAX)
        if row.name in ROLES or not await roles.insert_role(tx, row, workspace_id=ctx.workspace, now=ctx.now()):
            raise RoleNameTaken(name=row.name)
        await publish(tx, RoleCreated(role_id=row.id, permissions=row.permissions))
        await conclude(tx, _role(row))
    return _role(row)


async def change_role(ctx: Context, *, role_id: UUID, change: RoleChange, version: int | None) -> Role:
    """Renames a role or replaces its permissions; members have them from their next request on.

    Raises:
        RoleNotFound: there is none.
        RankTooHigh: the role may do more than the caller.
        PermissionNotHeld: it would have more permissions than the caller.
        PreconditionFailed: it is at another version.
    """
    permissions = None if change.permissions is None else _checked(ctx, change.permissions)
    async with ctx.transaction("identity") as tx:
        row = await _lock(ctx, tx, role_id)
        if version is not None and version != row.version:
            raise PreconditionFailed(version=row.version)
        changed = replace(row, name=change.name or row.name, permissions=permissions or row.permissions, version=row.version + 1)
        if changed.name in ROLES or await roles.is_name_taken(tx, workspace_id=ctx.workspace, name=changed.name, role_id=role_id):
            raise RoleNameTaken(name=changed.name)
        await roles.update_role(tx, changed, workspace_id=ctx.workspace, now=ctx.now())
        await publish(tx, RoleChanged(role_id=role_id, permissions=changed.permissions))
    return _role(changed)


async def delete_role(ctx: Context, *, role_id: UUID) -> None:
    """Deletes a role that nobody has; invitations into it are void.

    Raises:
        RoleNotFound: there is none.
        RankTooHigh: the role may do more than the caller.
        RoleInUse: members have it.
    """
    async with ctx.transaction("identity") as tx:
        await _lock(ctx, tx, role_id)
        if count := await roles.count_members_of(tx, workspace_id=ctx.workspace, role_id=role_id):
            raise RoleInUse(members=count)
        await roles.delete_role(tx, workspace_id=ctx.workspace, role_id=role_id)
        await publish(tx, RoleDeleted(role_id=role_id))


async def choose_role(ctx: Context, tx: Transaction, role: str) -> RoleChoice:
    """The role of a name or id, which the caller may hand out.

    Raises:
        RoleNotFound: there is none.
        RankTooHigh: the role may do more than the caller.
    """
    if role in ROLES:
        require_rank(ctx, ROLES[role].permissions)  # type: ignore[index]
        return RoleChoice(role)
    row = await roles.find_role(tx, workspace_id=ctx.workspace, role_id=_role_id(role), is_locked=True)
    if row is None:
        raise RoleNotFound
    require_rank(ctx, frozenset(row.permissions))
    return RoleChoice(CUSTOM, row.id)


async def require_role(ctx: Context, tx: Transaction, role: str) -> None:
    """Raises RoleNotFound where a name or id is no role's."""
    if role not in ROLES and await roles.find_role(tx, workspace_id=ctx.workspace, role_id=_role_id(role)) is None:
        raise RoleNotFound


def require_rank(ctx: Context, permissions: frozenset[str]) -> None:
    """Raises RankTooHigh where somebody with these permissions may do more than the caller."""
    if not within(permissions, ctx.principal.permissions):
        beyond = expanded(permissions) - expanded(ctx.principal.permissions)
        raise RankTooHigh(permissions=", ".join(sorted(beyond)))


async def _lock(ctx: Context, tx: Transaction, role_id: UUID) -> RoleRow:
    row = await roles.find_role(tx, workspace_id=ctx.workspace, role_id=role_id, is_locked=True)
    if row is None:
        raise RoleNotFound
    require_rank(ctx, frozenset(row.permissions))
    return row


def _checked(ctx: Context, wanted: list[str]) -> list[str]:
    permissions = frozenset(wanted)
    if unknown := unknown_permissions(permissions):
        faults = tuple(FieldError(pointer="/permissions", code="unknown", detail=f"there is no permission {name}") for name in unknown)
        raise Unprocessable(errors=faults, count=len(faults))
    if not within(permissions, ctx.principal.permissions):
        raise PermissionNotHeld(permissions=", ".join(sorted(permissions - ctx.principal.permissions)))
    return sorted(permissions)


def _role_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise RoleNotFound from error


def _role(row: RoleRow) -> Role:
    return Role(role=str(row.id), name=row.name, meaning="", is_built_in=False, permissions=sorted(row.permissions), version=row.version)
