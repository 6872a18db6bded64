"""How many hand-overs of a process run at once over one carrier, however many lanes and campaigns it has."""

import asyncio

from nexusone.modules.marketing.ports import EmailTransport
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys


class CarrierSlots:
    """One slot per connection of a carrier, so that what is marked as being handed over never waits for a connection."""

    def __init__(self, settings: PlatformSettings, keys: MasterKeys) -> None:
        self._slots: dict[EmailTransport, asyncio.Semaphore] = {}

    def of(self, carrier: EmailTransport) -> asyncio.Semaphore:
        """The carrier's slots."""
        return self._slots.setdefault(carrier, asyncio.Semaphore(carrier.connections_max))
