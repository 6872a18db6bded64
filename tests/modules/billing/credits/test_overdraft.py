"""Overdraft: settling more than was held, only where plan and limit allow it, and recorded as what it is."""

import asyncio

import pytest
from tests.conftest import TestDatabase
from tests.modules.billing.credits.ledgers import HOUR, allow_overdraft, ledger_of

from nexusone.kernel.page import PageRequest
from nexusone.modules.billing import api
from nexusone.modules.billing.service import balances, expiry, grants, listings, verification
from nexusone.platform.runtime import Runtime


async def test_mon_06_without_a_plan_that_allows_it_nothing_goes_beyond_the_hold(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    with pytest.raises(api.SettleExceedsHold):
        await api.settle(ledger.ctx, key="k", amount_micros=61)
    assert (await api.settle(ledger.ctx, key="k", amount_micros=60)).state == "settled"


async def test_the_excess_is_taken_from_what_is_there_and_the_rest_is_overdraft(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 100)
    await allow_overdraft(ledger.ctx, database, limit_micros=50)
    await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    for _ in range(2):
        assert (await api.settle(ledger.ctx, key="k", amount_micros=130)).state == "settled"
    balance = await api.get_balance(ledger.ctx)
    assert (balance.available_micros, balance.held_micros, balance.spent_micros, balance.overdraft_micros) == (0, 0, 130, 30)
    [held] = (await listings.list_holds(ledger.ctx, state=None, request=PageRequest(limit=10))).items
    assert (held.settled, held.excess) == ("0.00006", "0.00007")
    entries = (await balances.list_entries(ledger.ctx, request=PageRequest(limit=50))).items
    assert sorted((entry.account, entry.amount) for entry in entries if entry.kind == "excess") == [
        ("available", "-0.00004"),
        ("overdraft", "-0.00003"),
        ("spent", "0.00003"),
        ("spent", "0.00004"),
    ]
    [told] = await ledger.events("billing.credits.settled.v1")
    assert told.payload["amount_micros"] == 130
    assert await verification.verify(ledger.ctx) == []


async def test_overdraft_is_paid_back_from_what_comes_in_next(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 10)
    await allow_overdraft(ledger.ctx, database, limit_micros=50)
    await ledger.spend(40, held=10)
    await grants.grant_alone(ledger.ctx, key="more", amount_micros=100, source="purchase")
    balance = await api.get_balance(ledger.ctx)
    assert (balance.available_micros, balance.overdraft_micros) == (70, 0)


async def test_the_limit_holds_over_all_settlements(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 20)
    await allow_overdraft(ledger.ctx, database, limit_micros=50)
    await api.hold(ledger.ctx, key="a", amount_micros=10, purpose="text", expires_in=HOUR)
    await api.hold(ledger.ctx, key="b", amount_micros=10, purpose="text", expires_in=HOUR)
    await api.settle(ledger.ctx, key="a", amount_micros=50)
    with pytest.raises(api.SettleExceedsHold):
        await api.settle(ledger.ctx, key="b", amount_micros=21)
    assert (await api.get_balance(ledger.ctx)).held_micros == 10
    assert (await api.settle(ledger.ctx, key="b", amount_micros=20)).state == "settled"
    assert (await api.get_balance(ledger.ctx)).overdraft_micros == 50


async def test_of_many_settlements_at_once_none_passes_the_limit(crowded_runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(crowded_runtime, 50)
    await allow_overdraft(ledger.ctx, database, limit_micros=20)
    for number in range(50):
        await api.hold(ledger.ctx, key=f"k{number}", amount_micros=1, purpose="text", expires_in=HOUR)

    async def one(number: int) -> bool:
        try:
            await api.settle(ledger.ctx, key=f"k{number}", amount_micros=2)
        except api.SettleExceedsHold:
            return False
        return True

    assert sum(await asyncio.gather(*(one(number) for number in range(50)))) == 20
    assert (await api.get_balance(ledger.ctx)).overdraft_micros == 20
    assert await verification.verify(ledger.ctx) == []


async def test_a_late_settle_goes_beyond_its_hold_in_the_same_way(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 100)
    await allow_overdraft(ledger.ctx, database, limit_micros=50)
    await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    ledger.clock.move(2 * HOUR)
    await expiry.expire_holds(ledger.ctx)
    await api.settle(ledger.ctx, key="k", amount_micros=120)
    balance = await api.get_balance(ledger.ctx)
    assert (balance.available_micros, balance.spent_micros, balance.overdraft_micros) == (0, 120, 20)
    assert await verification.verify(ledger.ctx) == []


async def test_parts_never_go_beyond_the_hold(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 100)
    await allow_overdraft(ledger.ctx, database, limit_micros=50)
    await api.hold(ledger.ctx, key="k", amount_micros=10, purpose="text", expires_in=HOUR)
    with pytest.raises(api.SettleExceedsHold):
        await api.settle_part(ledger.ctx, key="k", part_key="p", amount_micros=11)
