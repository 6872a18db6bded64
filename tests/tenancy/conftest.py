"""Two companies, made once and copied; no test may change what belongs to the second."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack

import pytest
import structlog
from tests.conftest import TestDatabase
from tests.fresh_database import fresh_database
from tests.tenancy.companies import Company
from tests.tenancy.deployments import VENDORS, WALLS, Deployment, Walls, World, copied, deployed, grown_world

from nexusone.apps.providers import SandboxAddresses
from nexusone.apps.sandbox.simulators import simulators
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys


@pytest.fixture(scope="session")
async def simulated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxAddresses]:
    """The addresses of simulated vendors."""
    async with simulators(list(VENDORS), data=tmp_path_factory.mktemp("simulators"), host="127.0.0.1") as addresses:
        yield addresses


@pytest.fixture(scope="session")
async def world(
    postgres: EmbeddedPostgres, database: TestDatabase, platform_settings: PlatformSettings, keys: MasterKeys, simulated: SandboxAddresses
) -> AsyncIterator[World]:
    """Two companies that have used everything; `database` is here so that the template is migrated."""
    with fresh_database(postgres) as own:
        async with grown_world(postgres, own, platform_settings, keys, simulated) as made:
            yield made


@pytest.fixture(scope="session")
def companies(world: World) -> tuple[Company, Company]:
    """Both."""
    return world.companies


@pytest.fixture(scope="session")
def copy(world: World) -> Iterator[TestDatabase]:
    """A copy of their database, behind its walls."""
    with copied(world) as made:
        yield made


@pytest.fixture(scope="session")
async def deployments(world: World) -> AsyncIterator[Mapping[Walls, Deployment]]:
    """Both behind both walls, and behind each alone."""
    async with AsyncExitStack() as stack:
        yield {walls: await stack.enter_async_context(deployed(world, walls)) for walls in WALLS}


@pytest.fixture(params=WALLS, ids=lambda walls: walls.replace(" ", "_"))
def deployment(deployments: Mapping[Walls, Deployment], request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """One of them, as long as a test."""
    chosen = deployments[request.param]
    with chosen.spoofed():
        yield chosen


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What walls refuse is told with its whole stack, which takes longer to draw than to happen."""
    with structlog.testing.capture_logs():
        yield
