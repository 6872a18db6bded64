"""Rate limits, exact over all processes: fixed windows counted in an unlogged table of PostgreSQL.

A limit is written the way the `limits` library reads it ("600/minute"). All limits that a call falls under are taken in
one statement, or ride as a fragment on the statement that checks the caller's credential.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from limits import RateLimitItem, parse

from nexusone.kernel.errors import RateLimited
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.sql import Sql, fragment, sql

# Keys are taken in order, so that two calls that share limits never wait for each other in a circle.
TAKE: Sql = fragment("""
insert into platform.rate_limit as known (key, taken, expires_at)
select wanted.key, wanted.cost, clock_timestamp() + make_interval(secs => wanted.period)
from unnest(%(limit_keys)s::text[], %(limit_costs)s::bigint[], %(limit_periods)s::bigint[]) as wanted (key, cost, period)
order by wanted.key
on conflict (key) do update
set taken = case when known.expires_at <= clock_timestamp() then excluded.taken else known.taken + excluded.taken end,
    expires_at = case when known.expires_at <= clock_timestamp() then excluded.expires_at else known.expires_at end
returning key, taken, greatest(1, ceil(extract(epoch from expires_at - clock_timestamp())))::bigint as resets_in_seconds
""")

# The same for the two limits that every admitted call falls under, in scalars, which cost the driver less than arrays: the caller's own
# (`own`), and its workspace's (`shared`). Whoever is over their own, or is not let in ({condition}), takes nothing from the others.
TAKE_BOTH: Sql = fragment("""
own as (
    insert into platform.rate_limit as known (key, taken, expires_at)
    values (%(limit_key)s, %(limit_cost)s, clock_timestamp() + make_interval(secs => %(limit_period)s))
    on conflict (key) do update
    set taken = case when known.expires_at <= clock_timestamp() then excluded.taken else known.taken + excluded.taken end,
        expires_at = case when known.expires_at <= clock_timestamp() then excluded.expires_at else known.expires_at end
    returning taken, greatest(1, ceil(extract(epoch from expires_at - clock_timestamp())))::bigint as resets_in_seconds
),
shared as (
    insert into platform.rate_limit as known (key, taken, expires_at)
    select %(shared_key)s, %(limit_cost)s, clock_timestamp() + make_interval(secs => %(shared_period)s)
    where (select own.taken from own) <= %(limit_amount)s and {condition}
    on conflict (key) do update
    set taken = case when known.expires_at <= clock_timestamp() then excluded.taken else known.taken + excluded.taken end,
        expires_at = case when known.expires_at <= clock_timestamp() then excluded.expires_at else known.expires_at end
    returning taken, greatest(1, ceil(extract(epoch from expires_at - clock_timestamp())))::bigint as resets_in_seconds
),
taken as (
    select
        own.taken, own.resets_in_seconds, shared.taken as shared_taken, shared.resets_in_seconds as shared_resets_in_seconds
    from own left join shared on true
)
""")

TAKE_ALONE = TAKE.fill()

SWEEP = sql("delete from platform.rate_limit where expires_at < clock_timestamp() - interval '1 minute'")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit on one subject: `policy` names it on the wire, `subject` is whose it is, `cost` what this call takes."""

    policy: str
    rate: RateLimitItem
    subject: str
    cost: int = 1

    @property
    def key(self) -> str:
        """The counter's key; it carries the subject, and through it the workspace."""
        return f"{self.policy}:{self.subject}"

    @property
    def period_seconds(self) -> int:
        """The length of the window."""
        return int(self.rate.get_expiry())

    def widened(self, factor: int) -> "Limit":
        """The same limit with `factor` times the share."""
        if factor == 1:
            return self
        return replace(self, rate=type(self.rate)(self.rate.amount * factor, self.rate.multiples, self.rate.namespace))


@dataclass(frozen=True, slots=True)
class Taken:
    """What a take left: `taken` so far in the window of `key`, which ends in `resets_in_seconds`."""

    key: str
    taken: int
    resets_in_seconds: int


@lru_cache(maxsize=64)
def rate(text: str) -> RateLimitItem:
    """Reads "600/minute" and the like; raises ValueError where it cannot."""
    return parse(text)


def take_parameters(limits: Sequence[Limit]) -> dict[str, object]:
    """The parameters of the TAKE fragment."""
    return {
        "limit_keys": [limit.key for limit in limits],
        "limit_costs": [limit.cost for limit in limits],
        "limit_periods": [limit.period_seconds for limit in limits],
    }


def take_both_parameters(own: Limit, shared: Limit) -> dict[str, object]:
    """The parameters of the TAKE_BOTH fragment; both limits cost the same."""
    return {
        "limit_key": own.key,
        "limit_cost": own.cost,
        "limit_period": own.period_seconds,
        "limit_amount": own.rate.amount,
        "shared_key": shared.key,
        "shared_period": shared.period_seconds,
    }


async def take(ctx: Context, limits: Sequence[Limit]) -> dict[str, str]:
    """Takes from all limits at once; returns the answer's headers.

    Raises:
        RateLimited: one of them is used up.
    """
    factor = ctx.setting(PlatformSettings).rate_limit_factor
    limits = [limit.widened(factor) for limit in limits]
    async with ctx.transaction("platform") as tx:
        rows = await tx.fetch_all(Taken, TAKE_ALONE, take_parameters(limits))
    return headers_after(limits, rows)


def headers_after(limits: Sequence[Limit], rows: Sequence[Taken]) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit` for an answer, of those limits that were taken from.

    Raises:
        RateLimited: with these headers and a jittered `Retry-After`, where a limit is used up.
    """
    by_key = {row.key: row for row in rows}
    counted = [(limit, by_key[limit.key]) for limit in limits if limit.key in by_key]
    headers = {
        "RateLimit-Policy": ", ".join(f'"{limit.policy}";q={limit.rate.amount};w={limit.period_seconds}' for limit, _ in counted),
        "RateLimit": ", ".join(
            f'"{limit.policy}";r={max(0, limit.rate.amount - row.taken)};t={row.resets_in_seconds}' for limit, row in counted
        ),
    }
    violated = [(limit, row) for limit, row in counted if row.taken > limit.rate.amount]
    if violated:
        wait = max(row.resets_in_seconds for _, row in violated)
        headers["Retry-After"] = str(wait + random.randint(0, max(1, wait // 10)))  # noqa: S311 - jitter, not a secret
        raise RateLimited(headers=headers, violated_policies=[limit.policy for limit, _ in violated], wait_seconds=wait)
    return headers


async def sweep(ctx: Context) -> None:
    """Deletes counters whose window is over."""
    async with ctx.transaction("platform") as tx:
        await tx.execute(SWEEP)
