"""A simulated payment vendor on a real socket: its controls, the person at its page, and an ear for its webhooks."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.providers.conformance.payment_gateway import Delivery, Mishap, Way
from tests.providers.openai.serving import served

from nexusone.modules.billing.ports import Checkout

ACTION = re.compile(r'<form method="post" action="([^"]+)"')


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Ear:
    """Keeps the webhooks that arrive."""

    heard: list[Delivery] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, request: Request) -> Response:
        body = await request.body()
        async with self.arrived:
            self.heard.append(Delivery({name.lower(): value for name, value in request.headers.items()}, body))
            self.arrived.notify_all()
        return Response(status_code=200)

    async def at_least(self, count: int) -> list[Delivery]:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.heard) >= count)
            return list(self.heard)


@dataclass(frozen=True, slots=True)
class Controls:
    """The simulator's own doors, at its address."""

    address: str
    http: aiohttp.ClientSession

    async def put(self, path: str, wanted: object) -> None:
        async with self.http.put(f"{self.address}{path}", json=wanted) as answer:
            assert answer.status == 204, await answer.text()

    async def post(self, path: str, wanted: object = None) -> dict[str, object]:
        async with self.http.post(f"{self.address}{path}", json=wanted) as answer:
            assert answer.status in (200, 204), await answer.text()
            found: dict[str, object] = json.loads(await answer.text() or "{}")
            return found

    async def delete(self, path: str) -> None:
        async with self.http.delete(f"{self.address}{path}") as answer:
            assert answer.status == 204

    async def spoil(self, mishap: Mishap, *, times: int, delay_seconds: float, is_writing: bool) -> None:
        method = "POST" if is_writing else "GET"
        await self.put("/_faults", {"mode": mishap, "times": times, "delay_seconds": delay_seconds, "method": method})

    async def visit(self, checkout: Checkout, way: Way) -> str:
        """Opens the page, presses a button, and says where that leads."""
        async with self.http.get(checkout.url) as page:
            assert page.status == 200
            assert "script" not in page.headers["Content-Security-Policy"]
            action = ACTION.search(await page.text())
        assert action is not None
        target = urljoin(checkout.url, action[1].replace("&amp;", "&"))
        async with self.http.post(target, data={"way": way}, allow_redirects=False) as answer:
            assert answer.status in (200, 303)
            return answer.headers.get("Location", "")


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Ear, str]]:
    """An ear and its address."""
    ear = Ear()
    async with served(Starlette(routes=[Route("/hooks", ear.hear, methods=["POST"])])) as address:
        yield ear, f"{address}/hooks"
