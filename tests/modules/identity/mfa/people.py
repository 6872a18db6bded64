"""People with second factors, who use the API over HTTP while a clock is moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import jwt
from pyotp import TOTP
from starlette.types import ASGIApp
from tests.customers import Customer, visitor_at
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator

from nexusone.kernel.clock import MovedClock

ORIGIN = "https://app.example.com"
STEP = timedelta(seconds=30)

Json = dict[str, Any]


@dataclass(slots=True)
class Person:
    """Somebody with an account. `client` speaks with the token of their latest session."""

    app: ASGIApp
    clock: MovedClock
    client: httpx2.AsyncClient
    customer: Customer
    refresh_token: str

    @property
    def workspace(self) -> str:
        """The id of their workspace."""
        return str(self.customer.workspace_id)

    def go_on(self, session: Mapping[str, Any]) -> None:
        """Uses another session from now on."""
        self.client.headers["Authorization"] = f"Bearer {session['access_token']}"
        self.refresh_token = session["refresh_token"]

    async def enrol_totp(self) -> tuple[TOTP, list[str]]:
        """An authenticator app, and the recovery codes that came with it; its next code is a fresh one."""
        begun = await self.client.post("/v1/auth/mfa/totp")
        assert begun.status_code == 201, begun.text
        totp = TOTP(begun.json()["secret"])
        done = await self.client.post("/v1/auth/mfa/totp/confirm", json={"code": totp.at(self.clock.now())})
        assert done.status_code == 200, done.text
        self.go_on(done.json()["session"])
        self.clock.move(STEP)
        return totp, done.json()["recovery_codes"]

    async def ask_for_passkey(self) -> Json:
        """A ceremony to make a passkey."""
        asked = await self.client.post("/v1/auth/mfa/passkeys/options")
        assert asked.status_code == 200, asked.text
        return dict(asked.json())

    async def keep_passkey(self, ceremony: Json, credential: Json, *, name: str = "Key") -> httpx2.Response:
        """The answer to the browser's answer."""
        wanted = {"ceremony": ceremony["ceremony"], "name": name, "credential": credential}
        return await self.client.post("/v1/auth/mfa/passkeys", json=wanted)

    async def enrol_passkey(self, device: SoftwareAuthenticator, *, name: str = "Key") -> Json:
        """A passkey on a device."""
        ceremony = await self.ask_for_passkey()
        answer = await self.keep_passkey(ceremony, device.make(ceremony["options"]), name=name)
        assert answer.status_code == 201, answer.text
        self.go_on(answer.json()["session"])
        return dict(answer.json()["passkey"])

    async def sign_in(self) -> Json:
        """What the right password is answered."""
        async with visitor_at(self.app) as visitor:
            wanted = {"email": self.customer.email, "password": self.customer.password}
            answer = await visitor.post("/v1/auth/sign-in", json=wanted)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def answer(self, challenge: Json, **factor: object) -> httpx2.Response:
        """What an answer to a challenge is answered; from an address of its own."""
        async with visitor_at(self.app) as visitor:
            return await visitor.post("/v1/auth/mfa/verify", json={"attempt": challenge["attempt"], **factor})


async def sign_in_with_passkey(app: ASGIApp, device: SoftwareAuthenticator, **wanted: object) -> httpx2.Response:
    """What a device alone is answered."""
    async with visitor_at(app) as visitor:
        asked = (await visitor.post("/v1/auth/passkeys/options")).json()
        shown = {"ceremony": asked["ceremony"], "credential": device.use(asked["options"]), **wanted}
        return await visitor.post("/v1/auth/passkeys/sign-in", json=shown)


def claims_of(session: Mapping[str, Any]) -> Json:
    """What a session's access token says."""
    return dict(jwt.decode(session["access_token"], options={"verify_signature": False}))
