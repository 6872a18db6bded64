"""Processes that die between any two steps of paid work, and answers that are lost: nothing leaks, nothing is booked twice."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.faults.conftest import ROOT
from tests.faults.proxy import Proxy, proxy_before

from nexusone.kernel.clock import MovedClock, SystemClock
from nexusone.kernel.errors import Unavailable
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.credits import Hold
from nexusone.modules.billing.service import expiry, grants, verification
from nexusone.platform.database import Database
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.vault import MasterKeys

HOUR = timedelta(hours=1)
GRANTED = 1_000_000
STEPS = ["begun", "held", "part", "kept", "settled"]


@dataclass(frozen=True, slots=True)
class Shop:
    """A workspace with credits, and processes that spend them."""

    ctx: Context
    wanted: dict[str, str]

    async def start(self, **more: str) -> asyncio.subprocess.Process:
        environment = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONUTF8": "1"}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.credits_process",
            json.dumps({**self.wanted, **more}),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )

    async def later(self) -> Context:
        """Three hours on, after the sweeper."""
        runtime = replace(self.ctx.runtime, clock=MovedClock(SystemClock().now() + 3 * HOUR))
        ctx = runtime.system(self.ctx.workspace)
        await expiry.expire_holds(ctx)
        return ctx


@pytest.fixture
async def shop(runtime: Runtime, database: TestDatabase, keys: MasterKeys, tmp_path: Path) -> Shop:
    ctx = runtime.system(new_id())
    await grants.grant_alone(ctx, key="g", amount_micros=GRANTED, source="purchase")
    wanted = {"url": database.url, "keys": keys.to_json(), "data": str(tmp_path), "workspace_id": str(ctx.workspace), "name": str(new_id())}
    return Shop(ctx, wanted)


async def until_said(process: asyncio.subprocess.Process, step: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        async for line in process.stdout:
            if line.decode().strip() == step:
                return
    raise AssertionError(f"it never came to {step}")


async def killed(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.communicate()


@pytest.mark.parametrize("step", STEPS)
async def test_res_03_a_death_after_any_step_leaks_no_hold_and_a_second_try_finishes_once(shop: Shop, step: str) -> None:
    process = await shop.start(key="work", until=step, keeps="yes")
    await until_said(process, step)
    await killed(process)
    assert await verification.verify(shop.ctx) == []
    again = await shop.start(key="work", keeps="yes") if step != "settled" else None
    if again is not None:
        await again.communicate()
        assert again.returncode == 0
    balance = await api.get_balance(await shop.later())
    assert (balance.held_micros, balance.spent_micros, balance.available_micros) == (0, 7, GRANTED - 7)


@pytest.mark.parametrize("step", STEPS)
async def test_res_03_what_nobody_tries_again_goes_back_by_the_clock(shop: Shop, step: str) -> None:
    process = await shop.start(key="work", until=step, keeps="yes")
    await until_said(process, step)
    await killed(process)
    balance = await api.get_balance(await shop.later())
    spent = {"begun": 0, "held": 0, "part": 4, "kept": 4, "settled": 7}[step]
    assert (balance.held_micros, balance.spent_micros, balance.available_micros) == (0, spent, GRANTED - spent)


async def test_res_03_deaths_in_the_middle_of_statements_leave_sound_books(shop: Shop) -> None:
    for number in range(4):
        process = await shop.start(name=f"{shop.wanted['name']}:{number}")
        await until_said(process, "settled")
        await asyncio.sleep(random.uniform(0.05, 0.4))
        await killed(process)
        assert await verification.verify(shop.ctx) == []
    balance = await api.get_balance(await shop.later())
    assert (balance.held_micros, balance.overdraft_micros) == (0, 0)
    assert balance.spent_micros > 0
    assert balance.available_micros + balance.spent_micros == GRANTED


@asynccontextmanager
async def through(ctx: Context, proxy: Proxy) -> AsyncIterator[Context]:
    pool = Database(proxy.url, connections_max=2)
    await pool.open()
    try:
        yield replace(ctx, runtime=replace(ctx.runtime, database=pool))
    finally:
        await pool.close()


Call = Callable[[Context], Coroutine[Any, Any, Hold]]


def hold_call(ctx: Context) -> Coroutine[Any, Any, Hold]:
    return api.hold(ctx, key="k", amount_micros=10, purpose="text", expires_in=HOUR)


# What each call sends last: one trip, or the COMMIT of the longer way.
CALLS: dict[str, Call] = {
    "hold": hold_call,
    "part": lambda ctx: api.settle_part(ctx, key="k", part_key="p", amount_micros=4),
    "settle": lambda ctx: api.settle(ctx, key="k", amount_micros=3),
    "release": lambda ctx: api.release(ctx, key="k"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_res_04_the_lost_answer_of_a_booking_is_unknown_and_its_repetition_books_nothing_twice(
    shop: Shop, database: TestDatabase, name: str
) -> None:
    if name != "hold":
        await hold_call(shop.ctx)
    async with proxy_before(database.url) as proxy, through(shop.ctx, proxy) as ctx:
        await api.get_balance(ctx)
        proxy.loses_answer_to = b"execute one_trip"
        with pytest.raises((UnknownOutcome, Unavailable)):
            await CALLS[name](ctx)
        assert proxy.struck == 1
    before = await api.get_balance(shop.ctx)
    repeated = await CALLS[name](shop.ctx)
    assert repeated.state == {"hold": "held", "part": "held", "settle": "settled", "release": "released"}[name]
    assert await api.get_balance(shop.ctx) == before
    assert await verification.verify(shop.ctx) == []


async def test_res_04_the_lost_answer_to_a_commit_of_the_longer_way_is_repeated_in_the_same_way(shop: Shop, database: TestDatabase) -> None:
    await grants.grant_alone(shop.ctx, key="more", amount_micros=GRANTED, source="purchase")
    spans = 10 + GRANTED

    def call(ctx: Context) -> Coroutine[Any, Any, Hold]:
        return api.hold(ctx, key="k", amount_micros=spans, purpose="text", expires_in=HOUR)

    async with proxy_before(database.url) as proxy, through(shop.ctx, proxy) as ctx:
        await api.get_balance(ctx)
        proxy.loses_answer_to = b"commit\0"
        with pytest.raises((UnknownOutcome, Unavailable)):
            await call(ctx)
    assert (await call(shop.ctx)).state == "held"
    assert (await api.get_balance(shop.ctx)).held_micros == spans
