"""PERF-09: a chat through the gateway, with credits on, against the same call made to the simulated vendor directly."""

import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from tests.stories.deployments import free_port, process, until_ready

from benchmarks.figures import ROUNDS, Figure
from nexusone.apps.process import ground
from nexusone.platform.settings import PlatformSettings
from nexusone.providers.openai.catalog import priced_models

NAME = "PERF-09"
CALLS = int(os.environ.get("BENCH_CALLS", "200"))
# Between two calls, so that what follows an answer (its payment, its judgement) has its own time, as it has in earnest.
PAUSE_SECONDS = 0.01
BUDGETS_MS = {"p50": 3.0, "p99": 13.0}
ASKED = {
    "model": min(priced_models("text"), key=lambda card: card.prices[0].micros).name,
    "messages": [{"role": "user", "content": "Write two sentences about our new product: Solar Lamp."}],
    "max_tokens": 200,
}


async def run() -> list[Figure]:
    """Asks both in turn, call by call, over one kept connection each; tells what the gateway adds."""
    data = Path(tempfile.mkdtemp(prefix="nexusone-perf09-"))
    environment = {"NEXUSONE_RATE_LIMIT": "100000000/minute", "NEXUSONE_RATE_LIMIT_WORKSPACE": "100000000/minute"}
    port = free_port()
    try:
        with ground(PlatformSettings(data=data), log=(data.parent / f"{data.name}.log").open("w")):
            serve = ["serve", "--data", str(data), "--port", str(port)]
            async with process(["simulate", "--data", str(data)]), process(serve, environment):
                address = f"http://127.0.0.1:{port}"
                await until_ready(address)
                key = await _customer(address, data)
                vendor = json.loads((data / "sandbox.json").read_text())["http"]
                return await _measure(f"{address}/openai/v1/chat/completions", key, f"{vendor}/openai/v1/chat/completions")
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _measure(ours: str, key: str, theirs: str) -> list[Figure]:
    mine: list[float] = []
    direct: list[float] = []
    added: dict[str, list[float]] = {name: [] for name in BUDGETS_MS}
    async with aiohttp.ClientSession() as here, aiohttp.ClientSession() as there:
        for number in range(ROUNDS + 1):
            through, straight = [], []
            for _ in range(CALLS):
                through.append(await _ask(here, ours, key))
                straight.append(await _ask(there, theirs, "sk-sandbox"))
            if number == 0:
                continue
            mine += through
            direct += straight
            for name in BUDGETS_MS:
                added[name].append(_at(through, name) - _at(straight, name))
    return [_figure(name, mine, direct, added[name]) for name in BUDGETS_MS]


def _figure(name: str, mine: list[float], direct: list[float], added: list[float]) -> Figure:
    budget, median = BUDGETS_MS[name], statistics.median(added)
    detail: dict[str, object] = {
        "baseline": "the budget",
        "gateway_ms": round(_at(mine, name), 2),
        "direct_ms": round(_at(direct, name), 2),
        "added_min": round(min(added), 2),
        "added_max": round(max(added), 2),
        "calls": CALLS,
        "rounds": ROUNDS,
    }
    return Figure(f"{NAME}.{name}", round(median, 2), budget, round(budget / max(median, 0.01), 3), f"ms added at {name}", detail)


def _at(taken_ms: list[float], name: str) -> float:
    ordered = sorted(taken_ms)
    return ordered[int(len(ordered) * int(name[1:]) / 100)]


async def _ask(session: aiohttp.ClientSession, url: str, key: str) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    began = time.perf_counter()
    async with session.post(url, json=ASKED, headers={"Authorization": f"Bearer {key}"}) as answer:
        body = await answer.read()
        if answer.status != 200:
            raise RuntimeError(body.decode(errors="replace"))
    return 1000 * (time.perf_counter() - began)


async def _customer(address: str, data: Path) -> str:
    """An API key of a new workspace with the credits that a sign-up brings."""
    account = {"email": "bench@example.com", "password": "a passphrase for benches", "name": "Bench", "workspace_name": "Bench"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{address}/v1/auth/sign-up", json=account) as answer:
            signed: dict[str, Any] = await answer.json()
        headers = {"Authorization": f"Bearer {signed['access_token']}"}
        async with session.post(f"{address}/v1/api-keys", json={"name": "bench"}, headers=headers) as answer:
            issued: dict[str, Any] = await answer.json()
        async with process(["work", "--data", str(data)]), asyncio.timeout(60):
            while not await _has_credits(session, address, headers):  # noqa: ASYNC110 - another process grants them
                await asyncio.sleep(0.2)
    return str(issued["secret"])


async def _has_credits(session: aiohttp.ClientSession, address: str, headers: dict[str, str]) -> bool:
    async with session.get(f"{address}/v1/credits", headers=headers) as answer:
        told: dict[str, Any] = await answer.json()
        return float(told.get("available", 0)) > 0
