"""Companies that use the API over HTTP, each from an address of its own so that limits by address do not meet."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
from starlette.types import ASGIApp

PASSWORD = "a long enough passphrase"


@dataclass(frozen=True, slots=True)
class Customer:
    """A signed-up company. `client` speaks with its owner's access token, `session` is the answer to sign-up."""

    client: httpx2.AsyncClient
    email: str
    password: str
    session: dict[str, Any]

    @property
    def workspace_id(self) -> UUID:
        """The company's workspace."""
        return UUID(self.session["workspace"]["id"])

    async def api_key(self, *permissions: str, **fields: object) -> str:
        """The text of a new API key, by default with every permission."""
        wanted = {"name": "machine", "permissions": list(permissions) or ["*"], **fields}
        answer = await self.client.post("/v1/api-keys", json=wanted)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["secret"])


def fresh_ip() -> str:
    """An address that nobody else in the run has, as far as chance can tell."""
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


@asynccontextmanager
async def no_lifespan() -> AsyncIterator[None]:
    """For applications that need nothing beside them."""
    yield


@asynccontextmanager
async def visitor_at(app: ASGIApp, *, ip: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a credential."""
    transport = httpx2.ASGITransport(app=app, client=(ip or fresh_ip(), 1), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@asynccontextmanager
async def customer_at(app: ASGIApp, *, ip: str | None = None) -> AsyncIterator[Customer]:
    """A company that has just signed up."""
    async with visitor_at(app, ip=ip) as client:
        email = f"owner-{random.getrandbits(60):x}@example.com"
        wanted = {"email": email, "password": PASSWORD, "name": "Ada", "workspace_name": "Engines"}
        answer = await client.post("/v1/auth/sign-up", json=wanted)
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield Customer(client, email, PASSWORD, answer.json())
