"""Outcomes on their way into the database: written together and counted for their turn, every 200 ms or every 200."""

import asyncio
from uuid import UUID

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.marketing.service.sending.errands import enqueue_keep
from nexusone.modules.marketing.store import deliveries
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.deliveries import Outcome
from nexusone.platform.database import Contended, Transaction
from nexusone.platform.runtime import Context

FLUSH_SECONDS = 0.2
FLUSH_ROWS = 200
TRIES_MAX = 6


class Outbox:
    """Collects outcomes of one turn. What it cannot write stays `handing_over` and becomes unknown when its lease ends."""

    def __init__(self, ctx: Context, row: CampaignRow, *, turn_id: UUID) -> None:
        self._ctx, self._row, self._turn_id = ctx, row, turn_id
        self._waiting: list[Outcome] = []
        self._is_due = asyncio.Event()
        self._is_closed = self._is_kept = False

    def add(self, outcomes: list[Outcome]) -> None:
        """Takes outcomes up."""
        self._waiting += outcomes
        if len(self._waiting) >= FLUSH_ROWS:
            self._is_due.set()

    def close(self) -> None:
        """Ends `run` after what is left is written."""
        self._is_closed = True
        self._is_due.set()

    async def run(self) -> None:
        """Writes until closed."""
        while not self._is_closed:
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._is_due.wait()
            except TimeoutError:
                pass
            self._is_due.clear()
            await self.flush()

    async def flush(self) -> None:
        """Writes what is there. Repeating a write whose answer was lost changes nothing."""
        outcomes = list(self._waiting)
        if not outcomes:
            return

        is_kept = self._is_kept or any(outcome.state == "unknown" for outcome in outcomes)

        async def work(tx: Transaction) -> None:
            message = {"workspace_id": self._ctx.workspace, "message_id": self._row.message_id}
            await deliveries.write_outcomes(tx, outcomes, **message, turn_id=self._turn_id, now=self._ctx.now())
            if is_kept and not self._is_kept:
                await enqueue_keep(tx, self._row.id)

        for attempt in range(1, TRIES_MAX + 1):
            try:
                await self._ctx.atomically("marketing", work)
                break
            except (Unavailable, UnknownOutcome, Contended):
                if attempt == TRIES_MAX:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)
        self._is_kept = is_kept
        # Only now: a flush that is cancelled must leave them for the next.
        del self._waiting[: len(outcomes)]
