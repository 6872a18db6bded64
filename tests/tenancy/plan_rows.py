"""Rows of one company in the tables of plans, entitlements, coupons and pools."""

from uuid import UUID

from tests.modules.billing.plans.offers import limited, offered, put_on

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.coupons import CouponWish
from nexusone.modules.billing.contracts.plans import FeatureContent
from nexusone.modules.billing.contracts.pools import PoolShareWish, PoolWish
from nexusone.modules.billing.domain.features import FEATURES
from nexusone.modules.billing.service import coupons, grants, pools, pools_drawing
from nexusone.modules.billing.store import pools as pool_rows
from nexusone.platform.runtime import Context


async def fill_plans(ctx: Context, *, client_id: UUID) -> None:
    """The company is on a plan that gives everything, has used some of it and a coupon, and has a client in its pool."""
    everything = {name: FeatureContent() if feature.kind == "boolean" else limited(None) for name, feature in FEATURES.items()}
    version = await offered(ctx.runtime, everything)
    await put_on(ctx, version)
    await billing.take_entitlement(ctx, feature="campaigns.monthly_messages", quantity=1, key="tenancy")
    code = new_id().hex
    await coupons.put_coupon(ctx.runtime.system(), code=code, wanted=CouponWish(percent="10"))
    async with ctx.transaction("billing") as tx:
        await coupons.redeem(ctx, tx, code=code, plan_code=version.plan, currency="EUR")
    await pools.put_pool(ctx, wanted=PoolWish(is_open=True))
    await pools.put_share(ctx, client_id=client_id, wanted=PoolShareWish(is_member=True))
    client = ctx.runtime.system(client_id)
    await pools_drawing.draw(client, agency_id=ctx.workspace, key="tenancy", amount_micros=1)
    # What a client has, in the company's own workspace, which has no agency.
    await grants.grant_alone(ctx, key="tenancy", amount_micros=1, source="pool")
    async with ctx.transaction("billing") as tx:
        await pool_rows.put_membership(tx, workspace_id=ctx.workspace, agency_id=client_id, is_member=False, now=ctx.now())
    await pools_drawing.return_unused(ctx, agency_id=client_id)
