"""The one gate: what a plan allows is allowed, exactly, whoever asks at once; what it does not is refused with the way out."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.plans.offers import limited, offered, put_on, with_default

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.plans import FeatureContent
from nexusone.platform.runtime import Context, Runtime

MESSAGES = "campaigns.monthly_messages"
CROWD = 50


async def used(ctx: Context, feature: str = MESSAGES) -> int:
    """How much was used, found out by asking for more than any plan allows."""
    with pytest.raises(api.NotInPlan) as refused:
        await api.check_entitlement(ctx, feature=feature, quantity=10**11)
    return int(str(refused.value.data["used"]))


async def test_a_workspace_without_a_subscription_is_on_the_default_plan(runtime: Runtime) -> None:
    ctx = with_default(runtime, "free").system(new_id())
    await api.check_entitlement(ctx, feature=MESSAGES, quantity=3000)
    with pytest.raises(api.NotInPlan) as refused:
        await api.check_entitlement(ctx, feature=MESSAGES, quantity=3001)
    assert refused.value.status == 402
    wanted = {"feature": MESSAGES, "plan": "free", "used": 0, "limit": 3000, "wanted": 3001, "allowed_by": "starter"}
    assert refused.value.data == wanted


@pytest.mark.parametrize(
    ("feature", "quantity", "allowed_by"),
    [
        ("sso", 1, "growth"),
        ("agency", 1, "scale"),
        (MESSAGES, 250_001, "growth"),
        (MESSAGES, 2_500_001, "scale"),
    ],
)
async def test_a_refusal_names_the_first_plan_that_would_allow_it(runtime: Runtime, feature: str, quantity: int, allowed_by: str) -> None:
    ctx = with_default(runtime, "free").system(new_id())
    with pytest.raises(api.NotInPlan) as refused:
        await api.check_entitlement(ctx, feature=feature, quantity=quantity, used=0)
    assert refused.value.data["allowed_by"] == allowed_by


async def test_in_the_sandbox_everything_is_allowed(ctx: Context) -> None:
    for feature in (MESSAGES, "contacts.total", "members.seats", "sso", "agency", "ai.generations"):
        await api.check_entitlement(ctx, feature=feature, quantity=10**6)


async def test_asking_takes_nothing_and_taking_does_once_per_key(runtime: Runtime, ctx: Context) -> None:
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(10)}))
    await api.check_entitlement(ctx, feature=MESSAGES, quantity=10)
    first = await api.take_entitlement(ctx, feature=MESSAGES, quantity=6, key="k")
    assert (first.used, first.overage) == (6, 0)
    assert await api.take_entitlement(ctx, feature=MESSAGES, quantity=6, key="k") == first
    assert await used(ctx) == 6
    with pytest.raises(api.TakeConflict):
        await api.take_entitlement(ctx, feature=MESSAGES, quantity=5, key="k")
    with pytest.raises(api.NotInPlan):
        await api.take_entitlement(ctx, feature=MESSAGES, quantity=5, key="other")
    await api.take_entitlement(ctx, feature=MESSAGES, quantity=4, key="other")
    assert await used(ctx) == 10


async def test_a_key_that_took_the_last_gives_its_outcome_again(runtime: Runtime, ctx: Context) -> None:
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(1)}))
    first = await api.take_entitlement(ctx, feature=MESSAGES, quantity=1, key="k")
    assert await api.take_entitlement(ctx, feature=MESSAGES, quantity=1, key="k") == first


async def test_what_is_given_back_can_be_taken_again_and_giving_back_twice_changes_nothing(runtime: Runtime, ctx: Context) -> None:
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(10)}))
    await api.take_entitlement(ctx, feature=MESSAGES, quantity=10, key="k")
    await api.give_back_entitlement(ctx, key="k", kept=4)
    await api.give_back_entitlement(ctx, key="k", kept=4)
    await api.give_back_entitlement(ctx, key="k", kept=7)
    assert await used(ctx) == 4
    await api.give_back_entitlement(ctx, key="k")
    await api.give_back_entitlement(ctx, key="never")
    assert await used(ctx) == 0


async def test_mon_05_of_fifty_who_want_the_last_one_exactly_one_gets_it(runtime: Runtime, crowded_runtime: Runtime) -> None:
    ctx = crowded_runtime.system(new_id())
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(1)}))
    at_once = asyncio.Barrier(CROWD)

    async def one(number: int) -> str:
        await at_once.wait()
        try:
            await api.take_entitlement(ctx, feature=MESSAGES, quantity=1, key=f"k{number}")
        except Refusal as refusal:
            return refusal.code
        return "taken"

    outcomes = Counter(await asyncio.gather(*(one(number) for number in range(CROWD))))
    assert outcomes == {"taken": 1, "billing.not_in_plan": 49}


async def test_mon_05_fifty_repeats_of_one_key_take_once(runtime: Runtime, crowded_runtime: Runtime) -> None:
    ctx = crowded_runtime.system(new_id())
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(1)}))
    at_once = asyncio.Barrier(CROWD)

    async def one() -> int:
        await at_once.wait()
        return (await api.take_entitlement(ctx, feature=MESSAGES, quantity=1, key="k")).used

    assert await asyncio.gather(*(one() for _ in range(CROWD))) == [1] * CROWD
    assert await used(ctx) == 1


async def test_the_calendar_month_begins_anew_on_its_first_day(runtime: Runtime, make_context: ContextMaker) -> None:
    clock = MovedClock(datetime(2028, 1, 31, 23, 59, tzinfo=UTC))
    ctx = make_context(clock=clock)
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(5)}))
    await api.take_entitlement(ctx, feature=MESSAGES, quantity=5, key="january")
    clock.move(timedelta(minutes=1))
    assert await used(ctx) == 0
    await api.take_entitlement(ctx, feature=MESSAGES, quantity=5, key="february")
    await api.give_back_entitlement(ctx, key="january")
    assert await used(ctx) == 5


async def test_the_month_of_a_plan_begins_on_the_day_it_began(runtime: Runtime, make_context: ContextMaker) -> None:
    clock = MovedClock(datetime(2028, 1, 31, 12, tzinfo=UTC))
    ctx = make_context(clock=clock)
    version = await offered(runtime, {"ai.generations": FeatureContent(quantity=5)})
    await put_on(ctx, version)
    await api.take_entitlement(ctx, feature="ai.generations", quantity=5, key="first")
    clock.move(timedelta(days=28))
    assert await used(ctx, "ai.generations") == 5
    clock.move(timedelta(days=1))
    assert await used(ctx, "ai.generations") == 0


async def test_what_is_metered_goes_on_beyond_what_is_included_and_says_what_that_costs(runtime: Runtime, ctx: Context) -> None:
    await put_on(ctx, await offered(runtime, {"ai.generations": FeatureContent(quantity=10, overage="0.5")}))
    assert (await api.take_entitlement(ctx, feature="ai.generations", quantity=8, key="a")).overage_micros == 0
    taken = await api.take_entitlement(ctx, feature="ai.generations", quantity=8, key="b")
    assert (taken.used, taken.overage, taken.overage_micros) == (16, 6, 3_000_000)
    assert (await api.take_entitlement(ctx, feature="ai.generations", quantity=8, key="b")) == taken


async def test_a_subscriber_stays_on_its_version_when_another_is_published(runtime: Runtime, ctx: Context) -> None:
    first = await offered(runtime, {MESSAGES: limited(10)})
    await put_on(ctx, first)
    await offered(runtime, {MESSAGES: limited(3)}, code=first.plan)
    await api.check_entitlement(ctx, feature=MESSAGES, quantity=10)


async def test_what_a_plan_does_not_speak_of_it_does_not_give(runtime: Runtime, ctx: Context) -> None:
    await put_on(ctx, await offered(runtime, {MESSAGES: limited(10)}))
    for feature in ("sso", "ai.generations", "contacts.total"):
        with pytest.raises(api.NotInPlan):
            await api.check_entitlement(ctx, feature=feature)


async def test_an_unknown_feature_is_the_callers_fault(ctx: Context) -> None:
    with pytest.raises(KeyError):
        await api.check_entitlement(ctx, feature="campaigns.yearly_messages")
