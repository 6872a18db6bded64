"""GraphQL door of usage."""

import strawberry

from nexusone.modules.billing.service import usage
from nexusone.web.graphql import GraphqlInfo, needs


@strawberry.type(name="MeterUsage", description="What a meter stands at in the month that runs; a text, because it can be large.")
class MeterUsageType:
    """The fields of the REST form."""

    meter: str
    aggregation: str
    unit: str
    value: str


async def _usage(info: GraphqlInfo) -> list[MeterUsageType]:
    found = await usage.get_usage(info.context.ctx, since=None, until=None)
    return [MeterUsageType(meter=one.meter, aggregation=one.aggregation, unit=one.unit, value=str(one.value)) for one in found.meters]


@strawberry.type
class UsageQuery:
    """Fields of the Query type about usage."""

    usage: list[MeterUsageType] = strawberry.field(
        resolver=_usage, description="What all meters stand at in the month that runs.", permission_classes=needs("usage:read")
    )
