"""Sharing segments and campaigns with some and not with all; the modules that own them ask first whether the caller may."""

from uuid import UUID

from nexusone.kernel.errors import Conflict, FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.grants import Grant, Grants, NewGrant, ObjectKind
from nexusone.modules.identity.domain.grants import GRANTS_MAX, Asker, asker
from nexusone.modules.identity.events import ObjectShared
from nexusone.modules.identity.service.refusals import GrantNotFound, MemberNotFound
from nexusone.modules.identity.service.roles import require_role
from nexusone.modules.identity.store import grants, members
from nexusone.modules.identity.store.grants import GrantRow, ObjectName
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context


def asker_of(principal: Principal, *, object_kind: ObjectKind) -> Asker:
    """A principal as grants see it."""
    user_id = principal.id if principal.kind == "user" else None
    return asker(user_id=user_id, role=principal.role, permissions=principal.permissions, object_kind=object_kind)


async def list_grants(ctx: Context, *, object_kind: ObjectKind, object_id: UUID) -> Grants:
    """All grants of an object."""
    async with ctx.transaction("identity") as tx:
        rows = await grants.list_grants(tx, ObjectName(ctx.workspace, object_kind, object_id))
    return Grants(items=[_grant(row) for row in rows])


async def grant(ctx: Context, *, object_kind: ObjectKind, object_id: UUID, wanted: NewGrant) -> Grant:
    """Lets a member or a role see or change an object, and from the first time on only those; whoever shares keeps their own hold.

    Raises:
        Unprocessable: not exactly one of member and role.
        MemberNotFound, RoleNotFound: there is none.
    """
    if (wanted.user_id is None) == (wanted.role is None):
        fault = FieldError(pointer="/user_id", code="one_of", detail="a grant is for either a member or a role")
        raise Unprocessable(errors=(fault,), count=1)
    name = ObjectName(ctx.workspace, object_kind, object_id)
    async with ctx.transaction("identity") as tx:
        known = await grants.list_grants(tx, name)
        if len(known) >= GRANTS_MAX:
            raise Conflict(reason=f"an object has at most {GRANTS_MAX} grants")
        await _require_grantee(ctx, tx, wanted)
        me = asker_of(ctx.principal, object_kind=object_kind)
        if not known and not me.sees_all and me.id is not None:
            await grants.put_grant(tx, name, GrantRow(new_id(), me.id, None, "edit", ctx.now()))
        is_self = wanted.user_id is not None and wanted.user_id == me.id and not me.sees_all
        level = "edit" if is_self else wanted.level
        row = await grants.put_grant(tx, name, GrantRow(new_id(), wanted.user_id, wanted.role, level, ctx.now()))
        await publish(tx, ObjectShared(object_kind=object_kind, object_id=object_id))
        await conclude(tx, _grant(row))
    return _grant(row)


async def revoke(ctx: Context, *, object_kind: ObjectKind, object_id: UUID, grant_id: UUID) -> None:
    """Takes a grant away; with the last one the object is open again to all who may see its kind.

    Raises:
        GrantNotFound: there is none.
    """
    async with ctx.transaction("identity") as tx:
        if not await grants.delete_grant(tx, ObjectName(ctx.workspace, object_kind, object_id), grant_id=grant_id):
            raise GrantNotFound
        await publish(tx, ObjectShared(object_kind=object_kind, object_id=object_id))


async def forget(ctx: Context, *, object_kind: ObjectKind, object_id: UUID) -> None:
    """Takes all grants away from an object that is no more."""
    async with ctx.transaction("identity") as tx:
        await grants.delete_grants(tx, ObjectName(ctx.workspace, object_kind, object_id))


async def _require_grantee(ctx: Context, tx: Transaction, wanted: NewGrant) -> None:
    if wanted.role is not None:
        await require_role(ctx, tx, wanted.role)
    elif wanted.user_id is not None and await members.find_member(tx, workspace_id=ctx.workspace, user_id=wanted.user_id) is None:
        raise MemberNotFound


def _grant(row: GrantRow) -> Grant:
    return Grant(id=row.id, user_id=row.user_id, role=row.role, level="edit" if row.level == "edit" else "view", created_at=row.created_at)
