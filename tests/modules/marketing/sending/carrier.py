"""A carrier of e-mail that remembers what it took and ends as it is told."""

from collections.abc import Awaitable, Callable, Sequence

from nexusone.modules.marketing.ports import HandOver, OutgoingEmail

Fate = Callable[[OutgoingEmail], HandOver]
Batch = Sequence[OutgoingEmail]


class Crashed(Exception):
    """The worker died here."""


def takes_it(_: OutgoingEmail) -> HandOver:
    return HandOver(outcome="sent", code=250, vendor_reference="queued")


async def does_nothing(_: Batch) -> None:
    return


class Carrier:
    """An EmailTransport. `fate` ends each message, `before` and `after` run around each hand-over and may raise."""

    def __init__(self, *, batch_size_max: int = 5, connections_max: int = 3) -> None:
        self.batch_size_max, self.connections_max = batch_size_max, connections_max
        self.fate: Fate = takes_it
        self.before: Callable[[Batch], Awaitable[None]] = does_nothing
        self.after: Callable[[Batch], Awaitable[None]] = does_nothing
        self.taken: list[OutgoingEmail] = []
        self.busy = self.busy_most = 0

    async def hand_over(self, batch: Batch) -> list[HandOver]:
        """Ends every message by its fate; what is sent or unknown has arrived."""
        assert 0 < len(batch) <= self.batch_size_max
        self.busy += 1
        self.busy_most = max(self.busy, self.busy_most)
        try:
            await self.before(batch)
            results = [self.fate(email) for email in batch]
            self.taken += [email for email, result in zip(batch, results, strict=True) if result.outcome in ("sent", "unknown")]
            await self.after(batch)
            return results
        finally:
            self.busy -= 1

    async def close(self) -> None:
        """Nothing to let go of."""

    @property
    def recipients(self) -> list[str]:
        """Who got mail, sorted."""
        return sorted(email.recipient for email in self.taken)
