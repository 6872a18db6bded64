"""What all connections of one simulated mail server share."""

from dataclasses import dataclass, field
from typing import Protocol

from nexusone.kernel.clock import Clock
from nexusone.providers.smtp.simulation.faults import FaultSwitch
from nexusone.providers.smtp.simulation.inbox import Inbox

SLOW_SECONDS = 2.0
CONNECTIONS_MAX = 500


class Connection(Protocol):
    """A caller on the line."""

    def hang_up(self) -> None:
        """Drops the connection."""
        ...


@dataclass(slots=True)
class House:
    """Where mail goes, what fails, how slow `slow` is, who is connected."""

    inbox: Inbox
    clock: Clock
    faults: FaultSwitch = field(default_factory=FaultSwitch)
    slow_seconds: float = SLOW_SECONDS
    connections_max: int = CONNECTIONS_MAX
    connections: set[Connection] = field(default_factory=set)
