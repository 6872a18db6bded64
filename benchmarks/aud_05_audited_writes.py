"""AUD-05: audited changes per second, in one workspace and over a hundred, while the sealer runs; against the same changes unrecorded."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from benchmarks.figures import Figure, compare
from nexusone.apps.process import ensure_schema, ground, standing
from nexusone.kernel.ids import new_id
from nexusone.platform.audit import record
from nexusone.platform.audit.sealing import seal_all
from nexusone.platform.audit.verification import verify_all
from nexusone.platform.runtime import Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.sql import sql

NAME = "AUD-05"
WORKSPACES = 100
CONNECTIONS = 16
ROUND_SECONDS = 3.0

CHANGE = sql("""
insert into platform.idempotency (workspace_id, principal_id, method, path, key, fingerprint, locked_until, created_at)
values (%(workspace_id)s, %(id)s, 'POST', '/bench', %(key)s, '', now(), now())
""")


async def run() -> list[Figure]:
    """Both loads; afterwards every chain must verify."""
    data = Path(tempfile.mkdtemp(prefix="nexusone-aud05-"))
    settings = PlatformSettings(data=data, database_connections=CONNECTIONS + 2)
    try:
        with ground(settings, log=(data / "log").open("w")) as base:
            ensure_schema(base.database, may_migrate=True)
            async with standing(base, None) as composition:
                workspaces = [new_id() for _ in range(WORKSPACES)]
                hot = await _figure("AUD-05.hot", composition.runtime, workspaces[:1])
                spread = await _figure("AUD-05.spread", composition.runtime, workspaces)
                await _prove(composition.runtime)
                return [hot, spread]
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _figure(name: str, runtime: Runtime, workspaces: Sequence[UUID]) -> Figure:
    return await compare(
        name,
        ours=lambda: _sealed_rate(runtime, workspaces),
        baseline=lambda: _rate(runtime, workspaces, is_recorded=False),
        unit="changes/s",
        workspaces=len(workspaces),
        connections=CONNECTIONS,
    )


async def _sealed_rate(runtime: Runtime, workspaces: Sequence[UUID]) -> float:
    sealing = asyncio.create_task(_seal_for_ever(runtime))
    try:
        return await _rate(runtime, workspaces, is_recorded=True)
    finally:
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)


async def _seal_for_ever(runtime: Runtime) -> None:
    while True:
        await seal_all(runtime.system())
        await asyncio.sleep(1.0)


async def _rate(runtime: Runtime, workspaces: Sequence[UUID], *, is_recorded: bool) -> float:
    began = time.perf_counter()

    async def writer(number: int) -> int:
        done = 0
        while time.perf_counter() - began < ROUND_SECONDS:
            ctx = runtime.system(workspaces[(number + done) % len(workspaces)])
            key = new_id()
            async with ctx.transaction("platform") as tx:
                await tx.execute(CHANGE, {"workspace_id": ctx.workspace, "id": key, "key": str(key)})
                if is_recorded:
                    await record(tx, action="bench.row.made", object_kind="row", object_id=str(key), after={"name": "x", "size": 3})
            done += 1
        return done

    counts = await asyncio.gather(*(writer(number) for number in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


async def _prove(runtime: Runtime) -> None:
    await seal_all(runtime.system())
    async for verdict in verify_all(runtime.system()):
        if verdict.broken is not None:
            raise RuntimeError(f"the trail of {verdict.workspace_id} is broken: {verdict.broken}")
