"""Sends webhooks as the vendor does: signed, at least once, in any order, again when they were not taken."""

import asyncio
import json
import random
from typing import Any, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from nexusone.providers.paypal.simulation.signing import Signer

ATTEMPTS_MAX = 6
TIMEOUT = aiohttp.ClientTimeout(total=10)


class WebhookTarget(BaseModel):
    """Where webhooks go, how often each is sent, and in what order: `held` ones wait until they are released."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: str | None
    copies: int = Field(default=1, ge=1, le=10)
    order: Literal["as_it_came", "shuffled", "held"] = "as_it_came"


class WebhookSender:
    """Sends in the background."""

    def __init__(self, target: WebhookTarget, signer: Signer) -> None:
        self.target, self._signer = target, signer
        self.held: list[dict[str, Any]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, event: dict[str, Any]) -> None:
        """Sends an event, or holds it."""
        if self.target.order == "held":
            self.held.append(event)
            return
        for _ in range(self.target.copies):
            delay = random.uniform(0, 0.2) if self.target.order == "shuffled" else 0.0  # noqa: S311 - disorder, not a secret
            self._begin(event, delay)

    def release(self) -> int:
        """Sends what was held, last first, each as often as is set."""
        events, self.held = self.held[::-1], []
        for event in events:
            for _ in range(self.target.copies):
                self._begin(event, 0.0)
        return len(events)

    async def settled(self) -> None:
        """Returns when nothing is under way any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, event: dict[str, Any], delay: float) -> None:
        if self.target.url is None:
            return
        task = asyncio.create_task(self._deliver(self.target.url, json.dumps(event).encode(), delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, url: str, body: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            for attempt in range(ATTEMPTS_MAX):
                headers = self._signer.headers(body, base="https://api.sandbox.paypal.com")
                try:
                    async with session.post(url, data=body, headers=headers) as answer:
                        if answer.status < 300:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.2 * 2**attempt)
