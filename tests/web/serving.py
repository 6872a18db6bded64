"""A composition on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from nexusone.apps.serving import bind, serving


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[tuple[str, int]]:
    """Host and port of the application, for as long as the block."""
    listener = bind("127.0.0.1", 0)
    host, port = listener.getsockname()[:2]
    async with serving(app, listener):
        yield host, port
