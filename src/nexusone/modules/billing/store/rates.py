"""SQL of the stored exchange rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nexusone.modules.billing.ports import DailyRate
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# A rate that is there stays: invoices stand on it.
INSERT_RATES = sql("""
insert into billing.exchange_rate (currency, rate_on, reference, rate_pico, source)
select distinct on (r.reference, r.currency, r.rate_on) r.currency, r.rate_on, r.reference, r.rate_pico, %(source)s
from unnest(%(references)s::text[], %(currencies)s::text[], %(days)s::date[], %(rates)s::bigint[])
    as r (reference, currency, rate_on, rate_pico)
on conflict (reference, currency, rate_on) do nothing
""")

FIND_CROSS_RATE = sql("""
select f.rate_on, f.rate_pico as from_pico, t.rate_pico as into_pico
from billing.exchange_rate as f
join billing.exchange_rate as t on t.reference = f.reference and t.rate_on = f.rate_on
where f.currency = %(currency)s and t.currency = %(into)s and f.rate_on between %(since)s and %(until)s
order by f.rate_on desc
limit 1
""")


@dataclass(frozen=True, slots=True)
class CrossRate:
    """What two currencies were worth on the same day, against the same third."""

    rate_on: date
    from_pico: int
    into_pico: int


async def insert_rates(tx: Transaction, rates: Sequence[DailyRate], *, source: str) -> int:
    """Writes rates that are not there yet; answers how many."""
    return await tx.execute(
        INSERT_RATES,
        {
            "source": source,
            "references": [rate.reference for rate in rates],
            "currencies": [rate.currency for rate in rates],
            "days": [rate.rate_on for rate in rates],
            "rates": [rate.rate_pico for rate in rates],
        },
    )


async def find_cross_rate(tx: Transaction, *, currency: str, into: str, since: date, until: date) -> CrossRate | None:
    """The newest rate between two currencies in those days, or None."""
    return await tx.find_one(CrossRate, FIND_CROSS_RATE, {"currency": currency, "into": into, "since": since, "until": until})
