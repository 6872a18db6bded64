"""The SMTP server's socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nexusone.providers.smtp.simulation.house import House
from nexusone.providers.smtp.simulation.receiver import Receiver


@asynccontextmanager
async def listen(house: House, *, host: str, port: int) -> AsyncIterator[str]:
    """Serves until left; yields the address, such as `smtp://127.0.0.1:2525`."""
    listener = await asyncio.get_running_loop().create_server(lambda: Receiver(house), host, port)
    bound_host, bound_port = listener.sockets[0].getsockname()[:2]
    try:
        yield f"smtp://[{bound_host}]:{bound_port}" if ":" in bound_host else f"smtp://{bound_host}:{bound_port}"
    finally:
        listener.close()
        for connection in list(house.connections):
            connection.hang_up()
        await listener.wait_closed()
        house.inbox.close()
