"""Caps that are set or changed in the middle of their day, month or for ever: what the period holds already counts."""

import asyncio
from collections import Counter
from datetime import timedelta

from tests.modules.billing.credits.ledgers import HOUR, ledger_of
from tests.modules.billing.credits.test_caps import cap, hold, used

from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.caps import CapsWish, CapWish
from nexusone.modules.billing.service import caps, verification
from nexusone.platform.runtime import Context, Runtime

DAY = timedelta(days=1)
CROWD = 30


async def put(ctx: Context, *wanted: CapWish) -> None:
    await caps.put_caps(ctx, wanted=CapsWish(caps=list(wanted)))


async def test_what_was_held_and_spent_before_counts_in_its_day_month_and_for_ever(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 1_000)
    await ledger.spend(5)
    ledger.clock.move(40 * DAY)
    await ledger.spend(7)
    ledger.clock.move(DAY)
    await ledger.spend(11, held=30)
    await hold(ledger.ctx, "open", 13)
    await put(ledger.ctx, cap("workspace", "day", 30), cap("workspace", "ever", 500), cap("workspace", "month", 100))
    assert await used(ledger) == ["0.000024", "0.000036", "0.000031"]
    assert [await hold(ledger.ctx, "over", 7), await hold(ledger.ctx, "within", 6)] == ["billing.cap_reached", "held"]
    await api.settle(ledger.ctx, key="open", amount_micros=3)
    assert await used(ledger) == ["0.00002", "0.000032", "0.000027"]
    assert await verification.verify(ledger.ctx) == []


async def test_what_a_member_a_key_and_a_job_did_before_counts_for_each(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 1_000)
    one, other, machine = ledger.somebody("user"), ledger.somebody("user"), ledger.somebody("api_key")
    for number, (who, job) in enumerate([(one, None), (one, "journey:1"), (other, "journey:1"), (machine, "journey:2")]):
        assert await hold(who, f"h{number}", 10, job=job) == "held"
    await put(ledger.ctx, cap("member", "day", 20), cap("api_key", "day", 15, str(machine.principal.id)), cap("job", "ever", 25))
    assert [await hold(who, f"x{number}", 10) for number, who in enumerate((one, other, machine))] == [
        "billing.cap_reached", "held", "billing.cap_reached",
    ]  # fmt: skip
    assert await hold(ledger.ctx, "j1", 10, job="journey:1") == "billing.cap_reached"
    assert await hold(ledger.ctx, "j2", 10, job="journey:2") == "held"
    assert await verification.verify(ledger.ctx) == []


async def test_a_cap_that_was_away_for_an_hour_counts_that_hour_too_and_a_changed_one_goes_on(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 1_000)
    await put(ledger.ctx, cap("workspace", "day", 100))
    await ledger.spend(10)
    await put(ledger.ctx)
    await ledger.spend(20)
    await put(ledger.ctx, cap("workspace", "day", 40))
    await put(ledger.ctx, cap("workspace", "day", 35))
    assert await used(ledger) == ["0.00003"]
    assert [await hold(ledger.ctx, "a", 6), await hold(ledger.ctx, "b", 5)] == ["billing.cap_reached", "held"]


async def test_credits_that_go_back_to_a_payer_do_not_count_later_either(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 1_000)
    await api.hold(ledger.ctx, key="r", amount_micros=10, purpose="refund", expires_in=HOUR)
    await put(ledger.ctx, cap("workspace", "day", 100))
    assert await used(ledger) == ["0"]


async def test_mon_08_a_cap_set_while_many_hold_and_resolve_counts_each_of_them_once(crowded_runtime: Runtime) -> None:
    ledger = await ledger_of(crowded_runtime, 1_000)

    async def one(number: int) -> str:
        outcome = await hold(ledger.ctx, f"k{number}", 10)
        if outcome == "held" and number % 3:
            await (api.release(ledger.ctx, key=f"k{number}") if number % 2 else api.settle(ledger.ctx, key=f"k{number}", amount_micros=4))
        return outcome

    async def cap_it() -> str:
        await put(ledger.ctx, cap("workspace", "day", 100), cap("workspace", "ever", 500))
        return "capped"

    outcomes = Counter(await asyncio.gather(*(one(number) for number in range(CROWD)), cap_it(), cap_it()))
    assert outcomes["capped"] == 2
    assert await verification.verify(ledger.ctx) == []
    for number in range(0, CROWD, 3):
        try:
            await api.release(ledger.ctx, key=f"k{number}")
        except api.HoldNotFound:
            continue
    spent = (await api.get_balance(ledger.ctx)).spent_micros
    assert [credits_from_text(found) for found in await used(ledger)] == [spent, spent]
    assert await verification.verify(ledger.ctx) == []
