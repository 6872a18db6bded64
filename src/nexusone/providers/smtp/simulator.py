"""The sandbox's mail server: an SMTP socket, and an inbox over HTTP to see what arrived."""

from contextlib import AbstractAsyncContextManager

from nexusone.kernel.clock import SystemClock
from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.smtp.simulation.door import Door
from nexusone.providers.smtp.simulation.house import House
from nexusone.providers.smtp.simulation.inbox import Inbox
from nexusone.providers.smtp.simulation.server import listen


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """A mail server whose inbox lies in the setup's data folder and outlives restarts."""
    house = House(inbox=Inbox(setup.data / "inbox"), clock=SystemClock())

    def socket() -> AbstractAsyncContextManager[str]:
        return listen(house, host=setup.host, port=setup.socket_port)

    return SimulatorParts(app=Door(inbox=house.inbox, faults=house.faults).app(), socket=socket)
