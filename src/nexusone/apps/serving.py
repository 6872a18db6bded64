"""Serves ASGI applications inside an event loop that also does other work."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from nexusone.apps.wire import BoundedProtocol

BACKLOG = 2048
GRACE_SECONDS = 20


class PortTaken(RuntimeError):
    """Somebody else listens there."""


class _Server(uvicorn.Server):
    """Leaves signals to the process, which has more than one thing to stop."""

    @contextmanager
    def capture_signals(self) -> Any:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortTaken: with what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"{host}:{port} cannot be listened on ({error.strerror}); choose another with --port or NEXUSONE_PORT") from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serves `app` on the socket for as long as the block; then lets running requests end."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=BACKLOG,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if running.done():
                await running
                raise RuntimeError("the server did not start; the log says why")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await running
