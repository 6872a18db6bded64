"""The words of entitlements: what a workspace may use, what it has used, and what was taken of it."""

from nexusone.kernel.contract import Contract, Instant, Key
from nexusone.kernel.money import CreditsText, MicroCredits
from nexusone.modules.billing.contracts.plans import FeatureKind, FeatureName, FeatureWindow


class Entitlement(Contract):
    """One feature of the workspace's plan. No `limit`: without one; `used` counts in the window that ends at `renews_at`.

    Metered: `included` come with the plan, and each one beyond costs `overage` credits.
    """

    feature: FeatureName
    kind: FeatureKind
    window: FeatureWindow
    is_included: bool
    limit: int | None
    used: int | None
    included: int | None
    overage: CreditsText | None
    renews_at: Instant | None


class Entitlements(Contract):
    """Every feature there is, and what of it the workspace has."""

    items: list[Entitlement]


class CurrentPlan(Contract):
    """The plan a workspace is on. `since` None: it has no subscription and is on the default plan."""

    code: Key
    name: str
    version: int
    since: Instant | None
    features: list[Entitlement]


class Taken(Contract):
    """What a key has taken of a feature: `used` after it, and of `quantity` how many lie beyond what is included and cost."""

    feature: str
    quantity: int
    used: int
    overage: int
    overage_micros: MicroCredits
