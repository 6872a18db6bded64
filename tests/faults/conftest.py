"""Workers in processes of their own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.conftest import TestDatabase
from tests.faults.work import Trace, fresh_name

from nexusone.platform.vault import MasterKeys

ROOT = Path(__file__).resolve().parents[2]
HEARTBEAT_SECONDS = 2.0
ENDED_SECONDS_MAX = 30.0

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture(autouse=True)
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged. Without telemetry, failures would be written with all their variables, which takes seconds."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def trace(database: TestDatabase) -> Trace:
    """What becomes of the jobs of a kind that no other test has."""
    return Trace(database.admin_url, fresh_name())


@pytest.fixture
async def start_worker(database: TestDatabase, keys: MasterKeys, trace: Trace, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts worker processes; whatever is left of them ends with the test."""
    started: list[asyncio.subprocess.Process] = []
    hearing: list[asyncio.Task[bytes]] = []

    async def start(**more: object) -> asyncio.subprocess.Process:
        wanted = {
            "url": database.url,
            "kind": trace.kind,
            "keys": keys.to_json(),
            "data": str(tmp_path),
            "heartbeat_seconds": str(HEARTBEAT_SECONDS),
            **more,
        }
        environment = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONUTF8": "1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.worker_process",
            json.dumps(wanted),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )
        started.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(40):
            assert await process.stdout.readline() == b"ready\n"
        # A process counts as ended when its output was heard to the end: unheard, a long log keeps `wait` waiting for ever.
        hearing.append(asyncio.create_task(process.stdout.read()))
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
        async with asyncio.timeout(ENDED_SECONDS_MAX):
            for process in started:
                await process.wait()
            await asyncio.gather(*hearing)


async def until(holds: Callable[[], bool], *, seconds: float) -> None:
    """Returns once the claim holds; fails where it does not in time."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - what holds is seen in the database alone
            await asyncio.sleep(0.05)
