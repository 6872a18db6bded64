"""Writing plans: a version is written once, then published, then retired; operators do it, and the product's own catalogue."""

from collections.abc import Iterator
from datetime import datetime

from nexusone.kernel.errors import FieldError
from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing.contracts.plans import (
    NewPlanVersion,
    NewPrices,
    Plan,
    Plans,
    PlanVersion,
    PlanWish,
    PriceContent,
    PriceList,
    PriceLists,
    PriceListWish,
)
from nexusone.modules.billing.domain.features import FEATURES
from nexusone.modules.billing.service.plan_views import content_of, plan_of, price_list_of, version_of
from nexusone.modules.billing.service.refusals_plans import PlanFaulty, PlanNotFound, VersionFixed
from nexusone.modules.billing.service.usage_prices import usage_price_faults
from nexusone.modules.billing.store import plan_writing, plans
from nexusone.modules.billing.store.plan_writing import NewFeature, NewPlan, NewPrice, NewPriceList, NewUsagePrice, NewVersion
from nexusone.modules.billing.store.plans import VersionRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def list_plans(ctx: Context) -> Plans:
    """All plans with all their versions."""
    async with ctx.transaction("billing") as tx:
        return Plans(items=await _plans(tx))


async def put_plan(ctx: Context, *, code: str, wanted: PlanWish) -> Plan:
    """Makes a plan, or changes its names and its place.

    Raises:
        PlanFaulty: it has no name in English, to which all others fall back.
    """
    if "en" not in wanted.names:
        raise _faulty([FieldError(pointer="/names", code="required", detail="a name in English (en), to which all others fall back")])
    async with ctx.transaction("billing") as tx:
        await plan_writing.put_plan(tx, NewPlan(code=code, **wanted.model_dump()), now=ctx.now())
        await _record(tx, "put", code, after=wanted.model_dump())
        return await _plan(tx, code)


async def add_version(ctx: Context, *, code: str, wanted: NewPlanVersion) -> PlanVersion:
    """Writes a further version, which is not on offer before it is published and never changes.

    Raises:
        PlanNotFound: there is no such plan.
        PlanFaulty: unknown features or price lists, or terms that do not go together.
    """
    async with ctx.transaction("billing") as tx:
        await plan_writing.lock(tx)
        lists = {row.code for row in await plans.list_price_lists(tx)}
        check_version(wanted, price_lists=lists)
        await _require_plan(tx, code)
        made = await write_version(tx, wanted, code=code, source_hash=None, now=ctx.now())
        await _record(tx, "version_added", code, after={"number": made.number})
        return await _version(tx, code, made.number)


async def add_prices(ctx: Context, *, code: str, number: int, wanted: NewPrices) -> PlanVersion:
    """Gives a version prices where it has none, in a new region for example.

    Raises:
        PlanNotFound: there is no such version.
        PlanFaulty: there is no such price list.
        VersionFixed: it has one of these prices already.
    """
    async with ctx.transaction("billing") as tx:
        await plan_writing.lock(tx)
        row = await _get_row(tx, code, number)
        lists = {known.code for known in await plans.list_price_lists(tx)}
        if faults := list(_price_faults(wanted.prices, lists)):
            raise _faulty(faults)
        written = await plan_writing.insert_prices(tx, _prices(wanted.prices), version_id=row.id, now=ctx.now())
        if written < len(wanted.prices):
            raise VersionFixed(plan=code, number=number)
        await _record(tx, "prices_added", code, after={"number": number, "prices": len(wanted.prices)})
        return await _version(tx, code, number)


async def publish_version(ctx: Context, *, code: str, number: int) -> PlanVersion:
    """Puts a version on offer in place of the one before; whoever is on an earlier one stays there.

    Raises:
        PlanNotFound: there is no such version.
        VersionFixed: it was published or retired before.
    """
    async with ctx.transaction("billing") as tx:
        row = await _get_row(tx, code, number)
        if not await plan_writing.publish_version(tx, version_id=row.id, now=ctx.now()):
            raise VersionFixed(plan=code, number=number)
        await _record(tx, "published", code, after={"number": number})
        return await _version(tx, code, number)


async def retire_version(ctx: Context, *, code: str, number: int) -> PlanVersion:
    """Takes a version off the offer, which an earlier published one then is.

    Raises:
        PlanNotFound: there is no such version.
        VersionFixed: it was retired before.
    """
    async with ctx.transaction("billing") as tx:
        row = await _get_row(tx, code, number)
        if not await plan_writing.retire_version(tx, version_id=row.id, now=ctx.now()):
            raise VersionFixed(plan=code, number=number)
        await _record(tx, "version_retired", code, after={"number": number})
        return await _version(tx, code, number)


async def retire_plan(ctx: Context, *, code: str) -> Plan:
    """Takes a plan off the offer; whoever is on it stays.

    Raises:
        PlanNotFound: there is none.
        VersionFixed: it was retired before.
    """
    async with ctx.transaction("billing") as tx:
        await _require_plan(tx, code)
        if not await plan_writing.retire_plan(tx, code=code, now=ctx.now()):
            raise VersionFixed(plan=code, number=0)
        await _record(tx, "retired", code)
        return await _plan(tx, code)


async def list_price_lists(ctx: Context) -> PriceLists:
    """All price lists."""
    async with ctx.transaction("billing") as tx:
        return PriceLists(items=[price_list_of(row) for row in await plans.list_price_lists(tx)])


async def put_price_list(ctx: Context, *, code: str, wanted: PriceListWish) -> PriceList:
    """Makes a price list, or changes its countries; as the default it takes the place of the former one.

    Raises:
        PlanFaulty: a country is in another list, the currency is another than it was, or no default would be left.
    """
    async with ctx.transaction("billing") as tx:
        await plan_writing.lock(tx)
        known = {row.code: row for row in await plans.list_price_lists(tx)}
        if faults := list(_list_faults(code, wanted, [price_list_of(row) for row in known.values()])):
            raise _faulty(faults)
        row = NewPriceList(code=code, **wanted.model_dump())
        if wanted.is_default:
            await plan_writing.unset_default(tx, code=code)
        if not await plan_writing.insert_price_list(tx, row, now=ctx.now()):
            await plan_writing.update_price_list(tx, row)
        await record(tx, action="billing.price_list.put", object_kind="price_list", object_id=code, after=wanted.model_dump())
    return PriceList(code=code, **wanted.model_dump())


def check_version(wanted: NewPlanVersion, *, price_lists: set[str]) -> None:
    """Raises PlanFaulty where a version names what there is not, or its terms do not go together."""
    faults = [
        *_feature_faults(wanted),
        *_price_faults(wanted.prices, price_lists),
        *usage_price_faults(wanted.usage_prices, price_lists=price_lists),
    ]
    if (wanted.rollover == "capped") != (wanted.rollover_cap is not None):
        faults.append(FieldError(pointer="/rollover_cap", code="mismatched", detail="a cap, if and only if the rollover is capped"))
    if wanted.allows_overdraft != (credits_from_text(wanted.overdraft_limit) > 0):
        faults.append(
            FieldError(pointer="/overdraft_limit", code="mismatched", detail="more than none, if and only if overdraft is allowed")
        )
    if faults:
        raise _faulty(faults)


async def write_version(tx: Transaction, wanted: NewPlanVersion, *, code: str, source_hash: bytes | None, now: datetime) -> NewVersion:
    """Writes a checked version under the lock."""
    cap = wanted.rollover_cap
    made = NewVersion(
        id=new_id(),
        plan_code=code,
        number=await plan_writing.next_number(tx, code=code),
        allowance_micros=credits_from_text(wanted.allowance),
        allowance_priority=wanted.allowance_priority,
        rollover=wanted.rollover,
        rollover_cap_micros=None if cap is None else credits_from_text(cap),
        allows_overdraft=wanted.allows_overdraft,
        overdraft_micros=credits_from_text(wanted.overdraft_limit),
        trial_days=wanted.trial.days,
        trial_needs_payment_method=wanted.trial.needs_payment_method,
        source_hash=source_hash,
        created_at=now,
    )
    features = [
        NewFeature(name, terms.quantity, None if terms.overage is None else credits_from_text(terms.overage))
        for name, terms in wanted.features.items()
    ]
    await plan_writing.insert_version(tx, made, features=features)
    await plan_writing.insert_prices(tx, _prices(wanted.prices), version_id=made.id, now=now)
    usage = [NewUsagePrice(price.price_list, price.meter, price.included, price.per, price.amount) for price in wanted.usage_prices]
    await plan_writing.insert_usage_prices(tx, usage, version_id=made.id)
    return made


def _prices(wanted: list[PriceContent]) -> list[NewPrice]:
    return [NewPrice(price.price_list, price.every, price.amount) for price in wanted]


def _feature_faults(wanted: NewPlanVersion) -> Iterator[FieldError]:
    for name, terms in wanted.features.items():
        known = FEATURES.get(name)
        pointer = f"/features/{name}"
        if known is None:
            yield FieldError(pointer=pointer, code="unknown", detail=f"there is no such feature; there are {', '.join(FEATURES)}")
        elif known.kind == "boolean" and terms.quantity is not None:
            yield FieldError(pointer=f"{pointer}/quantity", code="mismatched", detail="one has this feature or not; it is not counted")
        elif known.kind != "metered" and terms.overage is not None:
            yield FieldError(pointer=f"{pointer}/overage", code="mismatched", detail="only what is metered goes on beyond its quantity")


def _price_faults(prices: list[PriceContent], price_lists: set[str]) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for index, price in enumerate(prices):
        if price.price_list not in price_lists:
            yield FieldError(pointer=f"/prices/{index}/price_list", code="unknown", detail="there is no such price list")
        if (price.price_list, price.every) in seen:
            yield FieldError(pointer=f"/prices/{index}", code="repeated", detail="there is a price for this list and interval above")
        seen.add((price.price_list, price.every))


def _list_faults(code: str, wanted: PriceListWish, known: list[PriceList]) -> Iterator[FieldError]:
    for other in known:
        if other.code != code:
            for country in sorted(set(other.countries) & set(wanted.countries)):
                yield FieldError(pointer="/countries", code="taken", detail=f"{country} is in the price list {other.code}")
        elif other.currency != wanted.currency:
            yield FieldError(pointer="/currency", code="fixed", detail=f"the prices of this list are in {other.currency}")
        elif other.is_default and not wanted.is_default:
            yield FieldError(pointer="/is_default", code="required", detail="make another list the default one instead")


def _faulty(faults: list[FieldError]) -> PlanFaulty:
    return PlanFaulty(errors=tuple(faults), count=len(faults))


async def _plans(tx: Transaction) -> list[Plan]:
    rows = await plans.list_plans(tx)
    versions = await plans.list_versions(tx, codes=[row.code for row in rows])
    shown = await _versions(tx, versions)
    return [plan_of(row, [version for version in shown if version.plan == row.code]) for row in rows]


async def _versions(tx: Transaction, rows: list[VersionRow]) -> list[PlanVersion]:
    content = await content_of(tx, rows)
    return [version_of(row, content) for row in rows]


async def _plan(tx: Transaction, code: str) -> Plan:
    for plan in await _plans(tx):
        if plan.code == code:
            return plan
    raise PlanNotFound


async def _require_plan(tx: Transaction, code: str) -> None:
    if code not in {row.code for row in await plans.list_plans(tx)}:
        raise PlanNotFound


async def _get_row(tx: Transaction, code: str, number: int) -> VersionRow:
    row = await plans.find_numbered_version(tx, code=code, number=number)
    if row is None:
        raise PlanNotFound
    return row


async def _version(tx: Transaction, code: str, number: int) -> PlanVersion:
    (shown,) = await _versions(tx, [await _get_row(tx, code, number)])
    return shown


async def _record(tx: Transaction, verb: str, code: str, *, after: dict[str, object] | None = None) -> None:
    await record(tx, action=f"billing.plan.{verb}", object_kind="plan", object_id=code, after=after)
