"""A company connects its identity provider, and its people come in through it: a browser, an API and a provider on real sockets."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.stories.deployments import in_one_process

PASSWORD = "a passphrase nobody guesses"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("stories")]


@dataclass(slots=True)
class Browser:
    """Speaks HTTP as somebody's browser does: keeps the cookie, follows no redirect by itself."""

    http: aiohttp.ClientSession
    api: str
    cookie: str = ""
    token: str = ""

    async def ask(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """One call of the API."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        async with self.http.request(method, f"{self.api}{path}", json=body, headers=headers) as answer:
            assert answer.status == status, await answer.text()
            for morsel in SimpleCookie(answer.headers.get("Set-Cookie", "")).values():
                self.cookie = f"{morsel.key}={morsel.value}"
            return await answer.json() if answer.content_type == "application/json" else await answer.text()

    async def sign_in_through(self, connection_id: str, person: str) -> Any:
        """The whole way: start, the provider's page, the redirect back, the session."""
        started = await self.ask("POST", "/v1/auth/sso/start", {"connection_id": connection_id, "return_to": f"{self.api}/app"})
        async with self.http.get(started["authorization_url"]) as page:
            hidden = {unescape(name): unescape(value) for name, value in HIDDEN.findall(await page.text())}
        action = started["authorization_url"].partition("?")[0]
        async with self.http.post(action, data={**hidden, "person": person}, allow_redirects=False) as answer:
            back = answer.headers["Location"]
        async with self.http.get(back, headers={"Cookie": self.cookie}, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            if answer.headers["Location"] != f"{self.api}/app?sso=done":
                return answer.headers["Location"]
        signed = await self.ask("POST", "/v1/auth/sso/finish", {})
        self.token = signed["access_token"]
        return signed


@dataclass(frozen=True, slots=True)
class Told:
    """A company with its provider connected and its domain proved."""

    http: aiohttp.ClientSession
    api: str
    owner: Browser
    issuer: str
    domain: str
    connection_id: str

    def browser(self) -> Browser:
        """Somebody's browser, fresh."""
        return Browser(self.http, self.api)


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    folder: Path = tmp_path_factory.mktemp("story")
    async with in_one_process(folder) as api, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        owner = Browser(http, api)
        domain = f"{secrets.token_hex(4)}.example.com"
        wanted = {"email": f"owner@{secrets.token_hex(4)}.example.org", "password": PASSWORD, "name": "Nora", "workspace_name": "Northwind"}
        owner.token = (await owner.ask("POST", "/v1/auth/sign-up", wanted, status=201))["access_token"]
        issuer = f"{(await owner.ask('GET', '/v1/sandbox'))['http']}/oidc/northwind"
        people = [{"sub": name, "email": f"{name}@{domain}", "name": name.title()} for name in ("ada", "alan")]
        async with http.put(f"{issuer}/_people", json=people) as answer:
            assert answer.status == 204
        made = await owner.ask(
            "POST",
            "/v1/sso-connections",
            {
                "name": "Northwind's own",
                "issuer": issuer,
                "client_id": "nexusone",
                "client_secret": "sandbox-secret",
                "domains": [domain],
                "default_role": "marketer",
            },
            status=201,
        )
        async with http.put(made["domains"][0]["proof_url"], data=made["domains"][0]["proof"]) as answer:
            assert answer.status == 204
        proved = await owner.ask("POST", f"/v1/sso-connections/{made['id']}/prove-domains")
        assert proved["domains"][0]["proven_at"]
        yield Told(http, api, owner, issuer, domain, made["id"])


async def test_people_come_in_through_the_provider_and_may_work_at_once(told: Told) -> None:
    ada = told.browser()
    signed = await ada.sign_in_through(told.connection_id, "ada")
    assert signed["workspace"]["name"] == "Northwind"
    assert "campaigns:write" in (await ada.ask("GET", "/v1/me"))["permissions"]
    await ada.ask("POST", "/v1/sso-connections", {}, status=403)


async def test_a_bad_answer_of_the_provider_brings_the_browser_back_with_a_reason(told: Told) -> None:
    async with told.http.put(f"{told.issuer}/_faults", json={"mode": "hs256_public_key"}) as answer:
        assert answer.status == 204
    browser = told.browser()
    assert await browser.sign_in_through(told.connection_id, "alan") == f"{told.api}/app?sso_error=identity.sso_token_refused"
    assert (await browser.sign_in_through(told.connection_id, "alan"))["user"]["email"] == f"alan@{told.domain}"


async def test_an_outside_issuer_is_not_reached_from_the_sandbox(told: Told) -> None:
    wanted = {"name": "x", "issuer": "https://accounts.example.com", "client_id": "c", "client_secret": "s", "domains": ["example.com"]}
    refused = await told.owner.ask("POST", "/v1/sso-connections", wanted, status=422)
    assert "identity.sso_issuer_unusable" in refused
