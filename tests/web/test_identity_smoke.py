"""Signing up and being known, over the ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from nexusone.apps.compose import Composition


@asynccontextmanager
async def no_lifespan() -> AsyncIterator[None]:
    yield


async def test_a_company_signs_up_and_is_known(composition: Composition) -> None:
    app = composition.application(lifespan=no_lifespan)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        answer = await client.post(
            "/v1/auth/sign-up",
            json={"email": "ada@example.com", "password": "a long enough passphrase", "name": "Ada", "workspace_name": "Engines"},
        )
        assert answer.status_code == 201
        token = answer.json()["access_token"]
        me = await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert me.json()["user"]["email"] == "ada@example.com"
        assert (await client.get("/v1/nothing")).status_code == 404
        graph = await client.post("/graphql", headers={"Authorization": f"Bearer {token}"}, json={"query": "{__typename}"})
        assert graph.json() == {"data": {"__typename": "Query"}}
