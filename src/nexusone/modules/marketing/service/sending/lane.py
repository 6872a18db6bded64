"""One turn of a lane: claim, render, hand over, write down."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict
from uuid import UUID

from nexusone.kernel.errors import Unavailable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.marketing.domain.faults import RenderFault
from nexusone.modules.marketing.ports import EmailTransport, HandOver, OutgoingEmail
from nexusone.modules.marketing.service.sending.mailings import Mailings
from nexusone.modules.marketing.service.sending.outbox import Outbox
from nexusone.modules.marketing.service.sending.slots import CarrierSlots
from nexusone.modules.marketing.service.sending.verdicts import failed_to_render, is_unreachable, outcome_of
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store import deliveries
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.deliveries import AddressedContact, ClaimedRow
from nexusone.platform.database import Contended, Transaction
from nexusone.platform.runtime import Context

# A hand-over is cut off in time for its outcomes to be written before its lease ends.
LEASE_MARGIN_SECONDS = 30

Batch = list[ClaimedRow]
Addressed = list[tuple[ClaimedRow, AddressedContact]]


class _Message(TypedDict):
    workspace_id: UUID
    message_id: UUID


@dataclass(slots=True)
class Turn:
    """How a turn went. `unreachable`: what the carrier's absence looked like; `lost`: what the database refused."""

    sent: int = 0
    unreachable: str | None = None
    lost: Unavailable | UnknownOutcome | Contended | None = None
    is_refused: bool = False
    is_broken: bool = False
    left_over: Batch = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether nothing more should be handed over in this turn."""
        return self.is_refused or self.is_broken or self.unreachable is not None or self.lost is not None


class Lane:
    """Works through what is due of one message, as fast as the carrier's connections allow.

    It ends by its own flags and never relies on being cancelled: a database call under way may swallow a cancellation.
    """

    def __init__(self, ctx: Context, mailings: Mailings, *, row: CampaignRow, turn_id: UUID) -> None:
        self._ctx, self._mailings, self._started_at = ctx, mailings, row.started_at or row.created_at
        self._settings = ctx.setting(MarketingSettings)
        self._transport = ctx.port(EmailTransport)
        self._slots = ctx.port(CarrierSlots).of(self._transport)
        self._outbox = Outbox(ctx, row, turn_id=turn_id)
        self._ready: deque[Addressed] = deque()
        self._claiming = asyncio.Lock()
        self._is_dry = False
        self._turn = Turn()
        self._ends_at = asyncio.get_running_loop().time() + self._settings.lane_seconds

    async def run(self) -> Turn:
        """Ends when nothing is due, time is up, the campaign is sent no more, or the carrier or the database is away."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._outbox.run())
                try:
                    async with asyncio.TaskGroup() as carriers:
                        for _ in range(self._transport.connections_max):
                            carriers.create_task(self._carry())
                finally:
                    self._outbox.close()
        finally:
            await self._outbox.flush()
        await self._give_back()
        return self._turn

    @property
    def _message(self) -> _Message:
        return {"workspace_id": self._ctx.workspace, "message_id": self._mailings.message_id}

    async def _carry(self) -> None:
        has_ended = False
        try:
            while (batch := await self._next()) is not None:
                await self._deliver(batch)
            has_ended = True
        finally:
            self._turn.is_broken = self._turn.is_broken or not has_ended

    async def _next(self) -> Addressed | None:
        """The next batch; who finds few left claims ahead while the others go on."""
        while not self._turn.is_over and not self._is_dry and (not self._ready or (self._is_low and not self._claiming.locked())):
            async with self._claiming:
                if self._is_low and not self._is_dry and not self._turn.is_over:
                    await self._claim_more()
        return self._ready.popleft() if self._ready and not self._turn.is_over else None

    @property
    def _is_low(self) -> bool:
        return len(self._ready) < self._transport.connections_max

    async def _claim_more(self) -> None:
        is_late = asyncio.get_running_loop().time() >= self._ends_at
        addressed = None if is_late else await self._claim()
        if addressed is None:
            self._is_dry = True
            return
        size = self._transport.batch_size_max
        self._ready.extend(addressed[start : start + size] for start in range(0, len(addressed), size))

    async def _give_back(self) -> None:
        left = [*self._turn.left_over, *(row for batch in self._ready for row, _ in batch)]
        if left:
            async with self._ctx.transaction("marketing") as tx:
                await deliveries.give_back(tx, left, **self._message)

    async def _claim(self) -> Addressed | None:
        """Recipients with their contacts; None where nothing is due."""
        now = self._ctx.now()
        until = now + timedelta(seconds=self._settings.lease_seconds)

        async def work(tx: Transaction) -> Addressed | None:
            rows = await deliveries.claim(tx, **self._message, limit=self._settings.claim_size, now=now, lease_until=until)
            claimed = [row for row in rows if row.state == "claimed"]
            contacts = await deliveries.list_contacts(tx, workspace_id=self._ctx.workspace, ids=[row.contact_id for row in claimed])
            # One that was deleted between the two statements is skipped when its lease has ended.
            return [(row, contacts[row.contact_id]) for row in claimed if row.contact_id in contacts] if rows else None

        try:
            return await self._ctx.atomically("marketing", work)
        except (Unavailable, UnknownOutcome, Contended) as error:
            self._turn.lost = error
            return None

    async def _deliver(self, batch: Addressed) -> None:
        now = self._ctx.now()
        ready: list[tuple[ClaimedRow, OutgoingEmail]] = []
        for row, contact in batch:
            made = self._mailings.render(row, contact, moment=now)
            if isinstance(made, RenderFault):
                self._outbox.add([failed_to_render(row, made, now=now)])
            else:
                ready.append((row, made))
        async with self._slots:
            allowed = await self._mark([row for row, _ in ready])
            going = [(row, email) for row, email in ready if (row.contact_id, row.occurrence) in allowed]
            self._turn.left_over += [row for row, _ in ready if (row.contact_id, row.occurrence) not in allowed]
            results = await self._hand_over([email for _, email in going])
        self._take([row for row, _ in going], results)

    async def _mark(self, rows: Batch) -> set[tuple[UUID, int]]:
        if self._turn.is_over or not rows:
            return set()
        now = self._ctx.now()
        until = now + timedelta(seconds=self._settings.hand_over_seconds + LEASE_MARGIN_SECONDS)

        async def work(tx: Transaction) -> set[tuple[UUID, int]]:
            return await deliveries.mark_handing_over(tx, rows, **self._message, now=now, lease_until=until)

        try:
            allowed = await self._ctx.atomically("marketing", work)
        except (Unavailable, UnknownOutcome, Contended) as error:
            self._turn.lost = error
            return set()
        self._turn.is_refused = self._turn.is_refused or not allowed
        return allowed

    async def _hand_over(self, emails: Sequence[OutgoingEmail]) -> list[HandOver]:
        if not emails:
            return []
        try:
            async with asyncio.timeout(self._settings.hand_over_seconds):
                return await self._transport.hand_over(emails)
        except TimeoutError:
            return [HandOver(outcome="unknown", reason="no answer in time") for _ in emails]

    def _take(self, rows: Batch, results: Sequence[HandOver]) -> None:
        now = self._ctx.now()
        self._outbox.add(
            [
                outcome_of(row, result, settings=self._settings, now=now, started_at=self._started_at)
                for row, result in zip(rows, results, strict=True)
            ]
        )
        self._turn.sent += sum(result.outcome == "sent" for result in results)
        if results and all(is_unreachable(result) for result in results):
            self._turn.unreachable = results[0].reason or "the mail server cannot be reached"
