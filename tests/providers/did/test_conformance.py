"""The D-ID model against the conformance suite, over real sockets, each call held against the vendor's contract."""

from collections.abc import AsyncIterator

import pytest
from tests.providers.conformance.media_model import MediaModelConformance
from tests.providers.did.contract import hold_to_contract
from tests.providers.did.studio import DidStudio, opened


class TestDid(MediaModelConformance):
    @pytest.fixture
    async def studio(self) -> AsyncIterator[DidStudio]:
        async with opened() as studio:
            yield studio
        hold_to_contract(studio.exchanges)
