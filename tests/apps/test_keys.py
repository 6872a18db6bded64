"""Keys rotate under running processes: nothing stops, and what is retired is refused."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracer
from starlette.types import ASGIApp
from tests.conftest import LOGIN, TestDatabase
from tests.customers import Customer, customer_at, no_lifespan, visitor_at
from tests.fresh_database import fresh_database

from nexusone.apps import keys as key_commands
from nexusone.apps.compose import Composition, composed
from nexusone.apps.database import LOGIN_PURPOSE, DatabaseAddresses
from nexusone.apps.key_file import following_keys, key_file_of
from nexusone.apps.process import Ground, NotReady, ensure_schema, ground
from nexusone.kernel.ids import new_id
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.schema_state import Login
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.telemetry import Metrics, Telemetry
from nexusone.platform.vault import KeyInUse, MasterKeys, read_key_file, write_key_file

FELT_SECONDS_MAX = 5.0


@dataclass
class Process:
    """One running process and its HTTP application."""

    composition: Composition
    app: ASGIApp

    @property
    def keys(self) -> MasterKeys:
        """The keys in force."""
        return self.composition.runtime.keys

    async def status_for(self, customer: Customer) -> int:
        """How the customer's access token is answered."""
        async with visitor_at(self.app) as client:
            return (await client.get("/v1/me", headers=dict(customer.client.headers))).status_code

    async def public_keys(self) -> list[str]:
        """The ids of the published keys."""
        async with visitor_at(self.app) as client:
            answer: dict[str, Any] = (await client.get("/.well-known/jwks.json")).json()
        return [key["kid"] for key in answer["keys"]]


@dataclass
class Deployment:
    """Two running processes over a database and a key file of their own."""

    ground: Ground
    processes: list[Process]

    @property
    def path(self) -> Path:
        """The key file."""
        found = key_file_of(self.ground.settings)
        assert found is not None
        return found

    def ground_now(self) -> Ground:
        """What a command stands on that is started now."""
        return replace(self.ground, keys=read_key_file(self.path, may_create=False))


@pytest.fixture
def own_database(postgres: EmbeddedPostgres, database: TestDatabase) -> Iterator[TestDatabase]:
    """A database whose data keys nobody else wraps."""
    with fresh_database(postgres) as made:
        yield made


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a database server of one's own: not pytest's, which a second run locks up for the server's account too."""
    with tempfile.TemporaryDirectory(prefix="nexusone-keys-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@asynccontextmanager
async def running(ground: Ground) -> AsyncIterator[Process]:
    async with (
        composed(ground.settings, url=ground.database.url, keys=ground.keys, ports={}) as composition,
        following_keys(composition, key_file_of(ground.settings)),
    ):
        yield Process(composition, composition.application(lifespan=no_lifespan))


@pytest.fixture
async def deployment(own_database: TestDatabase, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Two processes that follow one key file."""
    settings = PlatformSettings(data=tmp_path, database_connections=4)
    keys = read_key_file(tmp_path / "master.key", may_create=True)
    ground = Ground(
        settings=settings,
        keys=keys,
        database=DatabaseAddresses(url=own_database.url, admin_url=own_database.admin_url, login=LOGIN),
        telemetry=Telemetry(tracer=NoOpTracer(), metrics=Metrics(), report=lambda error: None, stop=lambda: None),
    )
    async with running(ground) as one, running(ground) as other:
        yield Deployment(ground, [one, other])


async def soon(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(FELT_SECONDS_MAX):
        while not holds():  # noqa: ASYNC110 - another task changes what is looked at
            await asyncio.sleep(0.05)


async def working_meanwhile(deployment: Deployment, customer: Customer, work: Awaitable[Any]) -> list[int]:
    """Every status that both processes answered while the work went on."""
    task, statuses = asyncio.ensure_future(work), []
    while not task.done():
        for process in deployment.processes:
            statuses.append(await process.status_for(customer))
        await asyncio.sleep(0.02)
    await task
    return statuses


async def test_keys_rotate_while_processes_answer(deployment: Deployment) -> None:
    one, other = deployment.processes
    old = one.keys.primary_id
    await one.composition.runtime.vault.key_of(new_id())
    async with customer_at(one.app) as customer:
        rotation = key_commands.rotate(deployment.ground, pause_seconds=2.5)
        statuses = await working_meanwhile(deployment, customer, rotation)
        assert set(statuses) == {200}
        assert len(statuses) > 20
        await soon(lambda: all(process.keys.primary_id != old for process in deployment.processes))
        new = one.keys.primary_id
        assert await one.public_keys() == await other.public_keys() == [new, old]
        async with customer_at(one.app) as later:
            assert [await process.status_for(later) for process in deployment.processes] == [200, 200]
        uses = {use.key_id: use.data_keys for use in await key_commands.list_keys(deployment.ground_now())}
        assert uses[old] == 0
        assert uses[new] > 0


async def test_what_a_retired_key_signed_is_refused_within_seconds(deployment: Deployment) -> None:
    one, other = deployment.processes
    old = one.keys.primary_id
    async with customer_at(one.app) as customer:
        await key_commands.rotate(deployment.ground, pause_seconds=0.0)
        await key_commands.retire(deployment.ground_now(), key_id=old)
        await soon(lambda: all(old not in process.keys.ids for process in deployment.processes))
        assert [await process.status_for(customer) for process in deployment.processes] == [401, 401]
        assert old not in await other.public_keys()


async def test_authn_16_the_retired_oldest_key_stays_retired_through_a_restart(deployment: Deployment) -> None:
    one = deployment.processes[0]
    oldest = one.keys.founding_id
    async with customer_at(one.app) as before:
        added = await key_commands.rotate(deployment.ground, pause_seconds=0.0)
        await soon(lambda: all(process.keys.primary_id == added for process in deployment.processes))
        async with customer_at(one.app) as after:
            await key_commands.retire(deployment.ground_now(), key_id=oldest)
            began = asyncio.get_running_loop().time()
            while {await process.status_for(before) for process in deployment.processes} != {401}:
                await asyncio.sleep(0.05)
                assert asyncio.get_running_loop().time() - began < FELT_SECONDS_MAX
            async with running(deployment.ground_now()) as restarted:
                assert await restarted.status_for(before) == 401
                assert await restarted.public_keys() == [added]
                assert await restarted.status_for(after) == 200
                async with customer_at(restarted.app) as newest:
                    processes = [*deployment.processes, restarted]
                    assert [await process.status_for(newest) for process in processes] == [200, 200, 200]
            for process in deployment.processes:
                assert await process.public_keys() == [added]
                assert await process.status_for(after) == 200


def test_the_embedded_database_opens_after_a_restart_whose_oldest_key_is_retired(folder: Path) -> None:
    settings = PlatformSettings(data=folder, database_connections=4)

    async def sealed(base: Ground) -> int:
        async with composed(settings, url=base.database.url, keys=base.keys, ports={}) as composition:
            await composition.runtime.vault.key_of(new_id())
            return len(await composition.runtime.vault.inventory())

    with ground(settings) as base:
        ensure_schema(base.database, may_migrate=True)
        oldest = base.keys.primary_id
        assert asyncio.run(sealed(base)) == 1
        asyncio.run(key_commands.rotate(base, pause_seconds=0.0))
    with ground(settings) as base:
        asyncio.run(key_commands.retire(base, key_id=oldest))
    with ground(settings) as base:
        assert oldest not in base.keys.ids
        assert asyncio.run(sealed(base)) == 1


async def test_a_key_that_still_wraps_data_keys_is_not_retired(deployment: Deployment) -> None:
    one = deployment.processes[0]
    await one.composition.runtime.vault.key_of(new_id())
    old = one.keys.primary_id
    write_key_file(deployment.path, one.keys.with_key("k_next").with_primary("k_next"))
    with pytest.raises(KeyInUse):
        await key_commands.retire(deployment.ground_now(), key_id=old)
    with pytest.raises(NotReady):
        await key_commands.retire(deployment.ground_now(), key_id="k_next")
    with pytest.raises(NotReady):
        await key_commands.retire(deployment.ground_now(), key_id="k_unknown")
    assert old in read_key_file(deployment.path, may_create=False).ids


async def test_an_unreadable_key_file_changes_nothing(deployment: Deployment) -> None:
    one = deployment.processes[0]
    before = one.keys
    deployment.path.write_text("{not keys")
    await asyncio.sleep(1.5)
    assert one.keys is before
    write_key_file(deployment.path, before.with_key("k_next"))
    await soon(lambda: "k_next" in one.keys.ids)


async def test_two_rotations_at_once_are_one(deployment: Deployment) -> None:
    outcomes = await asyncio.gather(*(key_commands.rotate(deployment.ground, pause_seconds=0.5) for _ in range(2)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotReady", "str"]


def test_the_login_s_password_outlives_rotations() -> None:
    keys = MasterKeys.fresh()
    password = keys.derive_steady(LOGIN_PURPOSE)
    grown = keys.with_key("k_next").with_primary("k_next")
    assert grown.derive_steady(LOGIN_PURPOSE) == password
    assert MasterKeys.from_json(grown.to_json()).derive_steady(LOGIN_PURPOSE) == password
    assert grown.without(keys.primary_id).derive_steady(LOGIN_PURPOSE) != password
    assert Login("name", password.hex()).password != grown.derive(LOGIN_PURPOSE).hex()
