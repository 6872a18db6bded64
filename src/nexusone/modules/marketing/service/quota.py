"""The messages a plan allows in a month: taken by a campaign before it leaves, and given back for what never left."""

from uuid import UUID

from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Context

MESSAGES = "campaigns.monthly_messages"


async def take_messages(ctx: Context, *, campaign_id: UUID, count: int) -> None:
    """Takes a campaign's messages, once.

    Raises:
        NotInPlan: there are not so many left this month.
    """
    if count:
        await billing.take_entitlement(ctx, feature=MESSAGES, quantity=count, key=_key(campaign_id))


async def give_back_messages(ctx: Context, *, campaign_id: UUID, sent: int) -> None:
    """Gives back all but those that were sent."""
    await billing.give_back_entitlement(ctx, key=_key(campaign_id), kept=sent)


def _key(campaign_id: UUID) -> str:
    return f"campaign:{campaign_id}"
