"""A deployment with an inbox in memory and a clock that can be moved."""

import random
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.types import ASGIApp
from tests.customers import visitor_at

from nexusone.kernel.clock import MovedClock
from nexusone.modules.identity.ports import SystemMail
from nexusone.platform.runtime import Runtime

PASSWORD = "seven lanterns over quiet water"
NEW_PASSWORD = "a different sentence about herons"
TOKEN = re.compile(r"#token=(\S+)")


@dataclass
class Outbox:
    """A SystemMailer that keeps what it is given."""

    mails: list[SystemMail] = field(default_factory=list)

    async def send(self, mail: SystemMail) -> None:
        """Takes a mail."""
        self.mails.append(mail)

    def to(self, address: str) -> list[SystemMail]:
        """The mails to an address, oldest first."""
        return [mail for mail in self.mails if mail.recipient == address]


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and the answer that opened the last session."""

    email: str
    password: str
    session: dict[str, Any]

    @property
    def bearer(self) -> dict[str, str]:
        """The header of requests in the session."""
        return {"Authorization": f"Bearer {self.session['access_token']}"}


@dataclass(frozen=True)
class Site:
    """One deployment."""

    runtime: Runtime
    app: ASGIApp
    outbox: Outbox
    clock: MovedClock
    drain: Callable[[], Awaitable[None]]
    admin_url: str

    def visitor(self, *, ip: str | None = None) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        """A client from an address of its own."""
        return visitor_at(self.app, ip=ip)

    async def post(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> httpx2.Response:
        """POST from an address that nobody used before, or from `ip`."""
        async with self.visitor(ip=options.pop("ip", None)) as client:
            return await client.post(path, json=body, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET from an address that nobody used before."""
        async with self.visitor() as client:
            return await client.get(path, **options)

    async def sign_in(self, person: Person, *, password: str | None = None, **options: Any) -> httpx2.Response:
        """Signs in with the person's password, or another one."""
        fields = {name: options.pop(name) for name in ("device",) if name in options}
        body = {"email": person.email, "password": password or person.password, **fields}
        return await self.post("/v1/auth/sign-in", body, **options)

    async def open_account(self, *, email: str | None = None, headers: dict[str, str] | None = None) -> Person:
        """Signs up, and verifies where that is asked for."""
        address = email or fresh_email()
        answer = await self.post("/v1/auth/sign-up", sign_up_body(address), headers=headers or {})
        if answer.status_code == 202:
            token = await self.mailed_token(address)
            answer = await self.post("/v1/auth/verify", {"token": token, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return Person(address, PASSWORD, answer.json())

    async def mailed_token(self, address: str) -> str:
        """The last token that was mailed to an address."""
        await self.drain()
        return next(found[1] for mail in reversed(self.outbox.to(address)) if (found := TOKEN.search(mail.text)))

    async def is_alive(self, person: Person) -> bool:
        """Whether the person's access token still opens anything."""
        return (await self.get("/v1/me", headers=person.bearer)).status_code == 200


def fresh_email() -> str:
    """An address that nobody else in the run has."""
    return f"person-{random.getrandbits(60):x}@example.com"


def sign_up_body(email: str, *, password: str = PASSWORD) -> dict[str, str]:
    """What somebody sends who signs up."""
    return {"email": email, "password": password, "name": "Grace", "workspace_name": "Compilers"}
