"""AUTHN-03: how a read endpoint answers, at a steady pace, while fifty wrong sign-ins at a time keep the hashing pool full."""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from tests.stories.deployments import in_one_process

from benchmarks.figures import Figure
from benchmarks.load import load

NAME = "AUTHN-03"
SIGN_INS = 50
READ_CONNECTIONS = 8
READS_PER_SECOND = 100.0
SECONDS = float(os.environ.get("BENCH_SECONDS", "15"))
BUDGET_MS = 200.0

ACCOUNT = {"email": "bench@example.com", "password": "a passphrase for benches", "name": "Bench", "workspace_name": "Bench"}


@dataclass(slots=True)
class _Guesses:
    """How many wrong sign-ins were answered with 401 (each has cost a hash), and how many were turned away before."""

    refused: int = 0
    turned_away: int = 0


async def run() -> list[Figure]:
    """The reads' p95 alone, and under the guessing; the budget is the second's."""
    # Every guess must reach the hashing pool, so the limits that would stop the guessing are out of the way.
    environment = {
        "NEXUSONE_RATE_LIMIT": "100000000/minute",
        "NEXUSONE_RATE_LIMIT_WORKSPACE": "100000000/minute",
        "NEXUSONE_RATE_LIMIT_ANONYMOUS": "100000000/minute",
        "NEXUSONE_RATE_LIMIT_FACTOR": "1000000",
    }
    with tempfile.TemporaryDirectory(prefix="nexusone-authn03-") as data:
        async with in_one_process(Path(data), environment) as address:
            return await _measure(address)


async def _measure(address: str) -> list[Figure]:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=SIGN_INS)) as session:
        async with session.post(f"{address}/v1/auth/sign-up", json=ACCOUNT) as answer:
            headers = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
        url = f"{address}/v1/contacts?limit=50"
        await load(url, headers=headers, seconds=2.0, connections=READ_CONNECTIONS, per_second=READS_PER_SECOND)
        alone = await load(url, headers=headers, seconds=SECONDS / 3, connections=READ_CONNECTIONS, per_second=READS_PER_SECOND)
        guesses, is_over = _Guesses(), asyncio.Event()
        guessing = [asyncio.create_task(_guess(session, address, number, guesses, is_over)) for number in range(SIGN_INS)]
        await asyncio.sleep(1.0)
        under = await load(url, headers=headers, seconds=SECONDS, connections=READ_CONNECTIONS, per_second=READS_PER_SECOND)
        is_over.set()
        await asyncio.gather(*guessing)
    detail: dict[str, object] = {"alone_p95_ms": round(alone.p95_ms, 2), "p50_ms": round(under.p50_ms, 2), "p99_ms": round(under.p99_ms, 2)}
    detail |= {"reads_per_second": READS_PER_SECOND, "wrong_sign_ins": guesses.refused, "turned_away": guesses.turned_away}
    detail |= {"sign_ins_at_a_time": SIGN_INS, "baseline": "the budget"}
    return [Figure("AUTHN-03.read", round(under.p95_ms, 2), BUDGET_MS, round(BUDGET_MS / under.p95_ms, 3), "ms at p95", detail)]


async def _guess(session: aiohttp.ClientSession, address: str, number: int, guesses: _Guesses, is_over: asyncio.Event) -> None:
    guess = 0
    while not is_over.is_set():
        guess += 1
        # Another address each time: the share of an account is too small for a load.
        wrong = {"email": f"guess-{number}-{guess}@example.com", "password": "not the right passphrase"}
        async with session.post(f"{address}/v1/auth/sign-in", json=wrong) as answer:
            if answer.status == 401:
                guesses.refused += 1
            else:
                guesses.turned_away += 1
