"""GraphQL door of credits."""

import strawberry

from nexusone.modules.billing.service import balances
from nexusone.web.graphql import GraphqlInfo, needs


@strawberry.type(name="Credits", description="Credits as decimal strings: granted + overdraft = available + held + spent + expired.")
class CreditsType:
    """The fields of the REST resource."""

    available: str
    held: str
    spent: str
    expired: str
    overdraft: str
    granted: str


async def _credits(info: GraphqlInfo) -> CreditsType:
    found = await balances.get_credits(info.context.ctx)
    return CreditsType(
        available=found.available,
        held=found.held,
        spent=found.spent,
        expired=found.expired,
        overdraft=found.overdraft,
        granted=found.granted,
    )


@strawberry.type
class CreditsQuery:
    """Fields of the Query type about credits."""

    credits: CreditsType = strawberry.field(
        resolver=_credits, description="How many credits the workspace has.", permission_classes=needs("credits:read")
    )
