"""The words of plans: what they give, what they cost where, and how operators write them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Key, Name
from nexusone.kernel.money import CreditsText, Money

Interval = Literal["month", "year"]
Rollover = Literal["none", "all", "capped"]
FeatureKind = Literal["boolean", "limit", "metered"]
FeatureWindow = Literal["standing", "calendar_month", "plan_month"]
FeatureName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,62}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
LocaleTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$")]
NonNegativeCredits = Annotated[str, StringConstraints(pattern=r"^\d{1,10}(\.\d{1,6})?$")]
Quantity = Annotated[int, Field(ge=0, le=10**12)]
MinorUnits = Annotated[int, Field(ge=0, le=10**12)]


class PlanFeature(Contract):
    """What a plan says of a feature. No `quantity`: without limit. `overage`: credits for each one beyond what is included."""

    feature: FeatureName
    kind: FeatureKind
    window: FeatureWindow
    is_included: bool
    quantity: Quantity | None
    overage: CreditsText | None


class PlanPrice(Contract):
    """What a plan costs for a month or a year."""

    every: Interval
    price: Money


class PlanUsagePrice(Contract):
    """Beyond `included`, every begun package of `per` units of a meter costs `price`, billed when the period has ended.

    What is counted or added up is included for each month; of a peak or a level, that much at any time.
    """

    meter: FeatureName
    included: Quantity
    per: Annotated[int, Field(ge=1, le=10**12)]
    price: Money


class TrialTerms(Contract):
    """How long a plan may be tried, and whether a payment method is asked for first."""

    days: Annotated[int, Field(ge=0, le=365)] = 0
    needs_payment_method: bool = True


class PlanOffer(Contract):
    """A plan as it is offered now. `allowance`: credits that come with every month, of which `rollover` says what stays."""

    code: Key
    name: str
    version: int
    allowance: CreditsText
    rollover: Rollover
    rollover_cap: CreditsText | None
    trial: TrialTerms
    features: list[PlanFeature]
    prices: list[PlanPrice]
    usage_prices: list[PlanUsagePrice]


class PriceListing(Contract):
    """All plans on offer with their prices in one price list."""

    price_list: Key
    currency: Currency
    plans: list[PlanOffer]


class FeatureContent(Contract):
    """A feature in a version: without a quantity there is no limit; without an overage, what is metered ends there."""

    quantity: Quantity | None = None
    overage: NonNegativeCredits | None = None


class PriceContent(Contract):
    """A price of a version in a price list, in minor units of the list's currency."""

    price_list: Key
    every: Interval
    amount: MinorUnits


class UsagePriceContent(Contract):
    """What a version includes of a meter for each month and piece, and what every begun package of `per` units beyond it costs."""

    price_list: Key
    meter: FeatureName
    included: Quantity = 0
    per: Annotated[int, Field(ge=1, le=10**12)] = 1
    amount: MinorUnits


class NewPlanVersion(Contract):
    """A further version of a plan: features by name, prices by price list; a feature that is not named is not given.

    `overdraft_limit`: how many credits for each piece work may cost beyond what was held for it, once the plan is paid for.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "allowance": "2000",
                    "features": {"contacts.total": {"quantity": 5000}, "ai.generations": {"quantity": 500, "overage": "0.5"}, "sso": {}},
                    "prices": [{"price_list": "world", "every": "month", "amount": 2900}],
                    "usage_prices": [{"price_list": "world", "meter": "ai.images", "included": 100, "per": 10, "amount": 50}],
                    "trial": {"days": 14, "needs_payment_method": False},
                }
            ]
        }
    )

    allowance: NonNegativeCredits = "0"
    allowance_priority: Annotated[int, Field(ge=0, le=1000)] = 20
    rollover: Rollover = "none"
    rollover_cap: NonNegativeCredits | None = None
    allows_overdraft: bool = False
    overdraft_limit: NonNegativeCredits = "0"
    trial: TrialTerms = TrialTerms()
    features: Annotated[dict[FeatureName, FeatureContent], Field(max_length=100)]
    prices: Annotated[list[PriceContent], Field(max_length=400)] = Field(default_factory=list)
    usage_prices: Annotated[list[UsagePriceContent], Field(max_length=400)] = Field(default_factory=list)


class PlanWish(Contract):
    """A plan as operators write it: its name in each language, `en` among them, and its place among the others."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"names": {"en": "Starter", "de": "Einstieg"}, "position": 20}]})

    names: Annotated[dict[LocaleTag, Name], Field(min_length=1, max_length=50)]
    position: Annotated[int, Field(ge=0, le=10_000)]
    is_public: bool = True


class NewPrices(Contract):
    """Further prices of a version, in price lists or for intervals it has none for; what has a price keeps it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prices": [{"price_list": "britain", "every": "month", "amount": 2300}]}]})

    prices: Annotated[list[PriceContent], Field(min_length=1, max_length=400)]


class PriceListWish(Contract):
    """A price list: its currency, which never changes, and the countries it is for; the default one is for all others."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"currency": "GBP", "countries": ["GB", "IM"]}]})

    currency: Currency
    countries: Annotated[list[Country], Field(max_length=250)]
    is_default: bool = False


class PriceList(Contract):
    """A price list."""

    code: Key
    currency: Currency
    countries: list[Country]
    is_default: bool


class PriceLists(Contract):
    """All price lists."""

    items: list[PriceList]


class PlanVersion(Contract):
    """A version of a plan as operators see it; it is on offer from its publication until it is retired or another follows."""

    id: Id
    plan: Key
    number: int
    allowance: CreditsText
    allowance_priority: int
    rollover: Rollover
    rollover_cap: CreditsText | None
    allows_overdraft: bool
    overdraft_limit: CreditsText
    trial: TrialTerms
    features: list[PlanFeature]
    prices: list[PriceContent]
    usage_prices: list[UsagePriceContent]
    created_at: Instant
    published_at: Instant | None
    retired_at: Instant | None


class Plan(Contract):
    """A plan with all its versions, as operators see it."""

    code: Key
    names: dict[str, str]
    position: int
    is_public: bool
    retired_at: Instant | None
    versions: list[PlanVersion]


class Plans(Contract):
    """All plans, as operators see them."""

    items: list[Plan]
