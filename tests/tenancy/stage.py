"""Where companies grow, and how they are asked."""

from dataclasses import dataclass
from typing import Any

import httpx2
from starlette.types import ASGIApp
from tests.draining import drain
from tests.modules.compliance.samples import Outbox
from tests.modules.marketing.sending.carrier import Carrier

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class Stage:
    """Where companies grow: a process with mailers, models, an identity provider and a payment vendor that belong to the tests."""

    composition: Composition
    app: ASGIApp
    outbox: Outbox
    carrier: Carrier
    issuers: str
    payments: str
    admin_url: str

    async def settle(self) -> None:
        """Runs all that waits."""
        await drain(self.composition)


async def get(client: httpx2.AsyncClient, path: str) -> Any:
    """What a GET gives."""
    return await call(client, "GET", path)


async def post(client: httpx2.AsyncClient, path: str, body: object = None, *, key: str | None = None, **options: Any) -> Any:
    """What a POST makes."""
    return await call(client, "POST", path, body, headers={"Idempotency-Key": key or str(new_id())}, **options)


async def call(client: httpx2.AsyncClient, method: str, path: str, body: object = None, **options: Any) -> Any:
    """What a call gives that must succeed."""
    answer = await client.request(method, path, json=body, **options)
    assert answer.status_code in (200, 201, 202), f"{path}: {answer.text}"
    return answer.json()
