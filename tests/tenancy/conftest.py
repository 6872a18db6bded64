"""Two companies, made once; the tests here only look at them and are refused."""

from collections.abc import AsyncIterator

import pytest
from tests.tenancy.companies import Company, two_companies

from nexusone.apps.compose import Composition


@pytest.fixture(scope="session")
async def companies(composition: Composition) -> AsyncIterator[tuple[Company, Company]]:
    """Two companies that have used everything."""
    async with two_companies(composition) as made:
        yield made
