"""What an operator signs in with besides the password."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
from pyotp import TOTP
from tests.customers import PASSWORD, visitor_at

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.operators import add_operator
from nexusone.platform.runtime import Runtime

STEP = timedelta(seconds=30)


class Phone:
    """An authenticator app that never shows the same code twice."""

    def __init__(self, secret: str) -> None:
        self._totp = TOTP(secret)
        self._last: int | None = None

    def code(self, now: datetime) -> str:
        """The earliest code that still works and was not shown before."""
        present = int(now.timestamp()) // 30
        self._last = present - 1 if self._last is None else max(self._last + 1, present - 1)
        return self._totp.generate_otp(self._last)

    def wrong_code(self, now: datetime) -> str:
        """A code of none of the steps around."""
        near = {self._totp.at(now + n * STEP) for n in range(-2, 3)}
        return next(code for n in range(10) if (code := f"{n}" * 6) not in near)


async def hired(app: Any, runtime: Runtime) -> str:
    """The token of a new operator."""
    email = f"staff-{new_id()}@operators.example"
    await add_operator(runtime.system(), email=email, name="Olga", password=PASSWORD)
    return await operator_token(app, email=email, password=PASSWORD, now=runtime.clock.now())


async def operator_token(app: Any, *, email: str, password: str, now: datetime) -> str:
    """The token of an operator who signs in for the first time at `app`, whose clock shows `now`."""
    async with visitor_at(app) as visitor:
        begun = (await visitor.post("/v1/operators/sign-in", json={"email": email, "password": password})).json()
        shown = {"attempt": begun["attempt"], "code": Phone(begun["enrolment"]["secret"]).code(now)}
        answer: httpx2.Response = await visitor.post("/v1/operators/sign-in/verify", json=shown)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
