"""REST door of workspaces and agencies."""

from fastapi import Response

from nexusone.kernel.errors import Conflict, NotFound, PaymentRequired, PreconditionFailed
from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.workspaces import (
    AgencyOverview,
    DeletionWish,
    Memberships,
    NewAgencyWorkspace,
    Switch,
    WorkspaceChange,
    WorkspaceDetails,
    WorkspaceExport,
)
from nexusone.modules.identity.service import agencies, deletion, workspaces
from nexusone.modules.identity.service.refusals import (
    DeletionNotPlanned,
    DeletionPlanned,
    ExportNotReady,
    NotAnAgency,
    ProvedElsewhere,
    SsoRequired,
    StepUpNeeded,
    WorkspaceNotSuspended,
)
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.rights import PERSONAL

door = Door("workspaces")


@door.get("/workspaces", permission=PERSONAL, summary="List all workspaces of the person, with their roles")
async def list_workspaces(ctx: Caller) -> Memberships:
    return await workspaces.list_own(ctx)


@door.post(
    "/auth/switch",
    permission=PERSONAL,
    key_use="none",
    summary="Go on in another workspace of the person's",
    refusals=(NotFound, ProvedElsewhere, SsoRequired),
)
async def switch_workspace(ctx: Caller, body: Switch) -> SignedIn:
    return await workspaces.switch(ctx, wanted=body)


@door.get("/workspace", permission="workspace:read", summary="See the workspace")
async def get_workspace(ctx: Caller, response: Response) -> WorkspaceDetails:
    found = await workspaces.get_workspace(ctx)
    tag_version(response, found.version)
    return found


@door.patch("/workspace", permission="workspace:write", summary="Change the workspace's settings", refusals=(PreconditionFailed,))
async def change_workspace(ctx: Caller, response: Response, body: WorkspaceChange, version: ExpectedVersion) -> WorkspaceDetails:
    changed = await workspaces.change_workspace(ctx, change=body, version=version)
    tag_version(response, changed.version)
    return changed


@door.post("/workspace/suspend", permission="workspace:suspend", summary="Let the workspace only be read")
async def suspend_workspace(ctx: Caller) -> WorkspaceDetails:
    return await workspaces.suspend(ctx)


@door.post(
    "/workspace/resume",
    permission="workspace:suspend",
    summary="Let the workspace work again",
    refusals=(WorkspaceNotSuspended, DeletionPlanned),
)
async def resume_workspace(ctx: Caller) -> WorkspaceDetails:
    return await workspaces.resume(ctx)


@door.post(
    "/workspace/deletion",
    permission="workspace:delete",
    status=202,
    summary="Export the workspace, and delete it after a time of grace",
    cost=20,
    refusals=(DeletionPlanned, StepUpNeeded),
)
async def plan_deletion(ctx: Caller, body: DeletionWish) -> WorkspaceDetails:
    return await deletion.plan_deletion(ctx, wanted=body)


@door.delete("/workspace/deletion", permission="workspace:delete", summary="Keep the workspace after all", refusals=(DeletionNotPlanned,))
async def call_off_deletion(ctx: Caller) -> WorkspaceDetails:
    return await deletion.call_off_deletion(ctx)


@door.post(
    "/workspace/export",
    permission="workspace:export",
    status=202,
    summary="Export everything the workspace has",
    cost=20,
    refusals=(StepUpNeeded,),
)
async def order_export(ctx: Caller) -> WorkspaceDetails:
    return await deletion.order_export(ctx)


@door.get(
    "/workspace/export", permission="workspace:export", summary="Get links to the last export", refusals=(ExportNotReady, StepUpNeeded)
)
async def get_export(ctx: Caller) -> WorkspaceExport:
    return await deletion.get_export(ctx)


@door.get("/agency", permission="agency:read", summary="See the agency's workspaces together")
async def get_agency(ctx: Caller) -> AgencyOverview:
    return await agencies.get_overview(ctx)


@door.post(
    "/agency/workspaces",
    permission="agency:write",
    status=201,
    summary="Make a further workspace",
    refusals=(PaymentRequired, NotAnAgency, Conflict),
)
async def create_agency_workspace(ctx: Caller, body: NewAgencyWorkspace) -> WorkspaceDetails:
    return await agencies.create_workspace(ctx, wanted=body)
