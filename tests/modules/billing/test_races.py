"""Fifty connections at once: nobody overspends, nothing is booked twice, nothing deadlocks."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.credits import Hold
from nexusone.modules.billing.service import expiry, grants, verification
from nexusone.platform.runtime import Context, Runtime

CROWD = 50
HOUR = timedelta(hours=1)


async def crowd(call: Callable[[int], Awaitable[Hold]]) -> Counter[str]:
    """Fifty calls at once, counted by outcome: the state of the hold or the code of the refusal."""
    at_once = asyncio.Barrier(CROWD)

    async def one(number: int) -> str:
        await at_once.wait()
        try:
            return (await call(number)).state
        except Refusal as refusal:
            return refusal.code

    return Counter(await asyncio.gather(*(one(number) for number in range(CROWD))))


async def funded(runtime: Runtime, *amounts: int) -> Context:
    """A context in a workspace with one grant for each amount."""
    ctx = runtime.system(new_id())
    for number, amount in enumerate(amounts):
        await grants.grant_alone(ctx, key=f"g{number}", amount_micros=amount, source="sign_up")
    return ctx


async def is_sound(ctx: Context) -> bool:
    return await verification.verify(ctx) == []


async def test_mon_05_of_fifty_holds_for_the_last_credit_exactly_one_wins(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, 1_000_000)
    outcomes = await crowd(lambda n: api.hold(ctx, key=f"k{n}", amount_micros=1_000_000, purpose="text", expires_in=HOUR))
    assert outcomes == {"held": 1, "billing.insufficient_credits": 49}
    assert (await api.get_balance(ctx)).available_micros == 0
    assert await is_sound(ctx)


async def test_mon_05_holds_that_span_grants_spend_them_to_the_last_credit(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, *[7] * 10)
    outcomes = await crowd(lambda n: api.hold(ctx, key=f"k{n}", amount_micros=2, purpose="text", expires_in=HOUR))
    assert outcomes == {"held": 35, "billing.insufficient_credits": 15}
    assert (await api.get_balance(ctx)).held_micros == 70
    assert await is_sound(ctx)


async def test_mon_04_fifty_repeats_of_one_hold_hold_once(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, 30, 100)
    outcomes = await crowd(lambda _: api.hold(ctx, key="k", amount_micros=50, purpose="text", expires_in=HOUR))
    assert outcomes == {"held": 50}
    assert (await api.get_balance(ctx)).held_micros == 50
    assert await is_sound(ctx)


async def test_mon_04_of_different_holds_under_one_key_one_wins_and_the_others_are_refused(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, 10_000)
    outcomes = await crowd(lambda n: api.hold(ctx, key="k", amount_micros=n + 1, purpose="text", expires_in=HOUR))
    assert outcomes == {"held": 1, "billing.key_conflict": 49}
    assert await is_sound(ctx)


async def test_mon_04_fifty_repeats_of_one_settle_settle_once(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, 100)
    await api.hold(ctx, key="k", amount_micros=50, purpose="text", expires_in=HOUR)
    assert await crowd(lambda _: api.settle(ctx, key="k", amount_micros=20)) == {"settled": 50}
    assert (await api.get_balance(ctx)).spent_micros == 20
    assert await is_sound(ctx)


async def test_mon_06_settle_and_release_at_once_resolve_a_hold_in_one_way(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, 100)
    await api.hold(ctx, key="k", amount_micros=50, purpose="text", expires_in=HOUR)
    outcomes = await crowd(lambda n: api.release(ctx, key="k") if n % 2 else api.settle(ctx, key="k", amount_micros=20))
    assert sorted(outcomes.values()) == [25, 25]
    assert outcomes["billing.hold_resolved"] == 25
    assert await is_sound(ctx)


async def test_mon_06_parts_are_booked_once_each_and_never_beyond_the_hold(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, 30, 30)
    await api.hold(ctx, key="k", amount_micros=60, purpose="mail", expires_in=HOUR)
    outcomes = await crowd(lambda n: api.settle_part(ctx, key="k", part_key=f"p{n % 25}", amount_micros=3))
    assert outcomes == {"held": 40, "billing.settle_exceeds_hold": 10}
    assert (await api.get_balance(ctx)).spent_micros == 60
    assert await is_sound(ctx)


async def test_everything_at_once_neither_deadlocks_nor_loses_a_credit(crowded_runtime: Runtime) -> None:
    ctx = await funded(crowded_runtime, *[40] * 12)

    async def one(number: int) -> Hold:
        key = f"k{number}"
        await api.hold(ctx, key=key, amount_micros=1 + number % 60, purpose="text", expires_in=timedelta(microseconds=1 + number % 2))
        await expiry.expire_holds(ctx)
        await grants.grant_alone(ctx, key=f"more{number % 10}", amount_micros=5, source="sign_up", priority=number % 3)
        await api.settle_part(ctx, key=key, part_key="p", amount_micros=1)
        return await api.settle(ctx, key=key, amount_micros=number % 30 % (1 + number % 60))

    outcomes = await crowd(one)
    assert set(outcomes) <= {"settled", "billing.insufficient_credits", "billing.settle_exceeds_hold"}
    assert outcomes["settled"] > 0
    assert await is_sound(ctx)


async def test_one_sign_up_grant_comes_of_fifty_deliveries(crowded_runtime: Runtime) -> None:
    ctx = crowded_runtime.system(new_id())

    async def one(_: int) -> Hold:
        await grants.grant_signup_credits(ctx, key="sign_up:1")
        return await api.hold(ctx, key="k", amount_micros=1, purpose="text", expires_in=HOUR)

    assert await crowd(one) == {"held": 50}
    assert (await api.get_balance(ctx)).granted_micros == 1_000_000_000
    assert await is_sound(ctx)
