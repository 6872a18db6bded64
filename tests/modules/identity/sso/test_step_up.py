"""AUTHN-17 for people without a password: they prove themselves anew to the provider, who must not be content with a session."""

from datetime import timedelta
from typing import Any

import httpx2
import pyotp
import pytest
from tests.customers import visitor_at
from tests.modules.identity.sso.companies import Company, DriftingClock, Way, claims_of, come_back, enrol

STEP_UP = "/v1/auth/sso/step-up"


class Browser:
    """The browser of somebody who came through the provider."""

    def __init__(self, company: Company, client: httpx2.AsyncClient, session: dict[str, Any]) -> None:
        self.company, self.client = company, client
        self.go_on(session)

    def go_on(self, session: dict[str, Any]) -> None:
        """Uses another session from now on."""
        self.session = session
        self.client.headers["Authorization"] = f"Bearer {session['access_token']}"

    async def begin(self, **wanted: object) -> Way:
        """Where the browser is sent to prove itself anew."""
        answer = await self.client.post(STEP_UP, json=wanted)
        assert answer.status_code == 200, answer.text
        assert "__Host-nexusone-sso" in answer.headers["set-cookie"]
        return Way(answer.json()["authorization_url"], answer.json()["binding"])

    async def anew(self, person: str = "ada") -> httpx2.Response:
        """All the way as `person`; the first answer that is no success, or the session."""
        way = await self.begin()
        returned = await come_back(self.client, await self.company.provider.choose(way, person), way.binding)
        if returned.status_code != 200:
            return returned
        return await self.client.post("/v1/auth/sso/finish", json={"binding": way.binding})

    async def enrols(self) -> httpx2.Response:
        """What something sensitive is answered."""
        return await self.client.post("/v1/auth/mfa/totp")


@pytest.fixture
async def browser(company: Company) -> Any:
    """Ada's."""
    await company.connect()
    session = await company.come("ada")
    async with visitor_at(company.app) as client:
        yield Browser(company, client, session.json())


async def test_authn_17_a_person_without_a_password_proves_themselves_anew_to_the_provider(browser: Browser, clock: DriftingClock) -> None:
    assert (await browser.enrols()).status_code == 201
    clock.ahead += timedelta(minutes=6)
    old = claims_of_session(browser.session)
    assert (await browser.enrols()).json()["code"] == "identity.step_up_needed"
    nothing = await browser.client.post("/v1/auth/mfa/step-up", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (401, "identity.step_up_needed")
    clock.ahead -= timedelta(minutes=6)
    answer = await browser.anew()
    claims = claims_of(answer)
    assert claims["auth_time"] >= old["auth_time"]
    assert claims["sid"] != old["sid"]
    assert (await browser.client.get("/v1/me")).status_code == 401
    browser.go_on(answer.json())
    assert (await browser.enrols()).status_code == 201


async def test_authn_17_the_provider_is_asked_for_a_login_and_not_for_its_session(browser: Browser) -> None:
    asked = (await browser.begin()).asked
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    async with visitor_at(browser.company.app) as visitor:
        assert {"prompt", "max_age"} & (await browser.company.begin(visitor)).asked.keys() == set()


@pytest.mark.parametrize("fault", ["old_session", "no_auth_time"])
async def test_authn_17_a_provider_that_was_content_with_its_session_proves_nothing(browser: Browser, fault: str) -> None:
    await browser.company.provider.fault(fault)
    refused = await browser.anew()
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.sso_token_refused")
    assert (await browser.client.get("/v1/me")).status_code == 200


async def test_authn_17_a_sign_in_from_an_old_session_of_the_provider_is_no_fresh_proof(company: Company) -> None:
    await company.connect()
    await company.provider.fault("old_session")
    session = await company.come("ada")
    async with visitor_at(company.app) as client:
        browser = Browser(company, client, session.json())
        assert (await browser.client.get("/v1/me")).status_code == 200
        assert (await browser.enrols()).json()["code"] == "identity.step_up_needed"
        browser.go_on((await browser.anew()).json())
        assert (await browser.enrols()).status_code == 201


async def test_authn_17_nobody_proves_themselves_in_anothers_place(browser: Browser) -> None:
    assert (await browser.company.come("alan")).status_code == 200
    for other in ("alan", "grace"):
        refused = await browser.anew(other)
        assert (refused.status_code, refused.json()["code"]) == (401, "identity.sso_token_refused")
    assert (await browser.client.get("/v1/me")).status_code == 200
    members = (await browser.company.owner.client.get("/v1/members")).json()["items"]
    assert "grace" not in {str(member["email"]).partition("@")[0] for member in members}


async def test_authn_17_the_own_second_factor_is_asked_for_as_at_a_sign_in(browser: Browser, clock: DriftingClock) -> None:
    app: pyotp.TOTP = await enrol(browser.client)
    clock.ahead += timedelta(seconds=30)
    challenge = (await browser.anew()).json()
    assert challenge["factors"] == ["totp", "recovery_code"]
    assert (await browser.client.get("/v1/me")).status_code == 200
    shown = {"factor": "totp", "attempt": challenge["attempt"], "code": app.at(clock.now())}
    answer = await browser.client.post("/v1/auth/mfa/verify", json=shown)
    assert answer.status_code == 200, answer.text
    assert (await browser.client.get("/v1/me")).status_code == 401
    assert claims_of(answer)["amr"] == ["sso", "otp", "mfa"]


async def test_authn_17_a_second_factor_alone_renews_a_session_that_came_from_the_provider(browser: Browser, clock: DriftingClock) -> None:
    app = await enrol(browser.client)
    clock.ahead += timedelta(seconds=30)
    challenge = (await browser.client.post("/v1/auth/mfa/step-up", json={})).json()
    shown = {"factor": "totp", "attempt": challenge["attempt"], "code": app.at(clock.now())}
    assert (await browser.client.post("/v1/auth/mfa/verify", json=shown)).status_code == 200


async def test_authn_17_who_came_by_password_alone_has_no_provider_to_go_to(company: Company) -> None:
    await company.connect()
    refused = await company.owner.client.post(STEP_UP, json={})
    assert (refused.status_code, refused.json()["code"]) == (404, "identity.sso_not_set_up")
    key = await company.owner.api_key("contacts:read")
    by_machine = await company.owner.client.post(STEP_UP, json={}, headers={"Authorization": f"Bearer {key}"})
    assert by_machine.status_code == 403


async def test_the_browser_goes_back_only_to_an_address_of_the_product(browser: Browser) -> None:
    refused = await browser.client.post(STEP_UP, json={"return_to": "https://evil.example.com/"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/return_to")


def claims_of_session(session: dict[str, Any]) -> dict[str, Any]:
    """What a session's access token says."""
    return claims_of(httpx2.Response(200, json=session))
