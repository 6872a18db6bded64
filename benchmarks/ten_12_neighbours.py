"""TEN-12: how a quiet workspace is answered alone, beside one that asks at a hundred times its pace, and once that is over its quota."""

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from tests.stories.deployments import in_one_process

from benchmarks.figures import Figure
from benchmarks.load import Load, load

NAME = "TEN-12"
QUIET_PER_SECOND = 10.0
TIMES_AS_LOUD = 100
QUIET_CONNECTIONS = 2
LOUD_CONNECTIONS = 32
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
BUDGET_MS = 200.0
RATIO_MAX = 2.0
# A quota is a minute's.
QUOTA_SECONDS = 60.0


@dataclass(slots=True)
class _Noise:
    """How many of the loud workspace's requests were answered, and how many were turned away with 429."""

    answered: int = 0
    turned_away: int = 0
    is_over_quota: asyncio.Event = field(default_factory=asyncio.Event)


async def run() -> list[Figure]:
    """The quiet one's p95 while the loud one spends its quota, and after that; the detail says the ratio to its p95 alone."""
    # The limits are those of a deployment in use; the sandbox's own are wider.
    environment = {"NEXUSONE_RATE_LIMIT_FACTOR": "1"}
    with tempfile.TemporaryDirectory(prefix="nexusone-ten12-") as data:
        async with in_one_process(Path(data), environment) as address:
            return await _measure(address)


async def _measure(address: str) -> list[Figure]:
    url = f"{address}/v1/contacts?limit=50"
    connector = aiohttp.TCPConnector(limit=LOUD_CONNECTIONS)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), connector=connector) as session:
        quiet, loud = await _sign_up(session, address, "quiet"), await _sign_up(session, address, "loud")
        await load(url, headers=quiet, seconds=2.0, connections=QUIET_CONNECTIONS, per_second=QUIET_PER_SECOND)
        alone = await load(url, headers=quiet, seconds=SECONDS, connections=QUIET_CONNECTIONS, per_second=QUIET_PER_SECOND)
        noise, is_over = _Noise(), asyncio.Event()
        shouting = [asyncio.create_task(_shout(session, url, loud, noise, is_over, number)) for number in range(LOUD_CONNECTIONS)]
        burst = await load(url, headers=quiet, seconds=SECONDS, connections=QUIET_CONNECTIONS, per_second=QUIET_PER_SECOND)
        let_in = noise.answered
        async with asyncio.timeout(QUOTA_SECONDS):
            await noise.is_over_quota.wait()
        before = noise.answered
        over = await load(url, headers=quiet, seconds=SECONDS, connections=QUIET_CONNECTIONS, per_second=QUIET_PER_SECOND)
        is_over.set()
        await asyncio.gather(*shouting)
    spent = {"loud_answered": noise.answered - before, "loud_turned_away": noise.turned_away}
    return [_figure("TEN-12.burst", burst, alone, {"loud_answered": let_in}), _figure("TEN-12.over_quota", over, alone, spent)]


def _figure(name: str, beside: Load, alone: Load, noise: dict[str, int]) -> Figure:
    detail: dict[str, object] = {"alone_p95_ms": round(alone.p95_ms, 2), "times_alone": round(beside.p95_ms / alone.p95_ms, 2)}
    detail |= {"times_alone_max": RATIO_MAX, "p50_ms": round(beside.p50_ms, 2), "p99_ms": round(beside.p99_ms, 2), "quiet": beside.count}
    detail |= {"quiet_per_second": QUIET_PER_SECOND, "loud_per_second": QUIET_PER_SECOND * TIMES_AS_LOUD, **noise, "baseline": "the budget"}
    return Figure(name, round(beside.p95_ms, 2), BUDGET_MS, round(BUDGET_MS / beside.p95_ms, 3), "ms at p95", detail)


async def _sign_up(session: aiohttp.ClientSession, address: str, name: str) -> dict[str, str]:
    account = {"email": f"{name}@example.com", "password": "a passphrase for benches", "name": name, "workspace_name": name}
    async with session.post(f"{address}/v1/auth/sign-up", json=account) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}


async def _shout(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], noise: _Noise, is_over: asyncio.Event, number: int
) -> None:
    pause = LOUD_CONNECTIONS / (QUIET_PER_SECOND * TIMES_AS_LOUD)
    due = time.perf_counter() + pause * number / LOUD_CONNECTIONS
    while not is_over.is_set():
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        due += pause
        async with session.get(url, headers=headers) as answer:
            await answer.read()
            if answer.status == 429:
                noise.turned_away += 1
                noise.is_over_quota.set()
            elif answer.status == 200:
                noise.answered += 1
            else:
                raise RuntimeError(f"{answer.status} for the loud one")
