"""The rights of whoever left a job, asked again when it runs (AUTHZ-08)."""

from dataclasses import replace

from nexusone.modules.identity.domain.permissions import expanded, of_machines
from nexusone.modules.identity.service.refusals import RightsGone
from nexusone.modules.identity.service.rights import held, named
from nexusone.modules.identity.store import rights
from nexusone.platform.origin import Restraint
from nexusone.platform.runtime import Context


async def authorize(ctx: Context) -> Context:
    """The context with what was stored and still holds; see `platform.jobs.Authorizer`.

    Raises:
        RightsGone: the workspace is no more, the member was removed, the key was ended.
    """
    match ctx.principal.kind:
        case "user":
            return await _as_member(ctx)
        case "api_key":
            return await _as_key(ctx)
        case _:
            state = await rights.find_workspace_state(ctx)
            if state is None:
                raise RightsGone
            return replace(ctx, principal=replace(ctx.principal, restraint="suspended" if state.is_suspended else None))


async def _as_member(ctx: Context) -> Context:
    principal = ctx.principal
    row = await rights.find_rights_of_member(ctx, user_id=principal.id, operator_id=principal.impersonator) if principal.id else None
    if row is None:
        raise RightsGone
    present = expanded(held(row.role, row.permissions)) & expanded(principal.permissions)
    role = named(row.role, row.custom_role_id)
    restraint: Restraint | None = "suspended" if row.is_suspended else None
    return replace(ctx, principal=replace(principal, permissions=present, role=role, restraint=restraint))


async def _as_key(ctx: Context) -> Context:
    principal = ctx.principal
    row = await rights.find_rights_of_key(ctx, key_id=principal.id) if principal.id else None
    if row is None:
        raise RightsGone
    present = of_machines(frozenset(row.permissions or ())) & expanded(principal.permissions)
    return replace(ctx, principal=replace(principal, permissions=present, restraint="suspended" if row.is_suspended else None))
