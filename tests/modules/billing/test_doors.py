"""Billing's doors, subscriber and sweeps, as the outside meets them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
from tests.conftest import ContextMaker

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock, SystemClock
from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.service import expiry, grants, verification
from nexusone.modules.billing.subscribers import open_ledger_for_new_workspace
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.platform.events import list_events_after
from nexusone.platform.runtime import Context

HOUR = timedelta(hours=1)


@asynccontextmanager
async def no_lifespan() -> AsyncIterator[None]:
    yield


@pytest.fixture
async def client(composition: Composition) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of the application."""
    transport = httpx2.ASGITransport(app=composition.application(lifespan=no_lifespan))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


async def sign_up(client: httpx2.AsyncClient) -> dict[str, str]:
    """Headers of a new owner."""
    body = {"email": f"{new_id()}@example.com", "password": "a long enough passphrase", "name": "Ada", "workspace_name": "Engines"}
    answer = await client.post("/v1/auth/sign-up", json=body)
    assert answer.status_code == 201
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_new_workspace_reads_zeros_until_its_credits_arrive(
    client: httpx2.AsyncClient, drain: Callable[[], Awaitable[None]]
) -> None:
    headers = await sign_up(client)
    before = await client.get("/v1/credits", headers=headers)
    assert before.json() == dict.fromkeys(("available", "held", "spent", "expired", "overdraft", "granted"), "0")
    await drain()
    after = (await client.get("/v1/credits", headers=headers)).json()
    assert (after["available"], after["granted"]) == ("1000", "1000")
    entries = (await client.get("/v1/credits/entries", headers=headers)).json()["items"]
    assert [(entry["account"], entry["amount"], entry["kind"]) for entry in entries] == [
        ("available", "1000", "grant"),
        ("granted", "-1000", "grant"),
    ]


async def test_credits_are_readable_in_graphql(client: httpx2.AsyncClient, drain: Callable[[], Awaitable[None]]) -> None:
    headers = await sign_up(client)
    await drain()
    answer = await client.post("/graphql", headers=headers, json={"query": "{ credits { available held } }"})
    assert answer.json() == {"data": {"credits": {"available": "1000", "held": "0"}}}


@pytest.mark.parametrize("path", ["/v1/credits", "/v1/credits/entries"])
async def test_nobody_reads_credits_without_a_credential(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("path", ["/v1/credits", "/v1/credits/entries"])
async def test_a_key_without_the_permission_does_not_read_credits(client: httpx2.AsyncClient, path: str) -> None:
    headers = await sign_up(client)
    made = await client.post("/v1/api-keys", headers=headers, json={"name": "narrow", "permissions": ["contacts:read"]})
    answer = await client.get(path, headers={"Authorization": f"Bearer {made.json()['secret']}"})
    assert answer.status_code == 403


async def test_entries_come_newest_first_page_by_page(client: httpx2.AsyncClient, drain: Callable[[], Awaitable[None]]) -> None:
    headers = await sign_up(client)
    await drain()
    first = (await client.get("/v1/credits/entries?limit=1", headers=headers)).json()
    second = (await client.get("/v1/credits/entries", params={"limit": 1, "cursor": first["next_cursor"]}, headers=headers)).json()
    assert [first["items"][0]["account"], second["items"][0]["account"]] == ["available", "granted"]
    assert second["next_cursor"] is None


async def test_the_ledger_of_a_new_workspace_is_opened_once_however_often_the_event_comes(ctx: Context) -> None:
    event = WorkspaceCreated(workspace_id=ctx.workspace, workspace_name="Engines", owner_id=new_id())
    await open_ledger_for_new_workspace(ctx, event)
    await open_ledger_for_new_workspace(ctx, event)
    assert (await api.get_balance(ctx)).available_micros == 1_000_000_000
    assert await verification.verify(ctx) == []


async def test_a_refusal_says_what_is_available_and_needed(ctx: Context) -> None:
    await grants.grant_alone(ctx, key="g", amount_micros=1_500_000, source="sign_up")
    with pytest.raises(api.InsufficientCredits) as refused:
        await api.hold(ctx, key="k", amount_micros=2_000_000, purpose="text", expires_in=HOUR)
    assert refused.value.data == {"available": "1.5", "needed": "2"}
    assert refused.value.status == 402


async def test_a_workspace_without_an_account_cannot_hold(ctx: Context) -> None:
    with pytest.raises(api.InsufficientCredits):
        await api.hold(ctx, key="k", amount_micros=1, purpose="text", expires_in=HOUR)


@pytest.mark.parametrize("amount", [0, -1, 2**63])
async def test_an_impossible_amount_is_the_callers_fault(ctx: Context, amount: int) -> None:
    with pytest.raises(ValueError, match="an amount is between"):
        await api.hold(ctx, key="k", amount_micros=amount, purpose="text", expires_in=HOUR)


async def test_the_largest_amount_is_merely_not_available(ctx: Context) -> None:
    await grants.grant_alone(ctx, key="g", amount_micros=10**16, source="sign_up")
    with pytest.raises(api.InsufficientCredits):
        await api.hold(ctx, key="k", amount_micros=2**63 - 1, purpose="text", expires_in=HOUR)


async def test_grants_settlements_and_expired_holds_are_announced(make_context: ContextMaker) -> None:
    clock = MovedClock(SystemClock().now())
    ctx = make_context(clock=clock)
    await grants.grant_alone(ctx, key="g", amount_micros=100, source="sign_up")
    await api.hold(ctx, key="used", amount_micros=10, purpose="text", expires_in=HOUR)
    await api.settle(ctx, key="used", amount_micros=4)
    await api.hold(ctx, key="forgotten", amount_micros=30, purpose="mail", expires_in=HOUR)
    clock.move(2 * HOUR)
    await expiry.expire_holds(ctx)
    await api.settle(ctx, key="forgotten", amount_micros=5)
    events = await list_events_after(ctx, after=ctx.workspace, limit=10)
    assert [event.name for event in events] == [
        "billing.credits.granted.v1",
        "billing.credits.settled.v1",
        "billing.holds.expired.v1",
        "billing.credits.settled.v1",
    ]
    assert [event.payload.get("is_late") for event in events] == [None, False, None, True]
    assert events[2].payload["holds"][0]["returned_micros"] == 30


async def test_one_sweep_releases_more_holds_than_fit_in_one_statement(make_context: ContextMaker) -> None:
    clock = MovedClock(SystemClock().now())
    ctx = make_context(clock=clock)
    await grants.grant_alone(ctx, key="g1", amount_micros=400, source="sign_up")
    await grants.grant_alone(ctx, key="g2", amount_micros=400, source="sign_up")
    for number in range(expiry.HOLDS_MAX + 20):
        await api.hold(ctx, key=f"k{number}", amount_micros=1, purpose="mail", expires_in=HOUR)
    clock.move(HOUR)
    await expiry.expire_holds(ctx)
    balance = await api.get_balance(ctx)
    assert (balance.available_micros, balance.held_micros) == (800, 0)
    assert await verification.verify(ctx) == []
