"""PERF-01: `GET /v1/contacts?limit=50` with credential, limits and row-level security, among a million contacts."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from tests.stories.deployments import free_port, process, until_ready

from benchmarks.figures import Figure, compare
from benchmarks.load import Load, load
from nexusone.apps.process import ground
from nexusone.platform.settings import PlatformSettings

NAME = "PERF-01"
CONTACTS = int(os.environ.get("BENCH_CONTACTS", "1000000"))
CONNECTIONS = 16
ROUND_SECONDS = 4.0
PACED_SECONDS = 10.0

# By kind: a session's access token, and an API key. Both are checked against the database at every request.
Credentials = dict[str, str]

FILL = """
insert into audience.contact
    (workspace_id, id, external_id, email, first_name, last_name, locale, timezone, country, attributes, created_at, updated_at)
select %(workspace_id)s, uuidv7(), 'c-' || n, 'c' || n || '@example.com', 'Ada', 'Lovelace ' || n, 'en-GB', 'Europe/London', 'GB',
    jsonb_build_object('plan', case n %% 3 when 0 then 'pro' else 'free' end, 'lifetime_value', n %% 1000), now(), now()
from generate_series(1, %(count)s) as n
"""


async def run() -> list[Figure]:
    """Fills a workspace; asks ours and the bare route in turn, then ours at half of its saturation; by each kind of credential."""
    data = Path(tempfile.mkdtemp(prefix="nexusone-perf01-"))
    environment = {"NEXUSONE_RATE_LIMIT": "100000000/minute", "NEXUSONE_RATE_LIMIT_WORKSPACE": "100000000/minute"}
    port = free_port()
    try:
        with ground(PlatformSettings(data=data), log=(data.parent / f"{data.name}.log").open("w")) as base:
            async with (
                process(["simulate", "--data", str(data)]),
                process(["serve", "--data", str(data), "--port", str(port)], environment),
            ):
                address = f"http://127.0.0.1:{port}"
                await until_ready(address)
                credentials, workspace_id = await _sign_up(address)
                admin_url = base.database.admin_url or base.database.url
                _fill(admin_url, workspace_id)
                with _bare(admin_url) as bare:
                    await _until_up(bare, workspace_id)
                    return await _measure(address, credentials, f"{bare}/contacts?workspace_id={workspace_id}&limit=50")
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _measure(address: str, credentials: Credentials, bare: str) -> list[Figure]:
    ours_url = f"{address}/v1/contacts?limit=50"
    figures: list[Figure] = []

    async def baseline() -> float:
        return (await load(bare, headers={}, seconds=ROUND_SECONDS, connections=CONNECTIONS)).per_second

    for kind, credential in credentials.items():
        headers = {"Authorization": f"Bearer {credential}"}

        async def ours(headers: dict[str, str] = headers) -> float:
            return (await load(ours_url, headers=headers, seconds=ROUND_SECONDS, connections=CONNECTIONS)).per_second

        saturated = await compare(
            f"PERF-01.saturated.{kind}", ours=ours, baseline=baseline, unit="requests/s", contacts=CONTACTS, connections=CONNECTIONS
        )
        figures += [saturated, await _at_half(kind, ours_url, headers, pace=saturated.ours / 2)]
    return figures


async def _at_half(kind: str, url: str, headers: dict[str, str], *, pace: float) -> Figure:
    paced: Load = await load(url, headers=headers, seconds=PACED_SECONDS, connections=CONNECTIONS, per_second=pace)
    detail: dict[str, object] = {"p50_ms": round(paced.p50_ms, 2), "pace_per_second": round(pace, 1), "requests": paced.count}
    detail["baseline"] = "the budget"
    return Figure(f"PERF-01.half.{kind}", round(paced.p99_ms, 2), 25.0, round(25.0 / paced.p99_ms, 3), "ms at p99", detail)


async def _sign_up(address: str) -> tuple[Credentials, str]:
    account = {"email": "bench@example.com", "password": "a passphrase for benches", "name": "Bench", "workspace_name": "Bench"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{address}/v1/auth/sign-up", json=account) as answer:
            signed: dict[str, Any] = await answer.json()
        headers = {"Authorization": f"Bearer {signed['access_token']}"}
        async with session.post(f"{address}/v1/api-keys", json={"name": "bench"}, headers=headers) as answer:
            issued: dict[str, Any] = await answer.json()
    return {"jwt": signed["access_token"], "api_key": issued["secret"]}, signed["workspace"]["id"]


def _fill(admin_url: str, workspace_id: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(FILL, {"workspace_id": workspace_id, "count": CONTACTS})
        connection.execute("vacuum analyze audience.contact")


@contextmanager
def _bare(admin_url: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare_route", str(port)]
    started = subprocess.Popen(command, env={**os.environ, "BENCH_DATABASE_URL": admin_url})
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait(20)


async def _until_up(bare: str, workspace_id: str) -> None:
    deadline = time.monotonic() + 30
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(f"{bare}/contacts?workspace_id={workspace_id}&limit=1"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise TimeoutError("the bare route did not come up")
