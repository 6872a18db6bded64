"""Rows of one company in the tables of subscriptions and dunning."""

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.subscriptions import NewSubscription
from nexusone.modules.billing.domain.dunning import begun
from nexusone.modules.billing.service import subscriptions_starting
from nexusone.modules.billing.store import dunning
from nexusone.platform.runtime import Context


async def fill_subscriptions(ctx: Context) -> None:
    """A subscription with its history, and an invoice of it that is dunned for."""
    begun_now = await subscriptions_starting.start(ctx, wanted=NewSubscription(plan="starter"))
    async with ctx.transaction("billing") as tx:
        await dunning.put(
            tx,
            workspace_id=ctx.workspace,
            subscription_id=begun_now.id,
            invoice_id=new_id(),
            known=begun(ctx.now(), failure=1),
            now=ctx.now(),
        )
