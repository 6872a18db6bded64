"""REST door of usage, and the operators' door to margins."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from nexusone.kernel.contract import Instant
from nexusone.modules.billing.contracts.usage import Margin, MeterHistory, NewMarginFloor, NewUsage, UsageOfPeriod, UsageRecorded
from nexusone.modules.billing.service import margins, usage
from nexusone.modules.billing.service.refusals_credits import WorkspaceUnknown
from nexusone.modules.billing.service.refusals_usage import MeterNotFound, MeterUnknown, PeriodTooLong, UsageOutOfTime
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.rights import OPERATOR

door = Door("billing")

Since = Annotated[Instant | None, Query(description="From this instant on; by default the beginning of the month.")]
Until = Annotated[Instant | None, Query(description="Up to before this instant; by default now.")]


@door.post("/usage", permission="usage:write", summary="Report usage", refusals=(MeterUnknown, UsageOutOfTime))
async def record_usage(ctx: Caller, body: NewUsage) -> UsageRecorded:
    return await usage.record_request(ctx, wanted=body)


@door.get("/usage", permission="usage:read", summary="What all meters stand at", refusals=(PeriodTooLong,))
async def get_usage(ctx: Caller, since: Since = None, until: Until = None) -> UsageOfPeriod:
    return await usage.get_usage(ctx, since=since, until=until)


@door.get("/usage/{meter}", permission="usage:read", summary="One meter, day by day", refusals=(MeterNotFound, PeriodTooLong))
async def get_meter(ctx: Caller, meter: Annotated[str, Path(max_length=100)], since: Since = None, until: Until = None) -> MeterHistory:
    return await usage.get_history(ctx, code=meter, since=since, until=until)


@door.get(
    "/operators/workspaces/{workspace_id}/margin",
    permission=OPERATOR,
    summary="What a workspace earned and cost",
    refusals=(PeriodTooLong,),
)
async def get_margin(ctx: Caller, workspace_id: UUID, since: Since = None, until: Until = None) -> Margin:
    return await margins.get_margin(ctx.for_workspace(workspace_id), since=since, until=until)


@door.put(
    "/operators/workspaces/{workspace_id}/margin-floor",
    permission=OPERATOR,
    summary="Set the least that is to be left, and what happens below it",
    refusals=(WorkspaceUnknown,),
)
async def set_margin_floor(ctx: Caller, workspace_id: UUID, body: NewMarginFloor) -> Margin:
    return await margins.set_floor(ctx, workspace_id=workspace_id, wanted=body)
