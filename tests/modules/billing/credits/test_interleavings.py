"""Bookings that begin before another has committed: each is judged by what is there when its turn comes."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from datetime import timedelta

import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.modules.billing.credits.ledgers import HOUR, Ledger, ledger_of

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.service import expiry, grants, verification
from nexusone.modules.billing.store import resolutions
from nexusone.modules.billing.store.resolutions import Resolution
from nexusone.platform.runtime import Runtime

SPENT = 5


async def scene(runtime: Runtime) -> Ledger:
    """Nothing is available; `late` has expired, and `held` holds all that is not spent, from a grant that ends soon."""
    ledger = await ledger_of(runtime)
    ends = ledger.clock.now() + timedelta(hours=4)
    await grants.grant_alone(ledger.ctx, key="g", amount_micros=2 * SPENT, source="promotion", expires_at=ends)
    await api.hold(ledger.ctx, key="late", amount_micros=SPENT, purpose="text", expires_in=HOUR)
    await api.hold(ledger.ctx, key="held", amount_micros=SPENT - 1, purpose="text", expires_in=10 * HOUR)
    ledger.clock.move(2 * HOUR)
    await expiry.expire_holds(ledger.ctx)
    await ledger.spend(SPENT)
    return ledger


async def waits(database: TestDatabase) -> None:
    """Until a statement waits for a lock."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        for _ in range(200):
            if admin.execute("select 1 from pg_locks where not granted").fetchone():
                return
            await asyncio.sleep(0.02)
    raise AssertionError("nothing waited")


async def meanwhile(ledger: Ledger, database: TestDatabase, call: Callable[[], Awaitable[object]]) -> None:
    """`call` begins while a release of `held` has not committed yet."""
    wanted = Resolution(
        workspace_id=ledger.ctx.workspace,
        key="held",
        used=0,
        state="released",
        is_final=True,
        kind="release",
        transfer_id=new_id(),
        transfer_suffix=":release",
        now=ledger.clock.now(),
    )
    async with ledger.ctx.transaction("billing") as tx:
        assert await resolutions.resolve(tx, wanted) is not None
        task = asyncio.get_running_loop().create_task(_run(call), context=contextvars.Context())
        await waits(database)
    await task


async def _run(call: Callable[[], Awaitable[object]]) -> None:
    await call()


@pytest.mark.parametrize("name", ["late settle", "hold", "grants end"])
async def test_what_has_just_come_back_counts(runtime: Runtime, database: TestDatabase, name: str) -> None:
    ledger = await scene(runtime)
    ctx = ledger.ctx

    async def settle_late() -> None:
        await api.settle(ctx, key="late", amount_micros=SPENT - 1)
        assert (await api.get_balance(ctx)).overdraft_micros == 0

    async def hold_it_all() -> None:
        # Another booking of the workspace is in line before, so that the hold is judged after the release.
        assert (await api.hold(ctx, key="new", amount_micros=1, purpose="text", expires_in=HOUR)).state == "held"
        assert (await api.hold(ctx, key="rest", amount_micros=SPENT - 1, purpose="text", expires_in=HOUR)).state == "held"

    async def end_grants() -> None:
        ledger.clock.move(3 * HOUR)
        await expiry.expire_grants(ctx)
        assert (await api.get_balance(ctx)).available_micros == 0

    await meanwhile(ledger, database, {"late settle": settle_late, "hold": hold_it_all, "grants end": end_grants}[name])
    assert await verification.verify(ctx) == []
