"""What is left of what credits earn, and what happens where it is too little."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import ContextMaker, TestDatabase

from nexusone.kernel.money import MICROS_PER_CREDIT
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.usage import NewMarginFloor
from nexusone.modules.billing.domain.usage import is_below, margin_bps
from nexusone.modules.billing.service import grants, margins
from nexusone.platform.runtime import Context

DOLLAR = 10**9


@pytest.fixture
def admin(database: TestDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser's connection."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def ctx(make_context: ContextMaker) -> Context:
    """A workspace with a thousand credits."""
    made = make_context()
    await grants.grant_signup_credits(made, key="start")
    return made


async def earn(ctx: Context, key: str, *, credits_: int, cost_nano: int, purpose: str = "text") -> None:
    """Something that was paid for with credits and cost money."""
    await api.hold(ctx, key=key, amount_micros=credits_ * MICROS_PER_CREDIT, purpose=purpose, expires_in=timedelta(hours=1))
    await api.settle(ctx, key=key, amount_micros=credits_ * MICROS_PER_CREDIT)
    await api.record_cost(ctx, key=key, purpose=purpose, cost_nano=cost_nano)


def told(admin: psycopg.Connection[tuple[object, ...]], ctx: Context) -> int:
    """How often it was announced that a margin is low."""
    row = admin.execute(
        "select count(*) from platform.event where workspace_id = %s and name = 'billing.margin.low.v1'", (ctx.workspace,)
    ).fetchone()
    return int(str(row[0])) if row else 0


async def test_the_margin_is_what_the_ledger_earned_less_what_vendors_charged(ctx: Context) -> None:
    await earn(ctx, "a", credits_=100, cost_nano=DOLLAR // 4)
    await earn(ctx, "b", credits_=100, cost_nano=DOLLAR // 4)
    await api.record_cost(ctx, key="b", purpose="text", cost_nano=DOLLAR)
    await earn(ctx, "c", credits_=10, cost_nano=0, purpose="mail")
    found = {row.purpose: row for row in (await margins.get_margin(ctx, since=None, until=ctx.now() + timedelta(minutes=1))).purposes}
    assert (found["text"].earned_nano, found["text"].cost_nano, found["text"].margin_bps) == (2 * DOLLAR, DOLLAR // 2, 7500)
    assert (found["mail"].earned_nano, found["mail"].margin_bps) == (DOLLAR // 10, 10_000)


async def test_a_margin_below_its_floor_is_told_once_and_ends_when_it_recovers(
    ctx: Context, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    await margins.put_floor(ctx, wanted=NewMarginFloor(floor_bps=5000, reaction="stop"))
    await earn(ctx, "a", credits_=100, cost_nano=DOLLAR * 6 // 10)
    for _ in range(3):
        await margins.watch_margins(ctx.runtime.system())
    assert told(admin, ctx) == 1
    with pytest.raises(api.PurposeStopped):
        await api.check_margin(ctx, purpose="text")
    assert await api.check_margin(ctx, purpose="mail") is None
    await earn(ctx, "b", credits_=100, cost_nano=DOLLAR // 10)
    await margins.watch_margins(ctx.runtime.system())
    assert await api.check_margin(ctx, purpose="text") is None
    assert told(admin, ctx) == 1


async def test_a_cost_without_earnings_is_below_every_floor(ctx: Context) -> None:
    await api.record_cost(ctx, key="a", purpose="text", cost_nano=1)
    found = await margins.put_floor(ctx, wanted=NewMarginFloor(floor_bps=-100_000, reaction="reroute"))
    (row,) = found.purposes
    assert (row.margin_bps, row.reaction) == (None, "reroute")
    assert await api.check_margin(ctx, purpose="text") == "reroute"


async def test_without_a_floor_nothing_is_watched(ctx: Context) -> None:
    await api.record_cost(ctx, key="a", purpose="text", cost_nano=DOLLAR)
    await margins.watch_margins(ctx.runtime.system())
    assert await api.check_margin(ctx, purpose="text") is None


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(-100_000, 10_000))
def test_below_the_floor_is_what_the_margin_says(earned: int, cost: int, floor: int) -> None:
    left = margin_bps(earned_nano=earned, cost_nano=cost)
    if cost == 0:
        assert not is_below(earned_nano=earned, cost_nano=cost, floor_bps=floor)
    elif left is None:
        assert is_below(earned_nano=earned, cost_nano=cost, floor_bps=floor)
    else:
        assert is_below(earned_nano=earned, cost_nano=cost, floor_bps=floor) == (left < floor)
