"""What billing announces."""

from typing import ClassVar

from nexusone.kernel.contract import Contract, Id
from nexusone.kernel.money import MicroCredits
from nexusone.platform.events import Event


class CreditsGranted(Event):
    """A workspace got credits."""

    name: ClassVar[str] = "billing.credits.granted.v1"

    grant_id: Id
    source: str
    amount_micros: MicroCredits


class CreditsSettled(Event):
    """Held credits were used: `amount_micros` in this step. `is_late`: after the hold had expired."""

    name: ClassVar[str] = "billing.credits.settled.v1"

    hold_id: Id
    key: str
    purpose: str
    amount_micros: MicroCredits
    is_late: bool


class ExpiredHold(Contract):
    """One hold of `HoldsExpired`, with what went back."""

    hold_id: Id
    key: str
    purpose: str
    returned_micros: MicroCredits


class HoldsExpired(Event):
    """Holds that nobody resolved in time were released; at most 500 in one event."""

    name: ClassVar[str] = "billing.holds.expired.v1"

    holds: list[ExpiredHold]
