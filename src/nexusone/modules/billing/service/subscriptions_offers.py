"""What a workspace may subscribe to, at which price."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nexusone.modules.billing.contracts.plans import Interval
from nexusone.modules.billing.contracts.subscriptions import SubscriptionChange
from nexusone.modules.billing.domain.subscriptions import Subscription, Terms
from nexusone.modules.billing.service.plan_views import list_for
from nexusone.modules.billing.service.refusals_plans import PlanNotFound
from nexusone.modules.billing.store import plans, profiles
from nexusone.modules.billing.store.plans import PriceListRow, VersionRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Offer:
    """A version on offer, and its terms for this workspace."""

    version: VersionRow
    terms: Terms


async def find_offer(ctx: Context, tx: Transaction, *, plan: str, every: Interval, quantity: int, currency: str | None = None) -> Offer:
    """A public plan as it is on offer, in the price list of the workspace's country, or one of a currency.

    Raises:
        PlanNotFound: it is not on offer, or has no such price.
    """
    public = {row.code for row in await plans.list_plans(tx) if row.is_public}
    version = next((row for row in await plans.list_current_versions(tx) if row.plan_code == plan and plan in public), None)
    if version is None:
        raise PlanNotFound
    return Offer(version, await _terms(ctx, tx, version, every=every, quantity=quantity, currency=currency))


async def changed_terms(ctx: Context, tx: Transaction, known: Subscription, wanted: SubscriptionChange) -> Terms:
    """The terms after a change. Who stays with the plan stays on its version, and who keeps the interval too keeps its price.

    Raises:
        PlanNotFound: the plan is not on offer, or has no such price in the subscription's currency.
    """
    present = known.terms
    every, quantity = wanted.every or present.interval, wanted.quantity or present.quantity
    version = await plans.find_version(tx, version_id=present.plan_version_id)
    if version is None:
        raise PlanNotFound
    if wanted.plan is not None and wanted.plan != version.plan_code:
        offer = await find_offer(ctx, tx, plan=wanted.plan, every=every, quantity=quantity, currency=present.currency)
        return offer.terms
    if every == present.interval:
        return replace(present, quantity=quantity)
    return await _terms(ctx, tx, version, every=every, quantity=quantity, currency=present.currency)


async def _terms(ctx: Context, tx: Transaction, version: VersionRow, *, every: Interval, quantity: int, currency: str | None) -> Terms:
    profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    chosen = price_list_in(await plans.list_price_lists(tx), country=profile.country if profile else None, currency=currency)
    for price in await plans.list_prices(tx, version_ids=[version.id]):
        if (price.list_code, price.every) == (chosen.code, every):
            return Terms(version.id, price.currency, every, price.amount, quantity)
    raise PlanNotFound


def price_list_in(rows: Sequence[PriceListRow], *, country: str | None, currency: str | None) -> PriceListRow:
    """The price list of a country, or where it is in another currency than `currency`, one in that if there is any."""
    chosen = list_for(rows, country)
    if currency is None or chosen.currency == currency:
        return chosen
    return next((row for row in rows if row.currency == currency), chosen)
