"""Agencies: a workspace whose owner makes further ones, and sees them together."""

from dataclasses import replace
from uuid import UUID

from nexusone.kernel.errors import Conflict
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.workspaces import AgencyOverview, AgencyWorkspace, NewAgencyWorkspace, WorkspaceDetails
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.modules.identity.ports.plans import PlanGate
from nexusone.modules.identity.service.refusals import NotAnAgency
from nexusone.modules.identity.service.step_up import person_of
from nexusone.modules.identity.service.workspaces import checked_settings, details_of, get_row, state_of
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import members, workspaces
from nexusone.modules.identity.store.members import RoleChoice
from nexusone.platform.audit import record_apart
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def create_workspace(ctx: Context, *, wanted: NewAgencyWorkspace) -> WorkspaceDetails:
    """Makes a workspace that belongs to the caller's, and the caller its owner.

    Raises:
        NotAnAgency: the caller's workspace belongs to an agency itself.
        PaymentRequired: the plan is without agencies.
        Conflict: the agency has as many workspaces as it may have.
        Unprocessable: no such language or time zone.
    """
    owner_id = person_of(ctx)
    locale, zone = checked_settings(locale=wanted.default_locale, zone=wanted.timezone)
    async with ctx.transaction("identity") as tx:
        if (await get_row(ctx, tx)).agency_id is not None:
            raise NotAnAgency
    (await ctx.port(PlanGate).allowance_of(ctx, feature="agency")).require(used=0)
    async with ctx.transaction("system") as tx:
        count = len(await workspaces.list_of_agency(tx, agency_id=ctx.workspace))
    limit = ctx.setting(IdentitySettings).agency_workspaces_max
    if count >= limit:
        raise Conflict(reason=f"an agency has at most {limit} workspaces")
    # Written in the new workspace, where the caller's present session has no standing yet.
    inside = replace(ctx.for_workspace(new_id()), principal=replace(ctx.principal, standing=None), idempotency=None)
    async with inside.transaction("identity") as tx:
        await workspaces.insert_agency_workspace(
            tx,
            workspace_id=inside.workspace,
            agency_id=ctx.workspace,
            name=wanted.name,
            default_locale=locale or wanted.default_locale,
            timezone=zone or wanted.timezone,
            now=ctx.now(),
        )
        await members.insert_member(tx, workspace_id=inside.workspace, user_id=owner_id, choice=RoleChoice("owner"), now=ctx.now())
        await publish(tx, WorkspaceCreated(workspace_id=inside.workspace, workspace_name=wanted.name, owner_id=owner_id))
        made = details_of(await get_row(inside, tx))
    await record_apart(ctx, action="identity.agency.workspace_made", object_kind="workspace", object_id=str(made.id), result="done")
    return made


async def list_clients(ctx: Context) -> dict[UUID, str]:
    """The agency's workspaces with their names, each read inside its own walls."""
    async with ctx.transaction("system") as tx:
        found = await workspaces.list_of_agency(tx, agency_id=ctx.workspace)
    clients = {}
    for workspace_id in found:
        async with ctx.for_workspace(workspace_id).transaction("identity") as tx:
            row = await workspaces.find_workspace(tx, workspace_id=workspace_id)
        if row is not None and row.agency_id == ctx.workspace:
            clients[workspace_id] = row.name
    return clients


async def get_overview(ctx: Context) -> AgencyOverview:
    """The agency's workspaces with their members and counts, each read inside its own walls."""
    async with ctx.transaction("system") as tx:
        found = await workspaces.list_of_agency(tx, agency_id=ctx.workspace)
    items, people = [], set()
    for workspace_id in found:
        inside = ctx.for_workspace(workspace_id)
        async with inside.transaction("identity") as tx:
            row = await workspaces.find_workspace(tx, workspace_id=workspace_id)
            if row is None or row.agency_id != ctx.workspace:
                continue
            user_ids = await workspaces.list_member_ids(tx, workspace_id=workspace_id)
            items.append(
                AgencyWorkspace(
                    workspace_id=workspace_id,
                    name=row.name,
                    state=state_of(row),
                    members=len(user_ids),
                    open_invitations=await workspaces.count_open_invitations(tx, workspace_id=workspace_id, now=ctx.now()),
                    api_keys=await workspaces.count_api_keys(tx, workspace_id=workspace_id, now=ctx.now()),
                    created_at=row.created_at,
                )
            )
            people.update(user_ids)
    return AgencyOverview(items=items, workspaces=len(items), members=len(people))
