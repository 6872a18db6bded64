"""Companies that write templates and campaigns."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.modules.audience.companies import Company, company_at

from nexusone.apps.compose import Composition


@pytest.fixture
async def company(composition: Composition, drain: Callable[[], Awaitable[None]]) -> AsyncIterator[Company]:
    """A company."""
    async with company_at(composition, drain) as made:
        yield made


@pytest.fixture
async def stranger(composition: Composition, drain: Callable[[], Awaitable[None]]) -> AsyncIterator[Company]:
    """Another company."""
    async with company_at(composition, drain) as made:
        yield made
