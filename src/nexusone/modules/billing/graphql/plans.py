"""GraphQL door of plans and entitlements."""

import strawberry

from nexusone.modules.billing.contracts.entitlements import Entitlement
from nexusone.modules.billing.service import plans
from nexusone.web.graphql import GraphqlInfo, needs


@strawberry.type(name="Entitlement", description="A feature of the workspace's plan. No limit: without one.")
class EntitlementType:
    """The fields of the REST resource; counts are texts, because they can be larger than GraphQL's integers."""

    feature: str
    kind: str
    window: str
    is_included: bool
    limit: str | None
    used: str | None
    included: str | None
    overage: str | None
    renews_at: str | None


@strawberry.type(name="Plan", description="The plan the workspace is on; since null: the default plan, without a subscription.")
class PlanType:
    """The fields of the REST resource."""

    code: str
    name: str
    version: int
    since: str | None
    features: list[EntitlementType]


def _shown(found: Entitlement) -> EntitlementType:
    return EntitlementType(
        feature=found.feature,
        kind=found.kind,
        window=found.window,
        is_included=found.is_included,
        limit=_text(found.limit),
        used=_text(found.used),
        included=_text(found.included),
        overage=found.overage,
        renews_at=found.renews_at.isoformat() if found.renews_at else None,
    )


def _text(count: int | None) -> str | None:
    return None if count is None else str(count)


async def _plan(info: GraphqlInfo) -> PlanType:
    found = await plans.get_current_plan(info.context.ctx)
    return PlanType(
        code=found.code,
        name=found.name,
        version=found.version,
        since=found.since.isoformat() if found.since else None,
        features=[_shown(feature) for feature in found.features],
    )


async def _entitlements(info: GraphqlInfo) -> list[EntitlementType]:
    return [_shown(found) for found in (await plans.get_entitlements(info.context.ctx)).items]


@strawberry.type
class PlansQuery:
    """The fields of plans in the Query type."""

    plan: PlanType = strawberry.field(
        resolver=_plan, description="The plan the workspace is on, with what of it was used.", permission_classes=needs("plans:read")
    )
    entitlements: list[EntitlementType] = strawberry.field(
        resolver=_entitlements,
        description="Every feature there is, and what of it the workspace has.",
        permission_classes=needs("plans:read"),
    )
