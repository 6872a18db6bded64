"""What marketing needs from the world: somebody who carries e-mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class OutgoingEmail:
    """One finished message. `message_id` is the deterministic Message-ID that is also in `mime`."""

    message_id: str
    envelope_from: str
    recipient: str
    mime: bytes


@dataclass(frozen=True, slots=True)
class HandOver:
    """How handing one message over ended.

    `sent`: the carrier took it. `failed`: refused for good. `deferred`: surely not taken, may be tried again.
    `unknown`: the connection broke after the content went out. `code` is the carrier's number, `reason` its words.
    """

    outcome: Literal["sent", "failed", "deferred", "unknown"]
    code: int | None = None
    reason: str | None = None
    vendor_reference: str | None = None


class EmailTransport(Protocol):
    """Carries e-mail. Never raises for a message's sake: every message gets its own HandOver, in order."""

    @property
    def batch_size_max(self) -> int:
        """How many messages one hand-over may carry; also the most that one broken connection can leave unknown."""
        ...

    @property
    def connections_max(self) -> int:
        """How many hand-overs may run at once."""
        ...

    async def hand_over(self, batch: Sequence[OutgoingEmail]) -> list[HandOver]:
        """Hands a batch over on one connection; with no connection to be had, every message is deferred."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
