"""Deployments as a customer runs them: everything in one process, or services apart behind a gateway."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

READY_SECONDS_MAX = 60.0
HOP_HEADERS = {"transfer-encoding", "connection", "content-length", "content-encoding"}

# Which service answers which paths, as a gateway would route them.
SPLIT: dict[str, tuple[str, ...]] = {
    "identity,billing": ("/v1/auth", "/auth/sso", "/v1/sso-connections", "/v1/me", "/v1/api-keys", "/v1/credits"),
    "audience": ("/v1/contacts", "/v1/segments"),
    "ai": ("/v1/generations", "/v1/models"),
    "marketing": ("/v1/templates", "/v1/campaigns", "/v1/deliveries", "/t/", "/u/", "/v1/sandbox"),
}


@asynccontextmanager
async def in_one_process(data: Path, environment: dict[str, str] | None = None) -> AsyncIterator[str]:
    """`nexusone up`; yields the API's address."""
    port = free_port()
    async with process(["up", "--data", str(data), "--port", str(port)], environment):
        address = f"http://127.0.0.1:{port}"
        await until_ready(address)
        yield address


@asynccontextmanager
async def split(data: Path) -> AsyncIterator[str]:
    """Simulators, one API and one worker for each group of modules, and a gateway; yields the gateway's address."""
    gateway_port = free_port()
    address = f"http://127.0.0.1:{gateway_port}"
    environment = {"NEXUSONE_PUBLIC_URL": address}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process(["simulate", "--data", str(data)]))
        await migrated(data)
        routes: dict[str, str] = {}
        for modules, prefixes in SPLIT.items():
            port = free_port()
            command = ["serve", "--data", str(data), "--port", str(port), "--only", modules]
            await stack.enter_async_context(process(command, environment))
            await stack.enter_async_context(process(["work", "--data", str(data), "--only", modules], environment))
            routes |= dict.fromkeys(prefixes, f"http://127.0.0.1:{port}")
        for service in sorted(set(routes.values())):
            await until_ready(service)
        await stack.enter_async_context(gateway(routes, gateway_port))
        yield address


@asynccontextmanager
async def process(command: Sequence[str], environment: dict[str, str] | None = None) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """One `nexusone` process; it is asked to end, and must."""
    started = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, "-m", "nexusone.apps.cli", *command], env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        await asyncio.to_thread(started.wait, 60)


async def migrated(data: Path) -> None:
    """The database of a data folder, made and migrated."""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "nexusone.apps.cli", "migrate", "--data", str(data)], check=True)


async def until_ready(address: str) -> None:
    """Waits until a service answers `/readyz`."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{address}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"{address} is not ready")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def gateway(routes: dict[str, str], port: int) -> AsyncIterator[None]:
    """A reverse proxy that picks the service by the path's beginning."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.Response:
            service = next((where for prefix, where in routes.items() if request.path.startswith(prefix)), None)
            if service is None:
                return web.Response(status=404)
            headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")}
            body = await request.read()
            async with session.request(
                request.method, f"{service}{request.rel_url}", headers=headers, data=body, allow_redirects=False
            ) as answer:
                passed = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS}
                return web.Response(status=answer.status, body=await answer.read(), headers=passed)

        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
