"""PERF-08: holds and settles through billing's face, in one hot workspace and over a thousand, on durable PostgreSQL."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from benchmarks.figures import Figure, compare
from nexusone.apps.process import ensure_schema, ground, standing
from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.service import grants, verification
from nexusone.platform.runtime import Runtime
from nexusone.platform.settings import PlatformSettings

NAME = "PERF-08"
WORKSPACES = 1000
CONNECTIONS = 16
ROUND_SECONDS = 3.0
HOUR = timedelta(hours=1)

MAKE_BARE = """
create table bare_balance (workspace_id bigint, name text, micros bigint not null, primary key (workspace_id, name)) with (fillfactor = 50)
"""
FILL_BARE = """
insert into bare_balance select n, name, 1000000000000 from generate_series(0, %(count)s - 1) as n, unnest(array['from', 'to']) as name
"""
TAKE_BARE = "update bare_balance set micros = micros - %(micros)s where workspace_id = %(id)s and name = 'from'"
GIVE_BARE = "update bare_balance set micros = micros + %(micros)s where workspace_id = %(id)s and name = 'to'"

Pool = AsyncConnectionPool[AsyncConnection[tuple[object, ...]]]


async def run() -> list[Figure]:
    """Both loads; afterwards every workspace's books must add up."""
    data = Path(tempfile.mkdtemp(prefix="nexusone-perf08-"))
    settings = PlatformSettings(data=data, database_connections=CONNECTIONS)
    try:
        with ground(settings, log=(data / "log").open("w")) as base:
            ensure_schema(base.database, may_migrate=True)
            admin_url = base.database.admin_url or base.database.url
            kwargs = {"autocommit": True}
            async with (
                standing(base, None) as composition,
                AsyncConnectionPool(admin_url, min_size=CONNECTIONS, max_size=CONNECTIONS, kwargs=kwargs, open=False) as pool,
            ):
                workspaces = await _fund(composition.runtime, pool)
                hot = await _figure("PERF-08.hot", composition.runtime, pool, workspaces[:1])
                spread = await _figure("PERF-08.spread", composition.runtime, pool, workspaces)
                await _prove(composition.runtime)
                return [hot, spread]
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _fund(runtime: Runtime, pool: Pool) -> list[UUID]:
    async with pool.connection() as connection:
        await connection.execute(MAKE_BARE)
        await connection.execute(FILL_BARE, {"count": WORKSPACES})
    workspaces = [new_id() for _ in range(WORKSPACES)]
    for workspace_id in workspaces:
        await grants.grant_alone(runtime.system(workspace_id), key="bench", amount_micros=10**12, source="sign_up")
    return workspaces


async def _figure(name: str, runtime: Runtime, pool: Pool, workspaces: Sequence[UUID]) -> Figure:
    async def hold_and_settle(number: int) -> int:
        ctx = runtime.system(workspaces[number % len(workspaces)])
        key = str(new_id())
        await api.hold(ctx, key=key, amount_micros=100, purpose="bench", expires_in=HOUR)
        await api.settle(ctx, key=key, amount_micros=60)
        return 2

    async def transfer(number: int) -> int:
        moved = {"id": number % len(workspaces), "micros": 1}
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(TAKE_BARE, moved)
            await connection.execute(GIVE_BARE, moved)
        return 1

    return await compare(
        name,
        ours=lambda: _rate(hold_and_settle),
        baseline=lambda: _rate(transfer),
        unit="operations/s",
        workspaces=len(workspaces),
        connections=CONNECTIONS,
    )


async def _rate(operate: Callable[[int], Awaitable[int]]) -> float:
    """Operations per second, by as many callers as there are connections; each walks the workspaces at its own pace."""
    began = time.perf_counter()

    async def caller(start: int) -> int:
        done, number = 0, start * WORKSPACES // CONNECTIONS
        while time.perf_counter() - began < ROUND_SECONDS:
            done += await operate(number)
            number += 1
        return done

    counts = await asyncio.gather(*(caller(start) for start in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


async def _prove(runtime: Runtime) -> None:
    async for workspace_id, differences in verification.verify_all(runtime.system()):
        if differences:
            raise RuntimeError(f"the books of {workspace_id} do not add up: {differences}")
