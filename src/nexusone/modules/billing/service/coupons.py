"""Coupons: asking what they give, redeeming them exactly, and writing them."""

from uuid import UUID

from nexusone.kernel.errors import FieldError
from nexusone.kernel.money import Money
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.billing.contracts.coupons import Coupon, CouponOffer, CouponQuestion, CouponWish
from nexusone.modules.billing.domain.coupons import CouponStanding, CouponTerms, discount, fault_of
from nexusone.modules.billing.domain.percents import hundredths_from_text, hundredths_to_text
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.service.plan_views import list_for
from nexusone.modules.billing.service.refusals_plans import CouponFixed, CouponUnusable, PlanFaulty, PlanNotFound
from nexusone.modules.billing.store import coupons, plans
from nexusone.modules.billing.store.coupons import CouponRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def check(ctx: Context, *, question: CouponQuestion) -> CouponOffer:
    """What the first period of a plan costs with a coupon; uses nothing.

    Raises:
        PlanNotFound: the plan is not on offer, or has no price for the interval there.
        CouponUnusable: with the `reason`.
    """
    await ctx.port(PlanCatalogue).be_written(ctx)
    async with ctx.transaction("billing") as tx:
        price = await _price(tx, question)
        row = await _usable(ctx, tx, code=question.code, plan_code=question.plan, currency=price.currency)
    off = discount(terms_of(row), amount=price.amount, currency=price.currency, period=1)
    return CouponOffer(
        code=row.code,
        plan=question.plan,
        price=price,
        discount=Money(amount=off, currency=price.currency),
        to_pay=Money(amount=price.amount - off, currency=price.currency),
        duration=row.duration,
        periods=1 if row.duration == "once" else row.periods,
    )


async def redeem(ctx: Context, tx: Transaction, *, code: str, plan_code: str, currency: str) -> CouponTerms:
    """Uses a coupon, once per workspace and never more often than it may be, in the transaction of what it is used for.

    Raises:
        CouponUnusable: with the `reason`.
    """
    row = await _usable(ctx, tx, code=code, plan_code=plan_code, currency=currency)
    if not await coupons.count_use(tx, code=row.code, now=ctx.now()):
        raise CouponUnusable(code=row.code, reason="used_up")
    if not await coupons.insert_redemption(tx, workspace_id=ctx.workspace, code=row.code, plan_code=plan_code, now=ctx.now()):
        raise CouponUnusable(code=row.code, reason="used_before")
    await record(tx, action="billing.coupon.redeemed", object_kind="coupon", object_id=row.code, after={"plan": plan_code})
    return terms_of(row)


async def find_terms(tx: Transaction, *, code: str) -> CouponTerms | None:
    """What a coupon gives, for later periods of whoever has redeemed it; it stays so after its end."""
    row = await coupons.find_coupon(tx, code=code.upper())
    return terms_of(row) if row is not None else None


async def put_coupon(ctx: Context, *, code: str, wanted: CouponWish) -> Coupon:
    """Makes a coupon, or changes how often and until when it may be used.

    Raises:
        PlanFaulty: not exactly one of percent and amount, or terms that do not go together.
        CouponFixed: it gives something else, or was used more often.
    """
    row = _row(ctx, code.upper(), wanted)
    async with ctx.transaction("billing") as tx:
        unknown = set(wanted.plans) - {plan.code for plan in await plans.list_plans(tx)}
        if unknown:
            raise _faulty("/plans", "unknown", f"there is no plan {', '.join(sorted(unknown))}")
        if not await coupons.insert_coupon(tx, row):
            known = await coupons.find_coupon(tx, code=row.code)
            if known is None or _fixed(known) != _fixed(row):
                raise CouponFixed(code=row.code)
            if not await coupons.change_coupon(tx, code=row.code, redeem_by=row.redeem_by, uses_max=row.uses_max):
                raise CouponFixed(code=row.code)
        await record(tx, action="billing.coupon.put", object_kind="coupon", object_id=row.code, after=wanted.model_dump(mode="json"))
        return await _shown(tx, row.code)


async def end_coupon(ctx: Context, *, code: str) -> Coupon:
    """Lets a coupon be redeemed no more; whoever has redeemed it keeps what it gives.

    Raises:
        CouponUnusable: there is none.
        CouponFixed: it was ended before.
    """
    async with ctx.transaction("billing") as tx:
        shown = await _shown(tx, code.upper())
        if not await coupons.end_coupon(tx, code=shown.code, now=ctx.now()):
            raise CouponFixed(code=shown.code)
        await record(tx, action="billing.coupon.ended", object_kind="coupon", object_id=shown.code)
        return await _shown(tx, shown.code)


async def list_coupons(ctx: Context, *, request: PageRequest) -> PageOf[Coupon]:
    """Coupons by their codes."""
    after = request.after[0] if request.after else ""
    async with ctx.transaction("billing") as tx:
        rows = await coupons.list_coupons(tx, after=after, limit=request.limit + 1)
    items = tuple(_coupon(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(items[-1].code,) if len(rows) > request.limit else None)


def terms_of(row: CouponRow) -> CouponTerms:
    """What a coupon gives."""
    return CouponTerms(
        kind=row.kind,
        duration=row.duration,
        percent_hundredths=row.percent_hundredths,
        amount=row.amount,
        currency=row.currency,
        periods=row.periods,
    )


async def _usable(ctx: Context, tx: Transaction, *, code: str, plan_code: str, currency: str) -> CouponRow:
    row = await coupons.find_coupon(tx, code=code.upper())
    if row is None:
        raise CouponUnusable(code=code.upper(), reason="unknown")
    standing = CouponStanding(tuple(row.plan_codes), row.redeem_by, row.uses_max, row.uses, row.ended_at)
    fault = fault_of(terms_of(row), standing, plan_code=plan_code, currency=currency, now=ctx.now())
    if fault is not None:
        raise CouponUnusable(code=row.code, reason=fault)
    if await coupons.has_redeemed(tx, workspace_id=ctx.workspace, code=row.code):
        raise CouponUnusable(code=row.code, reason="used_before")
    return row


async def _price(tx: Transaction, question: CouponQuestion) -> Money:
    chosen = list_for(await plans.list_price_lists(tx), question.country)
    ids: list[UUID] = [row.id for row in await plans.list_current_versions(tx) if row.plan_code == question.plan]
    for price in await plans.list_prices(tx, version_ids=ids):
        if (price.list_code, price.every) == (chosen.code, question.every):
            return Money(amount=price.amount, currency=price.currency)
    raise PlanNotFound


def _row(ctx: Context, code: str, wanted: CouponWish) -> CouponRow:
    if (wanted.percent is None) == (wanted.amount is None):
        raise _faulty("/percent", "one_of", "either percent or amount")
    if (wanted.duration == "repeating") != (wanted.periods is not None):
        raise _faulty("/periods", "mismatched", "a number of periods, if and only if the duration is repeating")
    percent = None if wanted.percent is None else hundredths_from_text(wanted.percent)
    if percent is not None and not 0 < percent <= 10_000:
        raise _faulty("/percent", "out_of_range", "more than nothing and at most 100")
    if wanted.amount is not None and wanted.amount.amount <= 0:
        raise _faulty("/amount/amount", "out_of_range", "more than nothing")
    return CouponRow(
        code=code,
        kind="percent" if percent is not None else "amount",
        percent_hundredths=percent,
        amount=wanted.amount.amount if wanted.amount is not None else None,
        currency=wanted.amount.currency if wanted.amount is not None else None,
        duration=wanted.duration,
        periods=wanted.periods,
        plan_codes=sorted(set(wanted.plans)),
        redeem_by=wanted.redeem_by,
        uses_max=wanted.uses_max,
        uses=0,
        created_at=ctx.now(),
        ended_at=None,
    )


def _fixed(row: CouponRow) -> tuple[CouponTerms, tuple[str, ...]]:
    return terms_of(row), tuple(row.plan_codes)


def _faulty(pointer: str, code: str, detail: str) -> PlanFaulty:
    return PlanFaulty(errors=(FieldError(pointer=pointer, code=code, detail=detail),), count=1)


async def _shown(tx: Transaction, code: str) -> Coupon:
    row = await coupons.find_coupon(tx, code=code)
    if row is None:
        raise CouponUnusable(code=code, reason="unknown")
    return _coupon(row)


def _coupon(row: CouponRow) -> Coupon:
    return Coupon(
        code=row.code,
        percent=None if row.percent_hundredths is None else hundredths_to_text(row.percent_hundredths),
        amount=None if row.amount is None or row.currency is None else Money(amount=row.amount, currency=row.currency),
        duration=row.duration,
        periods=row.periods,
        plans=list(row.plan_codes),
        redeem_by=row.redeem_by,
        uses_max=row.uses_max,
        uses=row.uses,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
