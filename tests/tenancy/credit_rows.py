"""Rows of one company in the tables of caps, alerts, top-up, rollover and adjustments."""

from datetime import timedelta

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.adjustments import NewAdjustment
from nexusone.modules.billing.contracts.caps import AlertsWish, CapsWish, CapWish, TopUpWish
from nexusone.modules.billing.service import adjustments, caps, grants, watching
from nexusone.modules.billing.service.grants import Rollover
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context

DAY = timedelta(days=1)


async def fill_credits(ctx: Context) -> dict[str, str]:
    """The company has capped its spending, wants to be told and topped up, and was given credits by hand; ids for paths."""
    now = ctx.now()
    async with ctx.transaction("billing") as tx:
        grant_id = await grants.grant(
            ctx,
            tx,
            key="tenancy:rolls",
            source="promotion",
            amount_micros=10,
            priority=None,
            expires_at=now + DAY,
            rollover=Rollover(until=now + 2 * DAY),
        )
    await caps.put_caps(ctx, wanted=CapsWish(caps=[CapWish(scope="workspace", period="month", limit="1000000")]))
    await billing.hold(ctx, key="tenancy:capped", amount_micros=1, purpose="text", expires_in=DAY)
    await watching.put_alerts(ctx, wanted=AlertsWish(thresholds=["0.000001"]))
    await watching.put_top_up(ctx, wanted=TopUpWish(is_enabled=False, threshold="1", amount="1", monthly_maximum="1"))
    operator = Context(
        runtime=ctx.runtime,
        workspace_id=None,
        principal=Principal(kind="operator", id=new_id(), permissions=frozenset()),
        request_id="tenancy",
    )
    given = NewAdjustment(key="tenancy", kind="compensation", amount="1", reason="tenancy")
    made = await adjustments.make(operator, workspace_id=ctx.workspace, wanted=given)
    return {"grant_id": str(grant_id), "adjustment_id": str(made.id)}
