"""Reading plans: the price list for everybody, and what a workspace has and has used."""

from datetime import datetime

from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing.contracts.entitlements import CurrentPlan, Entitlement, Entitlements
from nexusone.modules.billing.contracts.plans import PlanOffer, PriceListing
from nexusone.modules.billing.domain.features import ABSENT, FEATURES, FeatureTerms, most, window_end
from nexusone.modules.billing.ports import UsageGauges
from nexusone.modules.billing.service.entitlements import Allowance, used_of
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue, default_plan
from nexusone.modules.billing.service.plan_views import content_of, list_for, name_of, offer_of
from nexusone.modules.billing.service.refusals_plans import PlanNotFound
from nexusone.modules.billing.store import plans
from nexusone.modules.billing.store.plans import VersionRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def list_offers(ctx: Context, *, country: str | None) -> PriceListing:
    """The plans on offer with their prices in a country's list, or in the default one."""
    await ctx.port(PlanCatalogue).be_written(ctx)
    async with ctx.transaction("billing") as tx:
        chosen = list_for(await plans.list_price_lists(tx), country)
        offers = await _offers(tx, list_code=chosen.code, locale=ctx.locale)
    return PriceListing(price_list=chosen.code, currency=chosen.currency, plans=offers)


async def get_current_plan(ctx: Context) -> CurrentPlan:
    """The workspace's plan, with what of it was used.

    Raises:
        PlanNotFound: it has none, and the default plan is not on offer.
    """
    await ctx.port(PlanCatalogue).be_written(ctx)
    async with ctx.transaction("billing") as tx:
        version, since = await _version_of(ctx, tx)
        features = await plans.list_features(tx, version_ids=[version.id])
        names = {row.code: row.names for row in await plans.list_plans(tx)}[version.plan_code]
    terms = {row.feature: FeatureTerms(row.is_included, row.quantity, row.overage_micros) for row in features}
    return CurrentPlan(
        code=version.plan_code,
        name=name_of(names, ctx.locale),
        version=version.number,
        since=since,
        features=[await _entitlement(ctx, Allowance(name, version.plan_code, since, terms.get(name, ABSENT), ())) for name in FEATURES],
    )


async def get_entitlements(ctx: Context) -> Entitlements:
    """Every feature there is, and what of it the workspace has and has used.

    Raises:
        PlanNotFound: as `get_current_plan`.
    """
    return Entitlements(items=(await get_current_plan(ctx)).features)


async def _offers(tx: Transaction, *, list_code: str, locale: str) -> list[PlanOffer]:
    known = await plans.list_plans(tx)
    versions = {row.plan_code: row for row in await plans.list_current_versions(tx)}
    public = [row for row in known if row.is_public and row.code in versions]
    content = await content_of(tx, [versions[row.code] for row in public])
    return [offer_of(versions[row.code], content, name=name_of(row.names, locale), list_code=list_code) for row in public]


async def _version_of(ctx: Context, tx: Transaction) -> tuple[VersionRow, datetime | None]:
    own = await plans.find_workspace_plan(tx, workspace_id=ctx.workspace)
    if own is not None:
        found = await plans.find_version(tx, version_id=own.plan_version_id)
    else:
        code = default_plan(ctx)
        found = next((row for row in await plans.list_current_versions(tx) if row.plan_code == code), None)
    if found is None:
        raise PlanNotFound
    return found, own.since if own is not None else None


async def _entitlement(ctx: Context, allowance: Allowance) -> Entitlement:
    feature, terms = FEATURES[allowance.feature], allowance.terms
    is_counted = feature.kind != "boolean" and (feature.window != "standing" or allowance.feature in ctx.port(UsageGauges).counters)
    is_metered = feature.kind == "metered"
    return Entitlement(
        feature=allowance.feature,
        kind=feature.kind,
        window=feature.window,
        is_included=terms.is_included,
        limit=None if feature.kind == "boolean" else most(feature.kind, terms),
        used=await used_of(ctx, allowance) if is_counted else None,
        included=terms.quantity if is_metered else None,
        overage=credits_to_text(terms.overage_micros) if is_metered and terms.overage_micros is not None else None,
        renews_at=window_end(feature.window, now=ctx.now(), since=allowance.since),
    )
