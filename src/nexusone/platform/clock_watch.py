"""Watches that the clocks of this process and of the database agree; tokens, schedules and the audit trail rely on both."""

from datetime import datetime, timedelta

import structlog

from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

SKEW_MAX = timedelta(seconds=1)

READ_CLOCK = sql("select clock_timestamp()")

_log = structlog.get_logger(__name__)


async def check_clocks(ctx: Context) -> timedelta:
    """How far apart the clocks are; more than a second is an error in the log, `clock.skewed`."""
    asked = ctx.now()
    async with ctx.transaction("platform") as tx:
        theirs = await tx.fetch_value(datetime, READ_CLOCK)
    answered = ctx.now()
    # The database read its clock somewhere between; what the way took is not skew.
    skew = max(asked - theirs, theirs - answered, timedelta())
    if skew > SKEW_MAX:
        _log.error("clock.skewed", skew_seconds=round(skew.total_seconds(), 3))
    return skew
