"""Simulated providers on a real socket, and a process that can reach them and nothing else."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.conftest import TestDatabase
from tests.customers import no_lifespan, visitor_at
from tests.modules.identity.sso.companies import Company, DriftingClock, company_at

from nexusone.apps.compose import Composition, composed
from nexusone.apps.providers import SandboxAddresses, build_ports
from nexusone.apps.sandbox.simulators import simulators
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys
from nexusone.providers.oidc.manifest import MANIFEST


@pytest.fixture(scope="session")
async def simulated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxAddresses]:
    """The simulators' addresses."""
    async with simulators([MANIFEST], data=tmp_path_factory.mktemp("simulators"), host="127.0.0.1") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def drifting() -> DriftingClock:
    """The process's clock."""
    return DriftingClock()


@pytest.fixture
def clock(drifting: DriftingClock) -> Iterator[DriftingClock]:
    """The process's clock, put right again after the test."""
    yield drifting
    drifting.ahead *= 0


@pytest.fixture(scope="session")
async def composition(
    database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings, simulated: SandboxAddresses, drifting: DriftingClock
) -> AsyncIterator[Composition]:
    """A process whose one vendor is the provider."""
    ports = {**build_ports((MANIFEST,), sandbox=simulated, credentials={}), SandboxAddresses: simulated}
    async with composed(platform_settings, url=database.url, keys=keys, ports=ports, clock=drifting) as made:
        yield made


@pytest.fixture(scope="session")
def application(composition: Composition) -> ASGIApp:
    """Its HTTP application."""
    return composition.application(lifespan=no_lifespan)


@pytest.fixture
async def company(application: ASGIApp, simulated: SandboxAddresses) -> AsyncIterator[Company]:
    """A company whose provider is not connected."""
    async with company_at(application, f"{simulated.http}/oidc") as made:
        yield made


@pytest.fixture
async def other(application: ASGIApp, simulated: SandboxAddresses) -> AsyncIterator[Company]:
    """Another company whose provider is not connected."""
    async with company_at(application, f"{simulated.http}/oidc") as made:
        yield made


@pytest.fixture
async def visitor(application: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody's browser."""
    async with visitor_at(application) as client:
        yield client
