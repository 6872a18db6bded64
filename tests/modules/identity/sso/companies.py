"""Companies with an identity provider of their own, and the browsers of the people who come through it."""

import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiohttp
import httpx2
import jwt
import pyotp
from starlette.types import ASGIApp
from tests.customers import Customer, customer_at, visitor_at

COOKIE = "__Host-nexusone-sso"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class DriftingClock:
    """The machine's clock, some time ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Way:
    """A sign-in that has begun: where the browser was sent, and what it is bound by."""

    url: str
    binding: str

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of the authorization request."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}


@dataclass(frozen=True, slots=True)
class Provider:
    """One simulated issuer."""

    http: aiohttp.ClientSession = field(repr=False)
    root: str
    tenant: str

    @property
    def issuer(self) -> str:
        """Its issuer."""
        return f"{self.root}/{self.tenant}"

    async def people(self, *people: Mapping[str, object]) -> None:
        """Who can be chosen."""
        await self._ask("PUT", "_people", list(people))

    async def fault(self, mode: str, times: int = 1) -> None:
        """What goes wrong next."""
        await self._ask("PUT", "_faults", {"mode": mode, "times": times})

    async def rotate(self, *, keeps_old: bool) -> None:
        """Another signing key."""
        await self._ask("POST", f"_rotate?keep={str(keeps_old).lower()}", None)

    async def keys_asked(self) -> int:
        """How often its keys were asked for."""
        async with self.http.get(f"{self.issuer}/_state") as answer:
            return int((await answer.json())["keys_asked"])

    async def choose(self, way: Way, person: str) -> str:
        """Shows the page, chooses somebody ("" declines), and gives where the browser is sent back to."""
        async with self.http.get(way.url) as page:
            assert page.status == 200, await page.text()
            hidden = {unescape(name): unescape(value) for name, value in HIDDEN.findall(await page.text())}
        async with self.http.post(f"{self.issuer}/authorize", data={**hidden, "person": person}, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            return answer.headers["Location"]

    async def _ask(self, method: str, path: str, body: object) -> None:
        async with self.http.request(method, f"{self.issuer}/{path}", data=json.dumps(body)) as answer:
            assert answer.status == 204, await answer.text()


@dataclass(slots=True)
class Company:
    """A company whose owner has connected its provider, with its domain proved unless said otherwise."""

    app: ASGIApp
    owner: Customer
    provider: Provider
    domain: str
    connection: dict[str, Any] = field(default_factory=dict)

    @property
    def connection_id(self) -> str:
        """The connection's id."""
        return str(self.connection["id"])

    @property
    def workspace_id(self) -> UUID:
        """The company's workspace."""
        return self.owner.workspace_id

    def person(self, name: str, **facts: object) -> dict[str, object]:
        """Somebody of the company, as its provider tells of them."""
        return {"sub": name, "email": f"{name}@{self.domain}", "email_verified": True, "name": name.title(), "amr": ["pwd"], **facts}

    async def connect(self, *, is_proved: bool = True, provider: Provider | None = None, **fields: object) -> dict[str, Any]:
        """Makes the connection."""
        wanted = {"name": "Our provider", "client_id": "nexusone", "client_secret": "sandbox-secret", "domains": [self.domain]}
        wanted |= {"issuer": (provider or self.provider).issuer, **fields}  # type: ignore[dict-item]
        made = await self.owner.client.post("/v1/sso-connections", json=wanted)
        assert made.status_code == 201, made.text
        self.connection = made.json()
        if is_proved:
            await self.prove()
        return self.connection

    async def prove(self) -> httpx2.Response:
        """Puts the proofs where they belong, and has them found."""
        for domain in self.connection["domains"]:
            async with self.provider.http.put(domain["proof_url"], data=domain["proof"]) as answer:
                assert answer.status == 204
        proved = await self.owner.client.post(f"/v1/sso-connections/{self.connection_id}/prove-domains")
        assert proved.status_code == 200, proved.text
        self.connection = proved.json()
        return proved

    async def change(self, **fields: object) -> httpx2.Response:
        """Changes the connection."""
        return await self.owner.client.patch(f"/v1/sso-connections/{self.connection_id}", json=fields)

    async def give_owner_second_factor(self) -> pyotp.TOTP:
        """Enrols an authenticator app of the owner, whose session goes on."""
        return await enrol(self.owner.client)

    async def begin(self, visitor: httpx2.AsyncClient, **fields: object) -> Way:
        """Begins a sign-in."""
        answer = await visitor.post("/v1/auth/sso/start", json={"connection_id": self.connection_id, **fields})
        assert answer.status_code == 200, answer.text
        return Way(answer.json()["authorization_url"], answer.json()["binding"])

    async def back(self, visitor: httpx2.AsyncClient, location: str, binding: str | None) -> httpx2.Response:
        """The browser comes back from the provider."""
        return await come_back(visitor, location, binding)

    async def come(self, person: str) -> httpx2.Response:
        """Somebody goes all the way; the first answer that is no success, or the session."""
        async with visitor_at(self.app) as visitor:
            way = await self.begin(visitor)
            returned = await come_back(visitor, await self.provider.choose(way, person), way.binding)
            if returned.status_code != 200:
                return returned
            return await visitor.post("/v1/auth/sso/finish", json={"binding": way.binding})


async def enrol(client: httpx2.AsyncClient) -> pyotp.TOTP:
    """Enrols an authenticator app; the client goes on with the session it is given for that."""
    enrolment = await client.post("/v1/auth/mfa/totp")
    assert enrolment.status_code == 201, enrolment.text
    app = pyotp.TOTP(enrolment.json()["secret"])
    added = await client.post("/v1/auth/mfa/totp/confirm", json={"code": app.now()})
    assert added.status_code == 200, added.text
    client.headers["Authorization"] = f"Bearer {added.json()['session']['access_token']}"
    return app


async def come_back(visitor: httpx2.AsyncClient, location: str, binding: str | None) -> httpx2.Response:
    """The browser follows the provider's redirect, with its cookie where it has one."""
    parts = urlsplit(location)
    headers = {} if binding is None else {"Cookie": f"{COOKIE}={binding}"}
    return await visitor.get(f"{parts.path}?{parts.query}", headers=headers)


def claims_of(signed_in: httpx2.Response) -> dict[str, Any]:
    """What the access token says."""
    assert signed_in.status_code == 200, signed_in.text
    claims: dict[str, Any] = jwt.decode(signed_in.json()["access_token"], options={"verify_signature": False})
    return claims


@asynccontextmanager
async def company_at(app: ASGIApp, root: str) -> AsyncIterator[Company]:
    """A company that has signed up, has a provider, and has not connected it."""
    tenant = secrets.token_hex(6)
    async with customer_at(app) as owner, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        company = Company(app, owner, Provider(http, root, tenant), f"{tenant}.example.com")
        await company.provider.people(company.person("ada"), company.person("grace", amr=["pwd", "otp", "mfa"]), company.person("alan"))
        yield company
