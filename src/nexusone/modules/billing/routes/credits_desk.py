"""REST door of the operators' realm for credits that are given and taken by hand."""

from uuid import UUID

from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.adjustments import Adjustment, NewAdjustment
from nexusone.modules.billing.service import adjustments
from nexusone.modules.billing.service.refusals import InsufficientCredits, KeyConflict
from nexusone.modules.billing.service.refusals_credits import (
    AdjustmentDone,
    AdjustmentNotFound,
    SecondPersonNeeded,
    SettingFaulty,
    WorkspaceUnknown,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager
from nexusone.web.rights import OPERATOR

door = Door("credits_desk")


@door.get(
    "/operators/workspaces/{workspace_id}/adjustments",
    permission=OPERATOR,
    summary="List a workspace's adjustments of credits, newest first",
)
async def list_adjustments(ctx: Caller, workspace_id: UUID, pager: Pager) -> Page[Adjustment]:
    return pager.page(await adjustments.list_adjustments(ctx, workspace_id=workspace_id, request=pager.request))


@door.post(
    "/operators/workspaces/{workspace_id}/adjustments",
    permission=OPERATOR,
    key_use="none",
    status=201,
    summary="Give or take credits by hand; over a limit it waits for a second person",
    refusals=(WorkspaceUnknown, SettingFaulty, InsufficientCredits, KeyConflict),
)
async def make_adjustment(ctx: Caller, workspace_id: UUID, body: NewAdjustment) -> Adjustment:
    return await adjustments.make(ctx, workspace_id=workspace_id, wanted=body)


@door.post(
    "/operators/workspaces/{workspace_id}/adjustments/{adjustment_id}/approve",
    permission=OPERATOR,
    key_use="none",
    summary="Agree to an adjustment that somebody else made",
    refusals=(AdjustmentNotFound, AdjustmentDone, SecondPersonNeeded, InsufficientCredits),
)
async def approve_adjustment(ctx: Caller, workspace_id: UUID, adjustment_id: UUID) -> Adjustment:
    return await adjustments.approve(ctx, workspace_id=workspace_id, adjustment_id=adjustment_id)


@door.post(
    "/operators/workspaces/{workspace_id}/adjustments/{adjustment_id}/decline",
    permission=OPERATOR,
    key_use="none",
    summary="End an adjustment that waits, without booking it",
    refusals=(AdjustmentNotFound, AdjustmentDone),
)
async def decline_adjustment(ctx: Caller, workspace_id: UUID, adjustment_id: UUID) -> Adjustment:
    return await adjustments.decline(ctx, workspace_id=workspace_id, adjustment_id=adjustment_id)
