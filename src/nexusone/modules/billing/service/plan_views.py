"""Plans in the words of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexusone.kernel.locale import fallback_chain
from nexusone.kernel.money import Money, credits_to_text
from nexusone.modules.billing.contracts.plans import (
    Plan,
    PlanFeature,
    PlanOffer,
    PlanPrice,
    PlanUsagePrice,
    PlanVersion,
    PriceContent,
    PriceList,
    TrialTerms,
    UsagePriceContent,
)
from nexusone.modules.billing.domain.features import FEATURES
from nexusone.modules.billing.store import plans
from nexusone.modules.billing.store.plans import FeatureRow, PlanRow, PriceListRow, PriceRow, UsagePriceRow, VersionRow
from nexusone.platform.database import Transaction


def name_of(names: Mapping[str, str], locale: str) -> str:
    """A plan's name in a language, or in the nearest it has."""
    return next((names[tag] for tag in fallback_chain(locale, "en") if tag in names), next(iter(names.values())))


def price_list_of(row: PriceListRow) -> PriceList:
    """A price list."""
    return PriceList(code=row.code, currency=row.currency, countries=list(row.countries), is_default=row.is_default)


def list_for(rows: Sequence[PriceListRow], country: str | None) -> PriceListRow:
    """The price list of a country: its own, else the default one. Raises: LookupError where there is none at all."""
    found = next((row for row in rows if country is not None and country in row.countries), None)
    chosen = found or next((row for row in rows if row.is_default), None)
    if chosen is None:
        raise LookupError("there is no default price list")
    return chosen


def plan_of(row: PlanRow, versions: list[PlanVersion]) -> Plan:
    """A plan as operators see it."""
    return Plan(
        code=row.code, names=row.names, position=row.position, is_public=row.is_public, retired_at=row.retired_at, versions=versions
    )


@dataclass(frozen=True, slots=True)
class Content:
    """The features and prices of versions, together."""

    features: Sequence[FeatureRow]
    prices: Sequence[PriceRow]
    usage_prices: Sequence[UsagePriceRow]


async def content_of(tx: Transaction, versions: Sequence[VersionRow]) -> Content:
    """What versions give and cost."""
    ids = [row.id for row in versions]
    return Content(
        features=await plans.list_features(tx, version_ids=ids),
        prices=await plans.list_prices(tx, version_ids=ids),
        usage_prices=await plans.list_usage_prices(tx, version_ids=ids),
    )


def version_of(row: VersionRow, content: Content) -> PlanVersion:
    """A version as operators see it, with those of the features and prices that are its own."""
    return PlanVersion(
        id=row.id,
        plan=row.plan_code,
        number=row.number,
        allowance=credits_to_text(row.allowance_micros),
        allowance_priority=row.allowance_priority,
        rollover=row.rollover,
        rollover_cap=_credits(row.rollover_cap_micros),
        allows_overdraft=row.allows_overdraft,
        overdraft_limit=credits_to_text(row.overdraft_micros),
        trial=_trial(row),
        features=_features(row, content.features),
        prices=[
            PriceContent(price_list=price.list_code, every=price.every, amount=price.amount)
            for price in content.prices
            if price.plan_version_id == row.id
        ],
        usage_prices=[
            UsagePriceContent(price_list=price.list_code, meter=price.meter, included=price.included, per=price.per, amount=price.amount)
            for price in content.usage_prices
            if price.plan_version_id == row.id
        ],
        created_at=row.created_at,
        published_at=row.published_at,
        retired_at=row.retired_at,
    )


def offer_of(row: VersionRow, content: Content, *, name: str, list_code: str) -> PlanOffer:
    """A version as it is offered, with its prices in one list."""
    return PlanOffer(
        code=row.plan_code,
        name=name,
        version=row.number,
        allowance=credits_to_text(row.allowance_micros),
        rollover=row.rollover,
        rollover_cap=_credits(row.rollover_cap_micros),
        trial=_trial(row),
        features=_features(row, content.features),
        prices=[
            PlanPrice(every=price.every, price=Money(amount=price.amount, currency=price.currency))
            for price in content.prices
            if price.plan_version_id == row.id and price.list_code == list_code
        ],
        usage_prices=[
            PlanUsagePrice(
                meter=price.meter, included=price.included, per=price.per, price=Money(amount=price.amount, currency=price.currency)
            )
            for price in content.usage_prices
            if price.plan_version_id == row.id and price.list_code == list_code
        ],
    )


def _trial(row: VersionRow) -> TrialTerms:
    return TrialTerms(days=row.trial_days, needs_payment_method=row.trial_needs_payment_method)


def _features(row: VersionRow, features: Sequence[FeatureRow]) -> list[PlanFeature]:
    return [
        PlanFeature(
            feature=feature.feature,
            kind=FEATURES[feature.feature].kind,
            window=FEATURES[feature.feature].window,
            is_included=feature.is_included,
            quantity=feature.quantity,
            overage=_credits(feature.overage_micros),
        )
        for feature in features
        if feature.plan_version_id == row.id and feature.feature in FEATURES
    ]


def _credits(micros: int | None) -> str | None:
    return None if micros is None else credits_to_text(micros)
