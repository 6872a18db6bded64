"""Rate limits, exact over all processes: the `limits` library on an unlogged table of PostgreSQL."""

import time
from datetime import UTC, datetime, timedelta
from typing import Literal

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.platform.runtime import Runtime
from nexusone.platform.sql import Sql, fragment, sql

# The take as a fragment, so that the statement that checks a credential can carry it along.
TAKE: Sql = fragment("""
insert into platform.rate_limit as known (key, taken, expires_at)
values (%(limit_key)s, %(limit_cost)s, clock_timestamp() + make_interval(secs => %(limit_window)s))
on conflict (key) do update
set taken = case when known.expires_at <= clock_timestamp() then excluded.taken else known.taken + excluded.taken end,
    expires_at = case when known.expires_at <= clock_timestamp() then excluded.expires_at else known.expires_at end
returning taken, extract(epoch from expires_at)::float8 as expires_at
""")

INCREMENT = sql("""
insert into platform.rate_limit as known (key, taken, expires_at)
values (%(limit_key)s, %(limit_cost)s, clock_timestamp() + make_interval(secs => %(limit_window)s))
on conflict (key) do update
set taken = case when known.expires_at <= clock_timestamp() then excluded.taken else known.taken + excluded.taken end,
    expires_at = case when known.expires_at <= clock_timestamp() then excluded.expires_at else known.expires_at end
returning taken
""")
READ = sql("select taken from platform.rate_limit where key = %(limit_key)s and expires_at > clock_timestamp()")
READ_EXPIRY = sql("select extract(epoch from expires_at)::float8 from platform.rate_limit where key = %(limit_key)s")
CLEAR = sql("delete from platform.rate_limit where key = %(limit_key)s")
RESET = sql("delete from platform.rate_limit")
SWEEP = sql("delete from platform.rate_limit where expires_at < clock_timestamp() - interval '1 minute'")
