"""Runs the simulators of all vendors: one HTTP server with a mount each, and the raw sockets of those that need one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from nexusone.apps.providers import SandboxAddresses
from nexusone.apps.serving import bind, serving
from nexusone.platform.provider import Manifest, SimulatorParts, SimulatorSetup

ADDRESSES_PATH = "/addresses"


@asynccontextmanager
async def simulators(
    manifests: Sequence[Manifest], *, data: Path, host: str, http_port: int = 0, socket_port: int = 0, webhooks: str | None = None
) -> AsyncIterator[SandboxAddresses]:
    """All simulators, for as long as the block; ports of 0 mean any free one. Each tells `webhooks`/<its name> what happens."""
    async with AsyncExitStack() as stack:
        apps: dict[str, ASGIApp] = {}
        sockets: dict[str, str] = {}
        for manifest in manifests:
            if manifest.simulator is None:
                continue
            folder = data / manifest.name
            folder.mkdir(parents=True, exist_ok=True)
            parts: SimulatorParts = manifest.simulator(
                SimulatorSetup(data=folder, host=host, socket_port=socket_port, webhooks=webhooks and f"{webhooks}/{manifest.name}")
            )
            if parts.app is not None:
                apps[manifest.name] = parts.app
            if parts.socket is not None:
                sockets[manifest.name] = await stack.enter_async_context(parts.socket())
        listener = bind(host, http_port)
        addresses = SandboxAddresses(http=f"http://{host}:{listener.getsockname()[1]}", sockets=sockets)
        await stack.enter_async_context(serving(_application(apps, addresses), listener))
        yield addresses


def _application(apps: dict[str, ASGIApp], addresses: SandboxAddresses) -> Starlette:
    async def show(_: Request) -> JSONResponse:
        return JSONResponse({"http": addresses.http, "sockets": dict(addresses.sockets), "simulators": sorted(apps)})

    return Starlette(routes=[Route(ADDRESSES_PATH, show), *(Mount(f"/{name}", app) for name, app in apps.items())])
