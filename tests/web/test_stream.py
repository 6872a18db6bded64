"""The live stream over a real socket: events arrive, can be resumed, stay in their workspace, and end with the credential."""

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import aiohttp
import psycopg
import pytest
from starlette.types import ASGIApp
from tests.conftest import ContextMaker, TestDatabase
from tests.customers import Customer, customer_at
from tests.web.serving import served

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.platform.events import Event, publish
from nexusone.platform.live import QUEUE_MAX, LiveEvents

WAIT_SECONDS = 8.0


class Streamed(Event):
    """A fact to follow."""

    name: ClassVar[str] = "trial.stream.moved.v1"

    number: int


@dataclass
class Follower:
    """What a client of the stream has read."""

    response: aiohttp.ClientResponse
    frames: list[dict[str, Any]] = field(default_factory=list)

    async def next_frame(self) -> dict[str, Any] | None:
        """The next event, or None where the stream ended."""
        lines: dict[str, str] = {}
        async with asyncio.timeout(WAIT_SECONDS):
            async for raw in self.response.content:
                line = raw.decode().rstrip("\n")
                if not line and "data" in lines:
                    assert lines["id"] == json.loads(lines["data"])["id"]
                    assert lines["event"] == json.loads(lines["data"])["name"]
                    return dict(json.loads(lines["data"]))
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    lines[name] = value
        return None

    async def numbers(self, count: int) -> list[int]:
        """The next events that this test published."""
        found: list[int] = []
        while len(found) < count:
            frame = await self.next_frame()
            assert frame is not None, found
            if frame["name"] == Streamed.name:
                found.append(frame["data"]["number"])
        return found


@dataclass(frozen=True)
class Deployment:
    """An API on a socket."""

    address: str
    app: ASGIApp
    session: aiohttp.ClientSession
    make_context: ContextMaker

    @asynccontextmanager
    async def follow(self, customer: Customer, **headers: str) -> AsyncIterator[Follower]:
        """A client of the stream, once it is subscribed."""
        given = {"Authorization": customer.client.headers["Authorization"], **headers}
        async with self.session.get(f"{self.address}/v1/stream", headers=given) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            assert (await response.content.readline()).startswith(b"retry:")
            yield Follower(response)

    async def publish(self, workspace_id: UUID, *numbers: int) -> list[UUID]:
        """Publishes one event for each number; returns their ids."""
        ctx = self.make_context(workspace_id=workspace_id)
        events = [Streamed(number=number) for number in numbers]
        for event in events:
            async with ctx.transaction("identity") as tx:
                await publish(tx, event)
        return [event.event_id for event in events]


@pytest.fixture
async def deployment(composition: Composition, make_context: ContextMaker) -> AsyncIterator[Deployment]:
    app = composition.application(only=["identity"])
    async with served(app) as (host, port), aiohttp.ClientSession() as session:
        yield Deployment(f"http://{host}:{port}", app, session, make_context)


@pytest.fixture
async def customer(deployment: Deployment) -> AsyncIterator[Customer]:
    async with customer_at(deployment.app) as made:
        yield made


async def test_events_arrive_as_they_are_committed(deployment: Deployment, customer: Customer) -> None:
    async with deployment.follow(customer) as follower:
        await deployment.publish(customer.workspace_id, 1, 2, 3)
        assert await follower.numbers(3) == [1, 2, 3]
        await deployment.publish(customer.workspace_id, 4)
        assert await follower.numbers(1) == [4]


async def test_a_rolled_back_event_never_arrives(deployment: Deployment, customer: Customer) -> None:
    async with deployment.follow(customer) as follower:
        with pytest.raises(ZeroDivisionError):
            async with deployment.make_context(workspace_id=customer.workspace_id).transaction("identity") as tx:
                await publish(tx, Streamed(number=99))
                raise ZeroDivisionError
        await deployment.publish(customer.workspace_id, 1)
        assert await follower.numbers(1) == [1]


async def test_an_event_arrives_at_its_commit_however_long_its_own_transaction_or_another_takes(
    deployment: Deployment, customer: Customer
) -> None:
    ctx = deployment.make_context(workspace_id=customer.workspace_id)
    async with ctx.transaction("identity") as tx:
        await publish(tx, Streamed(number=1))
        async with deployment.follow(customer) as follower:
            await asyncio.create_task(deployment.publish(customer.workspace_id, 2), context=contextvars.Context())
            assert await follower.numbers(1) == [2]
            await tx.connection.execute("commit")
            assert await follower.numbers(1) == [1]
            await tx.connection.execute("begin")


async def test_a_stream_is_resumed_after_the_last_event(deployment: Deployment, customer: Customer) -> None:
    ids = await deployment.publish(customer.workspace_id, 1, 2, 3, 4)
    async with deployment.follow(customer, **{"Last-Event-ID": str(ids[1])}) as follower:
        assert await follower.numbers(2) == [3, 4]
        await deployment.publish(customer.workspace_id, 5)
        assert await follower.numbers(1) == [5]


async def test_a_long_absence_is_caught_up_whole(deployment: Deployment, customer: Customer, database: TestDatabase) -> None:
    [first] = await deployment.publish(customer.workspace_id, 0)
    count = 2300
    with psycopg.connect(database.admin_url) as admin:
        rows = [(customer.workspace_id, new_id(), Streamed.name, json.dumps({"number": n}), "test", "test") for n in range(1, count + 1)]
        admin.cursor().executemany("insert into platform.event values (%s, %s, %s, %s, %s, %s, now())", rows)
    async with deployment.follow(customer, **{"Last-Event-ID": str(first)}) as follower:
        assert await follower.numbers(count) == list(range(1, count + 1))
        await deployment.publish(customer.workspace_id, count + 1)
        assert await follower.numbers(1) == [count + 1]


async def test_events_of_another_workspace_never_arrive(deployment: Deployment, customer: Customer) -> None:
    async with customer_at(deployment.app) as stranger, deployment.follow(customer) as follower:
        [foreign] = await deployment.publish(stranger.workspace_id, 66)
        await deployment.publish(customer.workspace_id, 1)
        assert await follower.numbers(1) == [1]
    async with deployment.follow(customer, **{"Last-Event-ID": str(foreign)}) as follower:
        await deployment.publish(customer.workspace_id, 2)
        assert await follower.numbers(2) == [1, 2]


async def test_what_is_no_event_id_is_refused(deployment: Deployment, customer: Customer) -> None:
    headers = {"Authorization": customer.client.headers["Authorization"], "Last-Event-ID": "yesterday"}
    async with deployment.session.get(f"{deployment.address}/v1/stream", headers=headers) as response:
        assert response.status == 400


async def test_without_the_permission_nothing_is_followed(deployment: Deployment, customer: Customer) -> None:
    headers = {"Authorization": f"Bearer {await customer.api_key('contacts:read')}"}
    async with deployment.session.get(f"{deployment.address}/v1/stream", headers=headers) as response:
        assert response.status == 403
    async with deployment.session.get(f"{deployment.address}/v1/stream") as response:
        assert response.status == 401


async def test_a_revoked_key_ends_its_stream_within_seconds(deployment: Deployment, customer: Customer) -> None:
    answer = await customer.client.post("/v1/api-keys", json={"name": "machine", "permissions": ["events:read"]})
    key = answer.json()
    async with deployment.follow(customer, Authorization=f"Bearer {key['secret']}") as follower:
        await customer.client.delete(f"/v1/api-keys/{key['key']['id']}")
        frame = await follower.next_frame()
        while frame is not None:
            frame = await follower.next_frame()


async def test_a_lost_connection_of_the_listener_ends_streams_so_that_nothing_is_missed(
    deployment: Deployment, customer: Customer, database: TestDatabase
) -> None:
    async with deployment.follow(customer) as follower:
        [first] = await deployment.publish(customer.workspace_id, 1)
        assert await follower.numbers(1) == [1]
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and application_name = 'nexusone live'"
            )
        await deployment.publish(customer.workspace_id, 2)
        frame = await follower.next_frame()
        while frame is not None:
            frame = await follower.next_frame()
    async with deployment.follow(customer, **{"Last-Event-ID": str(first)}) as follower:
        assert await follower.numbers(1) == [2]


async def test_a_subscriber_that_does_not_keep_up_is_told_and_holds_no_more_than_its_bound(
    composition: Composition, make_context: ContextMaker
) -> None:
    live = LiveEvents(composition.url)
    ctx = make_context()
    with live.subscribe(ctx.workspace) as arrivals:
        listening = asyncio.create_task(live.run())
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await arrivals.begun.wait()
                for _ in range(2):
                    async with ctx.transaction("identity") as tx:
                        for number in range(QUEUE_MAX // 2 + 50):
                            await publish(tx, Streamed(number=number))
            await asyncio.sleep(0.5)
            assert 0 < arrivals.qsize() <= QUEUE_MAX
            assert arrivals.get_nowait() is None
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    assert not live._subscribers
