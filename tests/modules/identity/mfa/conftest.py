"""A process of its own, on a clock that is moved, under a public address that browsers know passkeys for."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from starlette.types import ASGIApp
from tests.conftest import TestDatabase
from tests.customers import customer_at, no_lifespan
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.people import ORIGIN, Person

from nexusone.apps.compose import Composition, composed
from nexusone.kernel.clock import MovedClock
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys


class PersonMaker(Protocol):
    """Makes people, each with a workspace of their own."""

    async def __call__(self) -> Person: ...


@pytest.fixture(scope="session")
def mfa_clock() -> MovedClock:
    """The clock of the process."""
    return MovedClock(datetime.now(UTC))


@pytest.fixture(scope="session")
async def mfa_composition(
    database: TestDatabase, keys: MasterKeys, mfa_clock: MovedClock, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Composition]:
    """The process."""
    folder: Path = tmp_path_factory.mktemp("mfa")
    settings = PlatformSettings(data=folder, database_connections=12, public_url=ORIGIN)
    async with composed(settings, url=database.url, keys=keys, ports={}, clock=mfa_clock) as made:
        yield made


@pytest.fixture(scope="session")
def app(mfa_composition: Composition) -> ASGIApp:
    """Its HTTP application."""
    return mfa_composition.application(lifespan=no_lifespan)


@pytest.fixture
async def make_person(app: ASGIApp, mfa_clock: MovedClock) -> AsyncIterator[PersonMaker]:
    """Makes people who have just signed up."""
    async with AsyncExitStack() as stack:

        async def make() -> Person:
            customer = await stack.enter_async_context(customer_at(app))
            return Person(app, mfa_clock, customer.client, customer, customer.session["refresh_token"])

        yield make


@pytest.fixture
async def person(make_person: PersonMaker) -> Person:
    """Somebody who has just signed up."""
    return await make_person()


@pytest.fixture
def device() -> SoftwareAuthenticator:
    """A device that asks its owner for a finger, on a page of the product."""
    return SoftwareAuthenticator(origin=ORIGIN)
