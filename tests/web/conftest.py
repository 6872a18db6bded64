"""Applications with a probing door, and customers of them."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp
from structlog.testing import capture_logs
from tests.customers import Customer, customer_at, no_lifespan, visitor_at
from tests.web.probe import Probe

from nexusone.apps.compose import Composition


@pytest.fixture(autouse=True)
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged. Without telemetry, faults would be written with all their variables, which takes seconds."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def probe() -> Probe:
    """A door of its own for each test."""
    return Probe()


@pytest.fixture
def probed(composition: Composition, probe: Probe) -> ASGIApp:
    """The application with the probing door."""
    return composition.application(only=["identity"], doors=[probe.door], lifespan=no_lifespan)


@pytest.fixture
async def anyone(probed: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a credential."""
    async with visitor_at(probed) as client:
        yield client


@pytest.fixture
async def knocker(probed: ASGIApp) -> AsyncIterator[Customer]:
    """A customer of the application with the probing door."""
    async with customer_at(probed) as made:
        yield made
