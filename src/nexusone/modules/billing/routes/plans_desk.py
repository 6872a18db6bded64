"""REST door of the operators' realm for plans, price lists and coupons."""

from typing import Annotated

from fastapi import Path

from nexusone.kernel.contract import Key
from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.coupons import Coupon, CouponCode, CouponWish
from nexusone.modules.billing.contracts.plans import (
    NewPlanVersion,
    NewPrices,
    Plan,
    Plans,
    PlanVersion,
    PlanWish,
    PriceList,
    PriceLists,
    PriceListWish,
)
from nexusone.modules.billing.service import coupons, plan_versions
from nexusone.modules.billing.service.refusals_plans import CouponFixed, CouponUnusable, PlanFaulty, PlanNotFound, VersionFixed
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager
from nexusone.web.rights import OPERATOR

door = Door("plan_desk")

VersionNumber = Annotated[int, Path(ge=1, le=1_000_000)]


@door.get("/operators/plans", permission=OPERATOR, summary="List all plans with all their versions")
async def list_plans(ctx: Caller) -> Plans:
    return await plan_versions.list_plans(ctx)


@door.put("/operators/plans/{code}", permission=OPERATOR, summary="Make a plan, or change its names and place", refusals=(PlanFaulty,))
async def put_plan(ctx: Caller, code: Key, body: PlanWish) -> Plan:
    return await plan_versions.put_plan(ctx, code=code, wanted=body)


@door.post(
    "/operators/plans/{code}/retire",
    permission=OPERATOR,
    key_use="none",
    summary="Take a plan off the offer",
    refusals=(PlanNotFound, VersionFixed),
)
async def retire_plan(ctx: Caller, code: Key) -> Plan:
    return await plan_versions.retire_plan(ctx, code=code)


@door.post(
    "/operators/plans/{code}/versions",
    permission=OPERATOR,
    key_use="none",
    status=201,
    summary="Write a further version of a plan",
    refusals=(PlanNotFound, PlanFaulty),
)
async def add_version(ctx: Caller, code: Key, body: NewPlanVersion) -> PlanVersion:
    return await plan_versions.add_version(ctx, code=code, wanted=body)


@door.post(
    "/operators/plans/{code}/versions/{number}/publish",
    permission=OPERATOR,
    key_use="none",
    summary="Put a version on offer",
    refusals=(PlanNotFound, VersionFixed),
)
async def publish_version(ctx: Caller, code: Key, number: VersionNumber) -> PlanVersion:
    return await plan_versions.publish_version(ctx, code=code, number=number)


@door.post(
    "/operators/plans/{code}/versions/{number}/retire",
    permission=OPERATOR,
    key_use="none",
    summary="Take a version off the offer",
    refusals=(PlanNotFound, VersionFixed),
)
async def retire_version(ctx: Caller, code: Key, number: VersionNumber) -> PlanVersion:
    return await plan_versions.retire_version(ctx, code=code, number=number)


@door.post(
    "/operators/plans/{code}/versions/{number}/prices",
    permission=OPERATOR,
    key_use="none",
    status=201,
    summary="Give a version prices where it has none",
    refusals=(PlanNotFound, PlanFaulty, VersionFixed),
)
async def add_prices(ctx: Caller, code: Key, number: VersionNumber, body: NewPrices) -> PlanVersion:
    return await plan_versions.add_prices(ctx, code=code, number=number, wanted=body)


@door.get("/operators/price-lists", permission=OPERATOR, summary="List the price lists")
async def list_price_lists(ctx: Caller) -> PriceLists:
    return await plan_versions.list_price_lists(ctx)


@door.put(
    "/operators/price-lists/{code}", permission=OPERATOR, summary="Make a price list, or change its countries", refusals=(PlanFaulty,)
)
async def put_price_list(ctx: Caller, code: Key, body: PriceListWish) -> PriceList:
    return await plan_versions.put_price_list(ctx, code=code, wanted=body)


@door.get("/operators/coupons", permission=OPERATOR, summary="List the coupons")
async def list_coupons(ctx: Caller, pager: Pager) -> Page[Coupon]:
    return pager.page(await coupons.list_coupons(ctx, request=pager.request))


@door.put(
    "/operators/coupons/{code}",
    permission=OPERATOR,
    summary="Make a coupon, or change how often and until when it may be used",
    refusals=(PlanFaulty, CouponFixed),
)
async def put_coupon(ctx: Caller, code: CouponCode, body: CouponWish) -> Coupon:
    return await coupons.put_coupon(ctx, code=code, wanted=body)


@door.post(
    "/operators/coupons/{code}/end",
    permission=OPERATOR,
    key_use="none",
    summary="Let a coupon be redeemed no more",
    refusals=(CouponUnusable, CouponFixed),
)
async def end_coupon(ctx: Caller, code: CouponCode) -> Coupon:
    return await coupons.end_coupon(ctx, code=code)
