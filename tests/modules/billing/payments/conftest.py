"""A process with two simulated payment vendors on real sockets, whose webhooks reach it over HTTP."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from starlette.types import ASGIApp
from tests.conftest import LenientAuthorizer, TestDatabase
from tests.customers import customer_at, no_lifespan
from tests.modules.billing.payments.shops import Drifting, Shop
from tests.providers.openai.serving import served

from nexusone.apps.compose import Composition, composed
from nexusone.apps.providers import SandboxAddresses, build_ports, closing_ports
from nexusone.apps.sandbox.simulators import simulators
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys
from nexusone.providers.paypal.manifest import MANIFEST as PAYPAL
from nexusone.providers.stripe.manifest import MANIFEST as STRIPE


@pytest.fixture(scope="session")
async def simulated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxAddresses]:
    """The simulators' addresses."""
    async with simulators([STRIPE, PAYPAL], data=tmp_path_factory.mktemp("simulators"), host="127.0.0.1") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def drifting() -> Drifting:
    """The process's clock."""
    return Drifting()


@pytest.fixture
def clock(drifting: Drifting) -> Iterator[Drifting]:
    """The process's clock, put right again after the test."""
    yield drifting
    drifting.ahead *= 0


@pytest.fixture(scope="session")
async def composition(
    database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings, simulated: SandboxAddresses, drifting: Drifting
) -> AsyncIterator[Composition]:
    """A process with both vendors."""
    ports = {**build_ports((STRIPE, PAYPAL), sandbox=simulated, credentials={}), SandboxAddresses: simulated}
    ports[Authorizer] = LenientAuthorizer()
    async with (
        closing_ports(ports),
        composed(platform_settings, url=database.url, keys=keys, ports=ports, clock=drifting) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def application(composition: Composition) -> ASGIApp:
    """Its HTTP application."""
    return composition.application(lifespan=no_lifespan)


@pytest.fixture(scope="session")
async def served_address(application: ASGIApp) -> AsyncIterator[str]:
    """The same on a real socket, for the vendors."""
    async with served(application) as address:
        yield address


@pytest.fixture(params=["stripe", "paypal"])
def gateway(request: pytest.FixtureRequest) -> str:
    """Each of the gateways."""
    return str(request.param)


@pytest.fixture
async def shop(
    application: ASGIApp, composition: Composition, simulated: SandboxAddresses, served_address: str, gateway: str, clock: Drifting
) -> AsyncIterator[Shop]:
    """A company that can be billed, at one of the vendors."""
    async with customer_at(application) as customer, aiohttp.ClientSession() as http:
        made = Shop(customer, composition, f"{simulated.http}/{gateway}", gateway, http, served_address, clock)
        await made.open()
        yield made
        await made.spoil(None)
