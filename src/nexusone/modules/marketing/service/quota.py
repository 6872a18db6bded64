"""The messages a plan allows in a month: taken by a campaign before it leaves, and given back for what never left.

The key is that of the hold of its credits, so both are the campaign's, once.
"""

from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Context

MESSAGES = "campaigns.monthly_messages"


async def take_messages(ctx: Context, *, key: str | None, count: int) -> None:
    """Takes a campaign's messages, once.

    Raises:
        NotInPlan: there are not so many left this month.
    """
    if key and count:
        await billing.take_entitlement(ctx, feature=MESSAGES, quantity=count, key=key)


async def give_back_messages(ctx: Context, *, key: str | None, sent: int) -> None:
    """Gives back all but those that were sent."""
    if key:
        await billing.give_back_entitlement(ctx, key=key, kept=sent)
