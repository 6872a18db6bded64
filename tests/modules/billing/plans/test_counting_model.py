"""Taking and giving back against a model, in any order."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tests.modules.billing.plans.offers import limited, offered, put_on

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.plans import PlanVersion
from nexusone.modules.billing.service import entitlements
from nexusone.platform.runtime import Runtime

MESSAGES = "campaigns.monthly_messages"
LIMIT = 20
KEYS = some.sampled_from("abcdef")
STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("take"), KEYS, some.integers(1, 12)), some.tuples(some.just("give_back"), KEYS, some.integers(0, 12))
    ),
    min_size=5,
    max_size=25,
)


class Model:
    """What each key took and keeps."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.kept: dict[str, int] = {}

    def take(self, key: str, quantity: int) -> str:
        if key in self.taken:
            return "taken" if self.taken[key] == quantity else "billing.take_conflict"
        if sum(self.kept.values()) + quantity > LIMIT:
            return "billing.not_in_plan"
        self.taken[key] = self.kept[key] = quantity
        return "taken"

    def give_back(self, key: str, kept: int) -> str:
        if key in self.kept:
            self.kept[key] = min(self.kept[key], kept)
        return "given"


@pytest.fixture
async def version(runtime: Runtime) -> PlanVersion:
    return await offered(runtime, {MESSAGES: limited(LIMIT)})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_the_counter_is_what_a_model_says_it_is(runtime: Runtime, version: PlanVersion, steps: list[tuple[str, str, int]]) -> None:
    ctx, model = runtime.system(new_id()), Model()
    await put_on(ctx, version)
    for verb, key, number in steps:
        try:
            if verb == "take":
                await api.take_entitlement(ctx, feature=MESSAGES, quantity=number, key=key)
                outcome = "taken"
            else:
                await api.give_back_entitlement(ctx, key=key, kept=number)
                outcome = "given"
        except (api.NotInPlan, api.TakeConflict) as refusal:
            outcome = refusal.code
        assert outcome == (model.take(key, number) if verb == "take" else model.give_back(key, number))
    allowance = await api.get_allowance(ctx, feature=MESSAGES)
    assert await entitlements.used_of(ctx, allowance) == sum(model.kept.values()) <= LIMIT
