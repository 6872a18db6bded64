"""Caps: in a day, a month or ever, for the workspace, a member, a key, a job; exact under concurrency (MON-08)."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from tests.modules.billing.credits.ledgers import HOUR, Ledger, ledger_of

from nexusone.kernel.errors import Refusal
from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.caps import Cap, CapPeriod, CapScope, CapsWish, CapWish
from nexusone.modules.billing.service import caps, expiry, verification
from nexusone.modules.billing.service.refusals_credits import SettingFaulty
from nexusone.platform.runtime import Context, Runtime

CROWD = 50


def cap(scope: CapScope, period: CapPeriod, micros: int, subject: str | None = None) -> CapWish:
    return CapWish(scope=scope, subject=subject, period=period, limit=credits_to_text(micros))


async def capped(runtime: Runtime, *wanted: CapWish) -> Ledger:
    ledger = await ledger_of(runtime, 1_000_000)
    await caps.put_caps(ledger.ctx, wanted=CapsWish(caps=list(wanted)))
    return ledger


async def hold(ctx: Context, key: str, micros: int, *, job: str | None = None) -> str:
    try:
        return (await api.hold(ctx, key=key, amount_micros=micros, purpose="text", expires_in=HOUR, job=job)).state
    except Refusal as refused:
        return refused.code


async def used(ledger: Ledger) -> list[str]:
    return [found.used for found in (await caps.list_caps(ledger.ctx)).caps]


async def test_mon_08_what_goes_over_a_cap_is_refused_and_says_what_is_left(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "day", 100))
    assert await hold(ledger.ctx, "a", 70) == "held"
    with pytest.raises(api.CapReached) as refused:
        await api.hold(ledger.ctx, key="b", amount_micros=31, purpose="text", expires_in=HOUR)
    assert refused.value.status == 402
    assert refused.value.data == {"scope": "workspace", "period": "day", "limit": "0.0001", "available": "0.00003", "needed": "0.000031"}
    assert await hold(ledger.ctx, "b", 30) == "held"
    assert await ledger.available() == 999_900


async def test_what_a_hold_gives_back_counts_no_more(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "day", 100))
    await hold(ledger.ctx, "a", 100)
    await api.settle(ledger.ctx, key="a", amount_micros=40)
    assert await used(ledger) == ["0.00004"]
    await hold(ledger.ctx, "b", 60)
    await api.release(ledger.ctx, key="b")
    await hold(ledger.ctx, "c", 60)
    ledger.clock.move(2 * HOUR)
    await expiry.expire_holds(ledger.ctx)
    assert await used(ledger) == ["0.00004"]
    assert await verification.verify(ledger.ctx) == []


async def test_a_day_and_a_month_begin_anew(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "day", 10), cap("workspace", "month", 25), cap("workspace", "ever", 35))
    for number, outcome in enumerate(["held", "held", "billing.cap_reached"]):
        assert await hold(ledger.ctx, f"a{number}", 10) == outcome
        ledger.clock.move(timedelta(days=1))
    ledger.clock.move(timedelta(days=32))
    assert await hold(ledger.ctx, "b", 10) == "held"
    ledger.clock.move(timedelta(days=32))
    assert await hold(ledger.ctx, "c", 10) == "billing.cap_reached"


async def test_each_member_key_and_job_has_a_cap_of_its_own_and_a_named_one_another(runtime: Runtime) -> None:
    ledger = await capped(runtime)
    lead, member, machine = ledger.somebody("user"), ledger.somebody("user"), ledger.somebody("api_key")
    wanted = [
        cap("member", "day", 10),
        cap("member", "day", 50, str(lead.principal.id)),
        cap("api_key", "day", 20),
        cap("job", "ever", 15),
    ]
    await caps.put_caps(ledger.ctx, wanted=CapsWish(caps=wanted))
    assert [await hold(member, "m1", 10), await hold(member, "m2", 1)] == ["held", "billing.cap_reached"]
    assert [await hold(lead, "l1", 50), await hold(lead, "l2", 1)] == ["held", "billing.cap_reached"]
    assert [await hold(machine, "k1", 20), await hold(machine, "k2", 1)] == ["held", "billing.cap_reached"]
    loop = [await hold(ledger.ctx, f"j{number}", 5, job="journey:1") for number in range(5)]
    assert loop == ["held"] * 3 + ["billing.cap_reached"] * 2
    assert await hold(ledger.ctx, "other", 15, job="journey:2") == "held"


async def test_a_repeated_hold_counts_once(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "day", 100))
    assert [await hold(ledger.ctx, "a", 60) for _ in range(3)] == ["held"] * 3
    assert await hold(ledger.ctx, "a", 61) == "billing.key_conflict"
    assert await used(ledger) == ["0.00006"]


async def test_mon_08_of_fifty_at_once_no_more_pass_than_the_cap_lets(crowded_runtime: Runtime) -> None:
    ledger = await capped(crowded_runtime, cap("workspace", "day", 100), cap("job", "ever", 100))
    at_once = asyncio.Barrier(CROWD)

    async def one(number: int) -> str:
        await at_once.wait()
        return await hold(ledger.ctx, f"k{number}", 10, job="loop")

    outcomes = Counter(await asyncio.gather(*(one(number) for number in range(CROWD))))
    assert outcomes == {"held": 10, "billing.cap_reached": 40}
    assert await used(ledger) == ["0", "0.0001"]
    assert await verification.verify(ledger.ctx) == []


async def test_holds_and_resolutions_at_once_leave_exact_counters(crowded_runtime: Runtime) -> None:
    ledger = await capped(crowded_runtime, cap("workspace", "ever", 300))

    async def one(number: int) -> str:
        outcome = await hold(ledger.ctx, f"k{number}", 10)
        if outcome == "held":
            await (api.release(ledger.ctx, key=f"k{number}") if number % 2 else api.settle(ledger.ctx, key=f"k{number}", amount_micros=4))
        return outcome

    outcomes = Counter(await asyncio.gather(*(one(number) for number in range(CROWD))))
    assert set(outcomes) <= {"held", "billing.cap_reached"}
    assert await verification.verify(ledger.ctx) == []


async def test_what_was_settled_late_counts_as_well(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "ever", 100))
    await hold(ledger.ctx, "a", 80)
    ledger.clock.move(2 * HOUR)
    await expiry.expire_holds(ledger.ctx)
    await api.settle(ledger.ctx, key="a", amount_micros=50)
    assert await used(ledger) == ["0.00005"]
    assert await verification.verify(ledger.ctx) == []


async def test_credits_that_go_back_to_a_payer_stand_under_no_cap(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "day", 0))
    held = await api.hold(ledger.ctx, key="r", amount_micros=10, purpose="refund", expires_in=HOUR)
    assert held.state == "held"


async def test_caps_that_contradict_each_other_are_refused(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime)
    for wanted in ([cap("job", "day", 1), cap("job", "day", 2)], [cap("workspace", "day", 1, "x")]):
        with pytest.raises(SettingFaulty):
            await caps.put_caps(ledger.ctx, wanted=CapsWish(caps=wanted))
    assert (await caps.list_caps(ledger.ctx)).caps == []


async def test_taking_the_caps_away_lets_everything_through_again(runtime: Runtime) -> None:
    ledger = await capped(runtime, cap("workspace", "day", 0))
    assert await hold(ledger.ctx, "a", 1) == "billing.cap_reached"
    assert (await caps.put_caps(ledger.ctx, wanted=CapsWish(caps=[]))).caps == list[Cap]()
    assert await hold(ledger.ctx, "a", 1) == "held"
    assert len(await ledger.events("billing.caps.changed.v1")) == 2
