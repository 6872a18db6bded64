"""Plans that tests make up, and workspaces on them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from pydantic_settings import BaseSettings

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.plans import FeatureContent, NewPlanVersion, PlanVersion, PlanWish
from nexusone.modules.billing.service import plan_versions
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.settings import BillingSettings
from nexusone.modules.billing.store import plans
from nexusone.platform.runtime import Context, Runtime


def limited(quantity: int | None) -> FeatureContent:
    return FeatureContent(quantity=quantity)


def with_default(runtime: Runtime, plan: str) -> Runtime:
    """The same process with another default plan."""
    settings: dict[type[BaseSettings], BaseSettings] = dict(runtime.settings)
    settings[BillingSettings] = runtime.setting(BillingSettings).model_copy(update={"default_plan": plan})
    return replace(runtime, settings=settings)


async def offered(
    runtime: Runtime, features: Mapping[str, FeatureContent], *, code: str | None = None, position: int = 9000, is_public: bool = False
) -> PlanVersion:
    """A published version of a plan of its own; public ones are seen by every test, so few are."""
    ctx = runtime.system()
    await runtime_catalogue(ctx)
    name = code or f"p{new_id().hex}"
    await plan_versions.put_plan(ctx, code=name, wanted=PlanWish(names={"en": name}, position=position, is_public=is_public))
    made = await plan_versions.add_version(ctx, code=name, wanted=NewPlanVersion(features=dict(features)))
    return await plan_versions.publish_version(ctx, code=name, number=made.number)


async def runtime_catalogue(ctx: Context) -> None:
    """The catalogue is in the database."""
    await ctx.port(PlanCatalogue).be_written(ctx)


async def put_on(ctx: Context, version: PlanVersion, *, since: datetime | None = None) -> None:
    """The workspace is on that version."""
    async with ctx.transaction("billing") as tx:
        await plans.set_workspace_plan(tx, workspace_id=ctx.workspace, plan_version_id=version.id, since=since or ctx.now())


@asynccontextmanager
async def retired_after(runtime: Runtime, version: PlanVersion) -> AsyncIterator[PlanVersion]:
    """A public plan that other tests shall not see for long."""
    try:
        yield version
    finally:
        await plan_versions.retire_plan(runtime.system(), code=version.plan)
