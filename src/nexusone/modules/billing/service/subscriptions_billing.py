"""What a subscription's periods and changes bill, and the credits that come with them."""

from dataclasses import dataclass

from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX
from nexusone.modules.billing.domain.invoices import DraftLine
from nexusone.modules.billing.domain.periods import Period
from nexusone.modules.billing.domain.subscriptions import Subscription, Terms
from nexusone.modules.billing.domain.subscriptions_changes import Quote, allowance_on_change
from nexusone.modules.billing.service.grants import Rollover
from nexusone.modules.billing.service.plan_views import name_of
from nexusone.modules.billing.service.subscriptions_texts import Wording, wording
from nexusone.modules.billing.store import plans, profiles
from nexusone.modules.billing.store.plans import VersionRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A version with the names of its plan."""

    version: VersionRow
    names: dict[str, str]


async def plan_facts(tx: Transaction, terms: Terms) -> PlanFacts:
    """What is subscribed to."""
    version = await plans.find_version(tx, version_id=terms.plan_version_id)
    if version is None:
        raise LookupError("a subscription refers to a version that is not there")
    names = next(row.names for row in await plans.list_plans(tx) if row.code == version.plan_code)
    return PlanFacts(version=version, names=names)


async def wording_for(ctx: Context, tx: Transaction, *, zone: str) -> Wording:
    """The language of whoever is billed, else of whoever asks."""
    profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    return wording(profile.locale if profile else ctx.locale, zone=zone)


def lines_of_period(known: Subscription, facts: PlanFacts, words: Wording, *, coupon_code: str | None) -> tuple[DraftLine, ...]:
    """The price of the present period, and what the coupon takes off it."""
    terms, days = known.terms, words.days(known.period)
    lines = [
        DraftLine(
            kind="subscription",
            description=words.line("period", plan=name_of(facts.names, words.locale), days=days),
            quantity=terms.quantity,
            unit_amount=terms.unit_amount,
            amount=terms.amount,
        )
    ]
    if known.discount > 0:
        told = words.line("discount", code=coupon_code or "", days=days)
        lines.append(DraftLine(kind="discount", description=told, quantity=1, unit_amount=-known.discount, amount=-known.discount))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class BegunPeriod:
    """What a period bills and grants when it begins."""

    lines: tuple[DraftLine, ...]
    allowance_micros: int


async def begin_period(ctx: Context, tx: Transaction, known: Subscription, *, coupon_code: str | None) -> BegunPeriod:
    """What the present period bills and grants; a trial bills nothing."""
    facts = await plan_facts(tx, known.terms)
    if known.paid_periods == 0:
        return BegunPeriod((), allowance_of(facts, known))
    words = await wording_for(ctx, tx, zone=known.calendar.zone)
    return BegunPeriod(lines_of_period(known, facts, words, coupon_code=coupon_code), allowance_of(facts, known))


async def lines_of_change(
    tx: Transaction, before: Subscription, quote: Quote, words: Wording, *, rest: Period, coupon_code: str | None
) -> tuple[DraftLine, ...]:
    """What is given back of the old, and the new: for the rest of the period, or a whole one where it begins anew."""
    old, new = await plan_facts(tx, before.terms), await plan_facts(tx, quote.after.terms)
    days = words.days(rest)
    credit, charge = quote.proration.credit, quote.proration.charge
    unused = words.line("unused", plan=name_of(old.names, words.locale), days=days)
    given_back = (DraftLine(kind="proration", description=unused, quantity=1, unit_amount=-credit, amount=-credit),) if credit else ()
    if quote.is_new_period:
        return (*given_back, *lines_of_period(quote.after, new, words, coupon_code=coupon_code))
    told = words.line("rest", plan=name_of(new.names, words.locale), days=days)
    return (*given_back, DraftLine(kind="proration", description=told, quantity=1, unit_amount=charge, amount=charge))


def allowance_of(facts: PlanFacts, known: Subscription) -> int:
    """The micro-credits of a month, or of a trial: the plan's for each piece."""
    return min(facts.version.allowance_micros * known.terms.quantity, AMOUNT_MICROS_MAX)


def overdraft_of(facts: PlanFacts, known: Subscription) -> int:
    """How many micro-credits the workspace may go below zero: the plan's for each piece."""
    return min(facts.version.overdraft_micros * known.terms.quantity, AMOUNT_MICROS_MAX) if facts.version.allows_overdraft else 0


async def allowance_of_change(tx: Transaction, before: Subscription, quote: Quote, *, rest: Period) -> int:
    """The micro-credits that come with a change beyond those that came before."""
    old = allowance_of(await plan_facts(tx, before.terms), before)
    new = allowance_of(await plan_facts(tx, quote.after.terms), quote.after)
    if not quote.is_new_period:
        return allowance_on_change(old_micros=old, new_micros=new, period=before.month, at=rest.starts_at)
    left = allowance_on_change(old_micros=0, new_micros=old, period=before.month, at=rest.starts_at)
    return max(0, new - left)


def rollover_of(facts: PlanFacts, known: Subscription) -> Rollover | None:
    """What may be kept of the present month's credits until the end of the next; of a trial nothing."""
    if facts.version.rollover == "none" or known.paid_periods == 0:
        return None
    cap = facts.version.rollover_cap_micros
    if cap == 0:
        return None
    months = known.months
    return Rollover(until=months.boundary(months.number_at(known.month.starts_at) + 2), max_micros=cap)
