"""Whatever is done with credentials, the logs hold none of them and no address."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from tests.customers import Customer
from tests.modules.identity.tokens import secret_of

from nexusone.kernel.ids import new_id
from nexusone.platform.telemetry import TelemetrySettings, configure


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that is logged, down to the smallest; but for what the test's own client says of its requests."""
    monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)
    stream = io.StringIO()
    telemetry = configure(TelemetrySettings(log_level="debug", access_log=True), stream=stream)
    yield stream
    telemetry.stop()


async def test_no_secret_and_no_address_is_logged(log: io.StringIO, customer: Customer) -> None:
    client, session = customer.client, customer.session
    canary = f"cAnArY{new_id().hex}"
    email = f"{canary}@example.com"
    key = await customer.api_key()
    spent = session["refresh_token"]
    await client.post(
        "/v1/auth/sign-up", json={"email": email, "password": f"{canary} long enough", "name": canary, "workspace_name": canary}
    )
    await client.post("/v1/auth/sign-in", json={"email": email, "password": f"{canary} long enough"})
    await client.post("/v1/auth/sign-in", json={"email": email, "password": f"{canary} wrong"})
    await client.post("/v1/auth/sign-in", json={"email": email, "password": [canary]})
    await client.post("/v1/auth/sign-in", content=f'{{"password": "{canary}"'.encode(), headers={"Content-Type": "application/json"})
    await client.post("/v1/auth/sign-in", content=canary.encode(), headers={"Content-Type": canary})
    await client.post("/graphql", json={"query": f'{{ nothing(x: "{canary}") }}', "variables": {"v": canary}})
    await client.get("/v1/me", headers={"Authorization": f"Bearer {canary}"})
    await client.get("/v1/me", headers={"Authorization": f"Bearer {key}"})
    await client.get("/v1/api-keys", params={"cursor": canary})
    await client.get("/v1/me", params={"token": canary})
    for _ in range(2):
        await client.post("/v1/auth/refresh", json={"refresh_token": spent})
    text = log.getvalue()
    for line in text.splitlines():
        json.loads(line)
    for secret in (canary, key, secret_of(key), session["access_token"], spent, customer.email, customer.password):
        assert secret not in text
