"""Companies that use the API over HTTP, each in a workspace of its own."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from nexusone.apps.compose import Composition

HEADER = "external_id,email,phone,first_name,last_name,locale,timezone,country"


@asynccontextmanager
async def no_lifespan() -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class Company:
    """A signed-up company: `client` speaks for its owner."""

    client: httpx2.AsyncClient
    workspace_id: str
    drain: Callable[[], Awaitable[None]]

    async def add(self, **fields: object) -> dict[str, Any]:
        """A new contact."""
        answer = await self.client.post("/v1/contacts", json=fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def contacts(self, **query: str) -> list[dict[str, Any]]:
        """The first hundred contacts, oldest first."""
        answer = await self.client.get("/v1/contacts", params={"limit": "100", **query})
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["items"]))

    async def queue_import(self, content: bytes, mapping: str | None = None) -> dict[str, Any]:
        """A new import, not yet run."""
        answer = await self.client.post(
            "/v1/contacts/imports", files={"file": ("contacts.csv", content, "text/csv")}, data={"mapping": mapping} if mapping else {}
        )
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def import_csv(self, content: bytes | Iterable[str], mapping: str | None = None) -> dict[str, Any]:
        """A finished import; lines get line breaks."""
        whole = content if isinstance(content, bytes) else "".join(f"{line}\n" for line in content).encode()
        queued = await self.queue_import(whole, mapping)
        await self.drain()
        return await self.import_of(queued["id"])

    async def import_of(self, import_id: str) -> dict[str, Any]:
        """An import as it is now."""
        answer = await self.client.get(f"/v1/contacts/imports/{import_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def errors_of(self, import_id: str) -> list[str]:
        """The lines of the errors file."""
        answer = await self.client.get(f"/v1/contacts/imports/{import_id}/errors")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"].startswith("attachment")
        return answer.text.splitlines()


@asynccontextmanager
async def company_at(composition: Composition, drain: Callable[[], Awaitable[None]]) -> AsyncIterator[Company]:
    """Signs a company up, from an address of its own so that the sign-up limit does not count."""
    number = random.getrandbits(40)
    ip = f"10.{number >> 32}.{number >> 24 & 255}.{number >> 16 & 255}"
    transport = httpx2.ASGITransport(app=composition.application(lifespan=no_lifespan), client=(ip, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        person = {
            "email": f"owner-{number}@example.com",
            "password": "a long enough passphrase",
            "name": "Ada",
            "workspace_name": "Engines",
        }
        answer = await client.post("/v1/auth/sign-up", json=person)
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield Company(client, answer.json()["workspace"]["id"], drain)
