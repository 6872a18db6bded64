"""The SMTP transport against the conformance suite, over real sockets."""

import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.providers.conformance.email_transport import EmailTransportConformance, Ending

from nexusone.kernel.clock import SystemClock
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.simulation.house import House
from nexusone.providers.smtp.simulation.inbox import Inbox
from nexusone.providers.smtp.simulation.server import listen
from nexusone.providers.smtp.transport import SmtpTransport

TAGS: dict[Ending, str] = {"sent": "", "failed": "+bounce", "deferred": "+defer", "unknown": "+drop"}


@dataclass(frozen=True, slots=True)
class SmtpOutlet:
    transport: EmailTransport
    unreachable: EmailTransport
    inbox: Inbox

    def address(self, ending: Ending, *, name: str) -> str:
        return f"{name}{TAGS[ending]}@customer.example"

    async def arrived(self) -> Sequence[bytes]:
        return [self.inbox.content(mail) for mail in self.inbox.list_before(None, recipient=None, limit=10_000)]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestSmtp(EmailTransportConformance):
    @pytest.fixture
    async def outlet(self, tmp_path: Path) -> AsyncIterator[SmtpOutlet]:
        house = House(inbox=Inbox(tmp_path), clock=SystemClock())
        async with listen(house, host="127.0.0.1", port=0) as address:
            transport = SmtpTransport(parse_address(address), connections_max=4)
            unreachable = SmtpTransport(parse_address(f"smtp://127.0.0.1:{closed_port()}"))
            yield SmtpOutlet(transport, unreachable, house.inbox)
            await transport.close()
