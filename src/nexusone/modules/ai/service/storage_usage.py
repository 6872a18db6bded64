"""What workspaces keep is reported to their usage every hour, so that a plan can charge for the peak of a period."""

from uuid import UUID

import structlog

from nexusone.kernel.errors import Refusal
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.store import asset_storage
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Context

METER = "storage.bytes_peak"
WORKSPACES_AT_ONCE = 1000

_log = structlog.get_logger(__name__)


async def report_storage(ctx: Context) -> None:
    """Reports every workspace's stored bytes, once an hour at most; one that cannot be told now is told in the next."""
    after, hour = UUID(int=0), ctx.now().replace(minute=0, second=0, microsecond=0)
    while True:
        async with ctx.transaction("system") as tx:
            rows = await asset_storage.list_stored(tx, after=after, limit=WORKSPACES_AT_ONCE)
        for row in rows:
            event = billing.UsageEvent(id=f"storage:{hour:%Y%m%dT%H}", meter=METER, quantity=row.size_bytes, occurred_at=hour)
            try:
                await billing.record_usage(ctx.for_workspace(row.workspace_id), events=(event,))
            except (Refusal, UnknownOutcome) as error:
                _log.warning("storage.report_delayed", workspace_id=str(row.workspace_id), error=str(error))
        if len(rows) < WORKSPACES_AT_ONCE:
            return
        after = rows[-1].workspace_id
