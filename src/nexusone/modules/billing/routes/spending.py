"""REST door of grants, holds, caps, alerts and automatic top-up."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.caps import Alerts, AlertsWish, Caps, CapsWish, TopUp, TopUpWish
from nexusone.modules.billing.contracts.credits import GrantedCredits, HeldCredits, Spend
from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.modules.billing.service import caps, listings, watching
from nexusone.modules.billing.service.refusals_credits import GrantNotFound, SettingFaulty
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("credits")

WantedState = Annotated[HoldState | None, Query(description="Only holds of this state.")]


@door.get("/credits/grants", permission="credits:read", summary="List grants of credits, newest first")
async def list_grants(ctx: Caller, pager: Pager) -> Page[GrantedCredits]:
    return pager.page(await listings.list_grants(ctx, request=pager.request))


@door.get(
    "/credits/grants/{grant_id}/spends",
    permission="credits:read",
    summary="List what a grant was spent on, newest first",
    refusals=(GrantNotFound,),
)
async def list_spends(ctx: Caller, grant_id: UUID, pager: Pager) -> Page[Spend]:
    return pager.page(await listings.list_spends(ctx, grant_id=grant_id, request=pager.request))


@door.get("/credits/holds", permission="credits:read", summary="List credits that are or were set aside, by their keys")
async def list_holds(ctx: Caller, pager: Pager, state: WantedState = None) -> Page[HeldCredits]:
    return pager.page(await listings.list_holds(ctx, state=state, request=pager.request))


@door.get("/credits/caps", permission="credits:read", summary="List the caps on spending")
async def list_caps(ctx: Caller) -> Caps:
    return await caps.list_caps(ctx)


@door.put("/credits/caps", permission="credits:write", summary="Set the caps on spending", refusals=(SettingFaulty,))
async def put_caps(ctx: Caller, body: CapsWish) -> Caps:
    return await caps.put_caps(ctx, wanted=body)


@door.get("/credits/alerts", permission="credits:read", summary="List the thresholds of low-balance alerts")
async def list_alerts(ctx: Caller) -> Alerts:
    return await watching.list_alerts(ctx)


@door.put("/credits/alerts", permission="credits:write", summary="Set the thresholds of low-balance alerts", refusals=(SettingFaulty,))
async def put_alerts(ctx: Caller, body: AlertsWish) -> Alerts:
    return await watching.put_alerts(ctx, wanted=body)


@door.get("/credits/top-up", permission="credits:read", summary="See the automatic top-up")
async def get_top_up(ctx: Caller) -> TopUp:
    return await watching.get_top_up(ctx)


@door.put("/credits/top-up", permission="credits:write", summary="Set the automatic top-up", refusals=(SettingFaulty,))
async def put_top_up(ctx: Caller, body: TopUpWish) -> TopUp:
    return await watching.put_top_up(ctx, wanted=body)
