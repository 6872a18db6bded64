"""What plans charge for usage: checked when a version is written, looked up when a period is billed."""

from collections.abc import Iterator, Mapping

from nexusone.kernel.errors import FieldError
from nexusone.modules.billing.contracts.plans import UsagePriceContent
from nexusone.modules.billing.domain.periods import MONTHS_OF
from nexusone.modules.billing.domain.subscriptions import Terms
from nexusone.modules.billing.domain.usage import MeterPrice, included_in
from nexusone.modules.billing.service.meters import meters
from nexusone.modules.billing.service.subscriptions_offers import price_list_in
from nexusone.modules.billing.store import plans, profiles
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


def usage_price_faults(prices: list[UsagePriceContent], *, price_lists: set[str]) -> Iterator[FieldError]:
    """What is wrong with the usage prices of a version that is to be written."""
    seen: set[tuple[str, str]] = set()
    for index, price in enumerate(prices):
        pointer = f"/usage_prices/{index}"
        if price.price_list not in price_lists:
            yield FieldError(pointer=f"{pointer}/price_list", code="unknown", detail="there is no such price list")
        if price.meter not in meters():
            yield FieldError(pointer=f"{pointer}/meter", code="unknown", detail=f"there is no such meter; there are {', '.join(meters())}")
        if (price.price_list, price.meter) in seen:
            yield FieldError(pointer=pointer, code="repeated", detail="there is a price for this list and meter above")
        seen.add((price.price_list, price.meter))


async def prices_under(ctx: Context, tx: Transaction, terms: Terms) -> Mapping[str, MeterPrice]:
    """What usage of one period costs under terms, by meter, in their currency; included is what all its months and pieces include."""
    profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
    country = profile.country if profile else None
    chosen = price_list_in(await plans.list_price_lists(tx), country=country, currency=terms.currency)
    return {
        row.meter: MeterPrice(
            included=included_in(row.included, meters()[row.meter].aggregation, months=MONTHS_OF[terms.interval], pieces=terms.quantity),
            per=row.per,
            unit_amount=row.amount,
            currency=row.currency,
        )
        for row in await plans.list_usage_prices(tx, version_ids=[terms.plan_version_id])
        if row.list_code == chosen.code and row.currency == terms.currency and row.meter in meters()
    }
