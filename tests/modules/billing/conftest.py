"""A process with fifty connections, for races."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.conftest import TestDatabase

from nexusone.platform.database import Database
from nexusone.platform.runtime import Runtime

CROWD = 50


@pytest.fixture
async def crowded_runtime(runtime: Runtime, database: TestDatabase) -> AsyncIterator[Runtime]:
    """The runtime over a pool of fifty real connections, all open."""
    wide = Database(database.url, connections_max=CROWD)
    await wide.open()
    try:
        yield replace(runtime, database=wide)
    finally:
        await wide.close()
