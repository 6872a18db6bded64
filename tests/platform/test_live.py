"""Listening for events ends when it is told to, at whatever moment."""

import asyncio

from tests.conftest import TestDatabase

from nexusone.platform.live import LiveEvents


async def test_listening_ends_at_whatever_moment_it_is_told_to(database: TestDatabase) -> None:
    for step in range(120):
        listening = asyncio.create_task(LiveEvents(database.url).run())
        await asyncio.sleep(step * 0.0002)
        listening.cancel()
        _, late = await asyncio.wait({listening}, timeout=5)
        assert not late, f"told after {step * 0.2:.1f} ms"
