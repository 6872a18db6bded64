"""Sends webhooks as vendors do: at least once, in any order, again when they were not taken."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

ATTEMPTS_MAX = 6
TIMEOUT = aiohttp.ClientTimeout(total=10)


class Delivery(BaseModel):
    """How often each webhook is sent, and in what order: `held` ones wait until they are released, `lost` ones never go."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    copies: int = Field(default=1, ge=1, le=10)
    order: Literal["as_it_came", "shuffled", "held", "lost"] = "as_it_came"


class WebhookSender:
    """Sends in the background; `sign` makes the headers of each attempt from the body."""

    def __init__(self, sign: Callable[[bytes], Mapping[str, str]] | None = None) -> None:
        self.delivery = Delivery()
        self._sign = sign
        self._held: list[tuple[str, bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, url: str, body: bytes) -> None:
        """Sends a body, or holds it."""
        match self.delivery.order:
            case "lost":
                return
            case "held":
                self._held.append((url, body))
            case order:
                for _ in range(self.delivery.copies):
                    delay = random.uniform(0, 0.2) if order == "shuffled" else 0.0  # noqa: S311 - disorder, not a secret
                    self._begin(url, body, delay)

    def release(self) -> int:
        """Sends what was held, last first, each as often as is set."""
        held, self._held = self._held[::-1], []
        for url, body in held:
            for _ in range(self.delivery.copies):
                self._begin(url, body, 0.0)
        return len(held)

    async def settled(self) -> None:
        """Returns when nothing is under way any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, url: str, body: bytes, delay: float) -> None:
        task = asyncio.create_task(self._deliver(url, body, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, url: str, body: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            for attempt in range(ATTEMPTS_MAX):
                headers = {"Content-Type": "application/json", **(self._sign(body) if self._sign else {})}
                try:
                    async with session.post(url, data=body, headers=headers) as answer:
                        if answer.status < 300:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.2 * 2**attempt)
