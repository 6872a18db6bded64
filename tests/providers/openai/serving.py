"""The simulator on a real socket, with everything that crosses it kept for the contract."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The test runner keeps its signals."""
        yield


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serves an app on a free port; yields its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", ws="none", log_config=None, access_log=False)
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    await asyncio.wait_for(server.up.wait(), 10)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Simulated:
    """The doors of a simulator at an address."""

    address: str

    async def spoil(self, mode: str, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        """Makes its next calls go wrong."""
        fault = {"mode": mode, "times": times, "delay_seconds": delay_seconds}
        async with aiohttp.ClientSession() as session, session.put(f"{self.address}/_faults", json=fault) as answer:
            assert answer.status == 204

    async def log(self) -> Mapping[str, Any]:
        """What it has received and done."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.address}/_requests") as answer:
            log: Mapping[str, Any] = await answer.json()
            return log


@dataclass(slots=True)
class Exchange:
    """One call and its answer, as bytes; `is_whole` where the answer came to its end."""

    path: str
    asked: bytes = b""
    status: int = 0
    media_type: str = ""
    told: bytes = b""
    is_whole: bool = False

    def events(self) -> list[Mapping[str, object]]:
        """The data of a stream's events, [DONE] left out."""
        lines = [line[6:] for line in self.told.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


@dataclass(slots=True)
class Recorder:
    """Passes calls on and keeps those to `/v1`."""

    app: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(path=str(scope["path"]))
        if exchange.path.startswith("/v1"):
            self.exchanges.append(exchange)

        async def hearing() -> Message:
            message = await receive()
            exchange.asked += message.get("body", b"")
            return message

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.media_type = dict(message["headers"]).get(b"content-type", b"").decode()
            else:
                exchange.told += message.get("body", b"")
                exchange.is_whole = not message.get("more_body", False)
            await send(message)

        await self.app(scope, hearing, telling)
