"""REST door of plans: what is on offer, what the workspace has, what a coupon would give."""

from typing import Annotated

from fastapi import Query

from nexusone.modules.billing.contracts.coupons import CouponOffer, CouponQuestion
from nexusone.modules.billing.contracts.entitlements import CurrentPlan, Entitlements
from nexusone.modules.billing.contracts.plans import PriceListing
from nexusone.modules.billing.service import coupons, plans
from nexusone.modules.billing.service.refusals_plans import CouponUnusable, PlanNotFound
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC

door = Door("plans")

CountryCode = Annotated[
    str | None, Query(pattern="^[A-Z]{2}$", description="Whose price list: an ISO 3166-1 code; the default list without one.")
]


@door.get("/plans", permission=PUBLIC, summary="List the plans on offer, with the prices of a country")
async def list_plans(ctx: Caller, country: CountryCode = None) -> PriceListing:
    return await plans.list_offers(ctx, country=country)


@door.get("/plan", permission="plans:read", summary="See the workspace's plan and what of it was used", refusals=(PlanNotFound,))
async def get_plan(ctx: Caller) -> CurrentPlan:
    return await plans.get_current_plan(ctx)


@door.get("/entitlements", permission="plans:read", summary="See every feature and what of it the workspace has", refusals=(PlanNotFound,))
async def list_entitlements(ctx: Caller) -> Entitlements:
    return await plans.get_entitlements(ctx)


@door.post(
    "/coupons/check",
    permission="plans:read",
    key_use="none",
    summary="Ask what a coupon takes off a plan's price",
    refusals=(PlanNotFound, CouponUnusable),
)
async def check_coupon(ctx: Caller, body: CouponQuestion) -> CouponOffer:
    return await coupons.check(ctx, question=body)
