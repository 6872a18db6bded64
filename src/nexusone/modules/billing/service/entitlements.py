"""What a workspace may use by its plan: asking, taking exactly, giving back."""

from dataclasses import dataclass
from datetime import datetime

from nexusone.modules.billing.contracts.entitlements import Taken
from nexusone.modules.billing.domain.amounts import check_key
from nexusone.modules.billing.domain.features import ABSENT, FeatureTerms, allows, feature_of, most, overage, window_start
from nexusone.modules.billing.ports import UsageGauges
from nexusone.modules.billing.service.bookings import Overtaken, book
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue, default_plan
from nexusone.modules.billing.service.refusals_plans import NotInPlan, TakeConflict
from nexusone.modules.billing.store import entitlements
from nexusone.modules.billing.store.entitlements import StandingRow, TakeRow, Taking
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

QUANTITY_MAX = 10**12
NO_PLAN = "none"


@dataclass(frozen=True, slots=True)
class Rung:
    """What another plan on offer says of the feature."""

    plan: str
    terms: FeatureTerms


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the workspace's plan says of a feature, with all that a refusal needs: it can be asked inside a transaction."""

    feature: str
    plan: str
    since: datetime | None
    terms: FeatureTerms
    ladder: tuple[Rung, ...]

    @property
    def limit(self) -> int | None:
        """How much may be used at the most; None: without limit."""
        return most(feature_of(self.feature).kind, self.terms)

    def require(self, *, used: int, quantity: int = 1) -> None:
        """Raises NotInPlan where `quantity` more may not be used when `used` are."""
        kind = feature_of(self.feature).kind
        if allows(kind, self.terms, used=used, quantity=quantity):
            return
        allowing = (rung.plan for rung in self.ladder if allows(kind, rung.terms, used=used, quantity=quantity))
        raise NotInPlan(
            feature=self.feature, plan=self.plan, used=used, limit=self.limit, wanted=quantity, allowed_by=next(allowing, NO_PLAN)
        )


async def allowance_of(ctx: Context, *, feature: str) -> Allowance:
    """What the workspace's plan says of a feature. No transaction may be open."""
    await ctx.port(PlanCatalogue).be_written(ctx)
    feature_of(feature)
    return _allowance(feature, await entitlements.find_standing_in_one_trip(ctx, feature=feature, default_plan=default_plan(ctx)))


async def check(ctx: Context, *, feature: str, quantity: int = 1, used: int | None = None) -> None:
    """Whether `quantity` more may be used, and takes nothing; `used` defaults to what is known to be used.

    Raises:
        NotInPlan: it may not.
    """
    _check_quantity(quantity)
    allowance = await allowance_of(ctx, feature=feature)
    if allowance.limit is None:
        return
    allowance.require(used=await used_of(ctx, allowance) if used is None else used, quantity=quantity)


async def used_of(ctx: Context, allowance: Allowance) -> int:
    """What is used: counted anew where the feature is of what there is, else what was taken in the present window."""
    feature = feature_of(allowance.feature)
    gauge = ctx.port(UsageGauges).counters.get(allowance.feature)
    if gauge is not None:
        return await gauge(ctx)
    start = window_start(feature.window, now=ctx.now(), since=allowance.since)
    async with ctx.transaction("billing") as tx:
        return await entitlements.used_of(tx, workspace_id=ctx.workspace, feature=allowance.feature, window_start=start)


async def take(ctx: Context, *, feature: str, quantity: int, key: str) -> Taken:
    """Uses `quantity`, exactly and once per key; the same again gives the first outcome.

    Raises:
        NotInPlan: that goes past the limit, and nothing was taken.
        TakeConflict: the key took something else before.
    """
    check_key(key)
    _check_quantity(quantity)
    if feature_of(feature).window == "standing":
        raise ValueError(f"{feature} is of what there is, and cannot be taken")
    await ctx.port(PlanCatalogue).be_written(ctx)

    async def work(tx: Transaction) -> Taken:
        return await _take(ctx, tx, feature=feature, quantity=quantity, key=key)

    return await book(ctx, work)


async def give_back(ctx: Context, *, key: str, kept: int = 0) -> None:
    """Gives back all but `kept` of what a key took, in the window it was taken in; what was given back stays so."""
    if kept < 0:
        raise ValueError("less than nothing cannot be kept")

    async def work(tx: Transaction) -> None:
        row = await entitlements.find_take(tx, workspace_id=ctx.workspace, key=key, is_locked=True)
        if row is not None and row.kept > kept:
            await entitlements.give_back(tx, row, workspace_id=ctx.workspace, key=key, kept=kept)

    await ctx.atomically("billing", work)


async def _take(ctx: Context, tx: Transaction, *, feature: str, quantity: int, key: str) -> Taken:
    standing = await entitlements.find_standing(tx, workspace_id=ctx.workspace, feature=feature, default_plan=default_plan(ctx))
    allowance = _allowance(feature, standing)
    start = window_start(feature_of(feature).window, now=ctx.now(), since=allowance.since)
    wanted = Taking(
        workspace_id=ctx.workspace,
        key=key,
        feature=feature,
        window_start=start,
        quantity=quantity,
        most=allowance.limit,
        now=ctx.now(),
    )
    outcome = await entitlements.take(tx, wanted)
    if outcome.used is not None:
        if not outcome.is_taken:
            raise Overtaken
        return _taken(allowance, quantity=quantity, used=outcome.used)
    # Asked after the count: another call with this key may have ended while this one waited for it.
    known = await entitlements.find_take(tx, workspace_id=ctx.workspace, key=key)
    if known is None:
        used = await entitlements.used_of(tx, workspace_id=ctx.workspace, feature=feature, window_start=start)
        allowance.require(used=used, quantity=quantity)
        raise Overtaken
    return _known(allowance, known, quantity=quantity, key=key)


def _known(allowance: Allowance, row: TakeRow, *, quantity: int, key: str) -> Taken:
    if (row.feature, row.quantity) != (allowance.feature, quantity):
        raise TakeConflict(key=key)
    return _taken(allowance, quantity=quantity, used=row.used_after)


def _taken(allowance: Allowance, *, quantity: int, used: int) -> Taken:
    beyond = overage(allowance.terms, used_before=used - quantity, quantity=quantity)
    cost = beyond * (allowance.terms.overage_micros or 0)
    return Taken(feature=allowance.feature, quantity=quantity, used=used, overage=beyond, overage_micros=cost)


def _allowance(feature: str, row: StandingRow | None) -> Allowance:
    if row is None:
        return Allowance(feature, NO_PLAN, None, ABSENT, ())
    terms = FeatureTerms(row.is_included, row.quantity, row.overage_micros) if row.is_included else ABSENT
    ladder = tuple(Rung(plan, FeatureTerms(included, quantity, micros)) for plan, included, quantity, micros in row.ladder)
    return Allowance(feature, row.plan_code, row.since, terms, ladder)


def _check_quantity(quantity: int) -> None:
    if not 1 <= quantity <= QUANTITY_MAX:
        raise ValueError(f"a quantity is between 1 and {QUANTITY_MAX}, not {quantity}")
