"""A studio for every test."""

from collections.abc import AsyncIterator

import pytest
from tests.providers.elevenlabs.studio import ElevenLabsStudio, opened_studio


@pytest.fixture
async def studio() -> AsyncIterator[ElevenLabsStudio]:
    async with opened_studio() as studio:
        yield studio
