"""Rate limits: exact over processes, told in headers that parse, and never stuck."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import psycopg
import pytest
from tests.conftest import TestDatabase

from nexusone.kernel.errors import RateLimited
from nexusone.kernel.ids import new_id
from nexusone.platform.database import Database
from nexusone.platform.limits import Limit, rate, sweep, take
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

POLICY_ITEM = re.compile(r'"(?P<name>[\x20-\x21\x23-\x5b\x5d-\x7e]+)"(?P<parameters>(;[a-z*][a-z0-9_.*-]*=\d{1,15})+)')


def parse_list(header: str) -> dict[str, dict[str, int]]:
    """An RFC 9651 list of strings with integer parameters."""
    items: dict[str, dict[str, int]] = {}
    for text in header.split(", "):
        found = POLICY_ITEM.fullmatch(text)
        assert found is not None, header
        parameters = (part.split("=") for part in found["parameters"][1:].split(";"))
        items[found["name"]] = {name: int(value) for name, value in parameters}
    return items


@pytest.fixture
async def processes(database: TestDatabase, ctx: Context) -> AsyncIterator[list[Context]]:
    """The same context in eight pools of their own, as eight processes have them."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(8):
            pool = Database(database.url, connections_max=2)
            await pool.open()
            stack.push_async_callback(pool.close)
            made.append(replace(ctx, runtime=replace(ctx.runtime, database=pool)))
        yield made


async def count_accepted(contexts: list[Context], limit: Limit, *, calls_each: int) -> int:
    async def call(ctx: Context) -> int:
        accepted = 0
        for _ in range(calls_each):
            try:
                await take(ctx, [limit])
                accepted += 1
            except RateLimited:
                continue
        return accepted

    return sum(await asyncio.gather(*(call(ctx) for ctx in contexts)))


async def test_eight_processes_together_accept_exactly_the_quota(processes: list[Context]) -> None:
    limit = Limit(policy="default", rate=rate("100/minute"), subject=str(new_id()))
    assert await count_accepted(processes, limit, calls_each=20) == 100


async def test_a_cost_counts_as_many_calls(processes: list[Context]) -> None:
    limit = Limit(policy="default", rate=rate("100/minute"), subject=str(new_id()), cost=7)
    assert await count_accepted(processes, limit, calls_each=4) == 14


async def test_calls_that_share_limits_in_another_order_never_deadlock(processes: list[Context]) -> None:
    subject = str(new_id())
    limits = [Limit(policy=name, rate=rate("100000/minute"), subject=subject) for name in ("a", "b", "c")]

    async def call(ctx: Context, turn: int) -> None:
        for step in range(15):
            shift = (turn + step) % 3
            await take(ctx, [*limits[shift:], *limits[:shift]])

    await asyncio.gather(*(call(ctx, turn) for turn, ctx in enumerate(processes)))


async def test_the_headers_say_what_is_left_of_each_policy(ctx: Context) -> None:
    subject = str(new_id())
    limits = [
        Limit(policy="default", rate=rate("5/minute"), subject=subject),
        Limit(policy="mail", rate=rate("9/hour"), subject=subject, cost=4),
    ]
    headers = await take(ctx, limits)
    assert parse_list(headers["RateLimit-Policy"]) == {"default": {"q": 5, "w": 60}, "mail": {"q": 9, "w": 3600}}
    left = parse_list(headers["RateLimit"])
    assert {name: left[name]["r"] for name in left} == {"default": 4, "mail": 5}
    assert 1 <= left["default"]["t"] <= 60
    assert "Retry-After" not in headers


async def test_a_refusal_names_the_violated_policies_and_when_to_come_back(ctx: Context) -> None:
    subject = str(new_id())
    limits = [
        Limit(policy="tight", rate=rate("1/minute"), subject=subject),
        Limit(policy="loose", rate=rate("100/minute"), subject=subject),
    ]
    await take(ctx, limits)
    with pytest.raises(RateLimited) as refused:
        await take(ctx, limits)
    assert refused.value.data["violated_policies"] == ["tight"]
    left = parse_list(refused.value.headers["RateLimit"])
    assert left["tight"]["r"] == 0
    assert int(refused.value.headers["Retry-After"]) >= left["tight"]["t"]


async def test_a_window_that_is_over_begins_anew(ctx: Context, database: TestDatabase) -> None:
    limit = Limit(policy="default", rate=rate("1/minute"), subject=str(new_id()))
    await take(ctx, [limit])
    with pytest.raises(RateLimited):
        await take(ctx, [limit])
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("update platform.rate_limit set expires_at = clock_timestamp() where key = %s", (limit.key,))
    left = parse_list((await take(ctx, [limit]))["RateLimit"])
    assert left["default"]["r"] == 0


async def test_the_sweep_deletes_spent_windows_alone(ctx: Context, database: TestDatabase) -> None:
    spent, running = (Limit(policy="default", rate=rate("1/minute"), subject=str(new_id())) for _ in range(2))
    await take(ctx, [spent])
    await take(ctx, [running])
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("update platform.rate_limit set expires_at = now() - interval '5 minutes' where key = %s", (spent.key,))
        await sweep(ctx.runtime.system())
        left = admin.execute("select key from platform.rate_limit where key = any(%s)", ([spent.key, running.key],)).fetchall()
    assert left == [(running.key,)]


async def test_a_deployment_can_widen_the_shares_of_single_operations(ctx: Context) -> None:
    settings = ctx.setting(PlatformSettings).model_copy(update={"rate_limit_factor": 3})
    runtime = replace(ctx.runtime, settings={**ctx.runtime.settings, PlatformSettings: settings})
    limit = Limit(policy="tries", rate=rate("5/minute"), subject=str(new_id()))
    assert await count_accepted([replace(ctx, runtime=runtime)], limit, calls_each=20) == 15
