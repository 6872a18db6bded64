"""Credits given and taken by hand: at once up to a limit, by two people over it (MON-15)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.customers import Customer, visitor_at
from tests.modules.identity.workspaces.staff import hired

from nexusone.kernel.ids import new_id
from nexusone.platform.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Desk:
    """Two operators at the same counter."""

    maker: httpx2.AsyncClient
    checker: httpx2.AsyncClient
    path: str

    async def make(self, amount: str, *, kind: str = "compensation", key: str | None = None) -> httpx2.Response:
        wanted = {"key": key or uuid4().hex, "kind": kind, "amount": amount, "reason": "an outage"}
        return await self.maker.post(self.path, json=wanted)


@pytest.fixture
async def desk(runtime: Runtime, application: ASGIApp, customer: Customer) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            client = await stack.enter_async_context(visitor_at(application))
            client.headers["Authorization"] = f"Bearer {await hired(application, runtime)}"
            clients.append(client)
        yield Desk(clients[0], clients[1], f"/v1/operators/workspaces/{customer.workspace_id}/adjustments")


async def credits_of(customer: Customer) -> dict[str, str]:
    return dict((await customer.client.get("/v1/credits")).json())


async def test_a_small_adjustment_is_booked_at_once_and_once_per_key(desk: Desk, customer: Customer) -> None:
    first = await desk.make("25", key="case-1")
    assert (first.status_code, first.json()["state"]) == (201, "booked")
    assert (await desk.make("25", key="case-1")).json()["id"] == first.json()["id"]
    assert (await desk.make("26", key="case-1")).json()["code"] == "billing.key_conflict"
    assert (await credits_of(customer))["available"] == "25"
    [grant] = (await customer.client.get("/v1/credits/grants")).json()["items"]
    assert grant["source"] == "compensation"


async def test_mon_15_over_the_limit_whoever_made_it_cannot_agree_to_it(desk: Desk, customer: Customer) -> None:
    made = (await desk.make("1000.000001")).json()
    assert (made["state"], (await credits_of(customer))["available"]) == ("pending", "0")
    refused = await desk.maker.post(f"{desk.path}/{made['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "billing.second_person_needed")
    approved = await desk.checker.post(f"{desk.path}/{made['id']}/approve")
    assert (approved.status_code, approved.json()["state"]) == (200, "booked")
    assert approved.json()["decided_by"] != made["made_by"]
    assert (await credits_of(customer))["available"] == "1000.000001"
    again = await desk.checker.post(f"{desk.path}/{made['id']}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "billing.adjustment_done")


async def test_many_approvals_at_once_book_once(desk: Desk, customer: Customer) -> None:
    made = (await desk.make("5000")).json()
    answers = await asyncio.gather(*(desk.checker.post(f"{desk.path}/{made['id']}/approve") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert (await credits_of(customer))["granted"] == "5000"


async def test_what_is_declined_is_never_booked(desk: Desk, customer: Customer) -> None:
    made = (await desk.make("5000")).json()
    assert (await desk.maker.post(f"{desk.path}/{made['id']}/decline")).json()["state"] == "declined"
    assert (await desk.checker.post(f"{desk.path}/{made['id']}/approve")).status_code == 409
    assert (await credits_of(customer))["available"] == "0"
    assert [each["state"] for each in (await desk.checker.get(desk.path)).json()["items"]] == ["declined"]


async def test_a_correction_takes_back_what_is_there_and_no_more(desk: Desk, customer: Customer) -> None:
    await desk.make("100")
    assert (await desk.make("-30", kind="correction")).json()["state"] == "booked"
    assert (await credits_of(customer)) | {} == {
        "available": "70",
        "held": "0",
        "spent": "0",
        "expired": "0",
        "overdraft": "0",
        "granted": "70",
    }
    refused = await desk.make("-71", kind="correction")
    assert (refused.status_code, refused.json()["code"]) == (402, "billing.insufficient_credits")
    assert (await desk.make("-1", kind="compensation")).status_code == 422


async def test_taking_much_needs_a_second_person_as_well(desk: Desk) -> None:
    assert (await desk.make("-1001", kind="correction")).json()["state"] == "pending"


async def test_nobody_but_operators_comes_near(desk: Desk, customer: Customer) -> None:
    wanted = {"key": "k", "kind": "compensation", "amount": "5", "reason": "I want it"}
    assert (await customer.client.post(desk.path, json=wanted)).status_code in (401, 403)
    strange = desk.path.replace(str(customer.workspace_id), str(new_id()))
    assert (await desk.maker.post(strange, json=wanted)).json()["code"] == "billing.workspace_unknown"
