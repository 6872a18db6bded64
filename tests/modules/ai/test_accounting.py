"""What billing is told of generations: tokens, the vendor's part, unknown outcomes, and whose cap they count against."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from tests.modules.ai.scripted import (
    ASKED,
    ASKED_FOR_MAIL,
    CARD,
    LOST,
    MAIL,
    NOW,
    SETTINGS,
    ScriptedModel,
    Workshop,
    cost_micros,
    open_workshop,
    said,
    scripted,
)
from tests.modules.ai.test_crashes import Death, dying

from nexusone.modules.ai.contracts import Generation
from nexusone.modules.ai.domain.lifecycle import PURPOSE, Outcome, gave_up, hold_key
from nexusone.modules.ai.domain.tariff import Usage
from nexusone.modules.ai.ports import ModelCard
from nexusone.modules.ai.service import endings
from nexusone.modules.ai.service.writing import GRACE_SECONDS
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.caps import CapsWish, CapWish
from nexusone.modules.billing.contracts.usage import NewMarginFloor
from nexusone.modules.billing.service import caps, expiry, margins, usage
from nexusone.platform.events import list_events_after
from nexusone.platform.runtime import Runtime

Drain = Callable[[], Awaitable[None]]
SECOND = timedelta(seconds=1)
CALL_LOST = timedelta(seconds=SETTINGS.call_seconds_max + GRACE_SECONDS + 1)
KEPT = timedelta(seconds=SETTINGS.unknown_kept_seconds)


async def tokens(shop: Workshop) -> tuple[int, int, int]:
    """All tokens, those read, those written."""
    found = await usage.get_usage(shop.ctx, since=NOW - SECOND, until=shop.clock.now() + SECOND)
    values = {meter.meter: meter.value for meter in found.meters}
    return values["ai.text_tokens"], values["ai.text_input_tokens"], values["ai.text_output_tokens"]


async def cost_nano(shop: Workshop) -> int:
    """What the vendor charged."""
    found = await margins.get_margin(shop.ctx, since=NOW - SECOND, until=shop.clock.now() + SECOND)
    return sum(row.cost_nano for row in found.purposes if row.purpose == PURPOSE)


async def kept(shop: Workshop) -> list[str]:
    """The keys of holds that were kept."""
    found = await list_events_after(shop.ctx, after=UUID(int=0), limit=1000)
    return [str(event.payload["key"]) for event in found if event.name == "billing.hold.kept.v1"]


async def cap_each_job(shop: Workshop, limit: str, subject: str | None = None) -> None:
    await caps.put_caps(shop.ctx, wanted=CapsWish(caps=[CapWish(scope="job", subject=subject, period="ever", limit=limit)]))


async def test_the_tokens_of_all_attempts_count_and_so_does_the_vendors_part(runtime: Runtime) -> None:
    shop = await open_workshop(runtime, scripted(said("{}"), said(MAIL)))
    await shop.generate(ASKED_FOR_MAIL)
    assert await tokens(shop) == (300, 200, 100)
    assert await cost_nano(shop) == 2 * (100 * 1_000 + 50 * 4_000)


async def test_what_is_settled_again_counts_once(runtime: Runtime) -> None:
    shop = await open_workshop(runtime, scripted())
    made = await shop.generate()
    for _ in range(2):
        row = await endings.end(shop.ctx, generation_id=made.id, outcome=gave_up())
        await endings.settle(shop.ctx, replace(row, settlement="due"))
    assert await tokens(shop) == (150, 100, 50)
    await shop.assert_books(spent_micros=cost_micros(1))


async def test_a_death_at_any_step_after_the_answer_loses_no_usage(runtime: Runtime) -> None:
    for step in range(40):
        model = scripted()
        shop = await open_workshop(runtime, model)
        try:
            await dying(shop, step).generate()
        except Death:
            await shop.pass_time(CALL_LOST)
            await shop.pass_time(KEPT + SECOND)
            [made] = await shop.all() or [None]
            is_written = made is not None and made.status == "succeeded"
            assert await tokens(shop) == ((150, 100, 50) if is_written else (0, 0, 0))
            assert bool(await cost_nano(shop)) == is_written
        else:
            return
    pytest.fail("it never came to an end")


async def test_nobody_can_report_usage_in_the_place_of_ours(runtime: Runtime) -> None:
    shop = await open_workshop(runtime, scripted())
    made = await shop.generate()
    for prefix in ("", usage.OURS):
        with pytest.raises(ValueError, match="id"):
            billing.UsageEvent(id=f"{prefix} generation:{made.id}:ai.text_tokens", meter="ai.text_tokens", occurred_at=NOW)


async def lost_late(runtime: Runtime) -> tuple[Workshop, Generation, timedelta]:
    """A generation that is found lost so late that its hold ends before it is looked after; and how long until that end."""
    shop = await open_workshop(runtime, scripted())
    started = dying(shop, 7)
    with pytest.raises(Death):
        await started.generate()
    [made] = await shop.all()
    assert made.status == "running"
    await shop.pass_time(timedelta(hours=20))
    assert (await shop.get(made)).status == "unknown"
    left = SETTINGS.hold_lifetime - timedelta(hours=20)
    assert left < KEPT
    return shop, made, left


async def test_an_unknown_outcome_keeps_its_hold_from_the_sweeper_until_it_is_looked_after_once(runtime: Runtime) -> None:
    shop, made, left = await lost_late(runtime)
    for _ in range(2):
        await endings.keep(shop.ctx, generation_id=made.id)
    shop.clock.move(left + SECOND)
    await expiry.expire_holds(shop.runtime.system())
    held = (await billing.get_balance(shop.ctx)).held_micros
    assert held > 0
    for _ in range(2):
        await shop.pass_time(KEPT)
        await shop.assert_books(spent_micros=0)
    await expiry.expire_holds(shop.runtime.system())
    await endings.keep(shop.ctx, generation_id=made.id)
    await shop.assert_books(spent_micros=0)
    assert await kept(shop) == [hold_key(made.id)] * 2


async def test_an_answer_that_turns_up_settles_a_kept_hold_once(runtime: Runtime) -> None:
    shop, made, left = await lost_late(runtime)
    await endings.keep(shop.ctx, generation_id=made.id)
    shop.clock.move(left + SECOND)
    await expiry.expire_holds(shop.runtime.system())
    found = Outcome(status="succeeded", usage=Usage(100, 50), output="Die Lampe ist da.")
    for _ in range(2):
        await endings.end(shop.ctx, generation_id=made.id, outcome=found)
    await shop.pass_time(KEPT)
    await shop.assert_books(spent_micros=cost_micros(1))
    assert await tokens(shop) == (150, 100, 50)


async def test_the_news_of_an_unknown_outcome_keeps_its_hold(runtime: Runtime, drain: Drain) -> None:
    shop = await open_workshop(runtime, scripted(LOST))
    made = await shop.generate()
    await drain()
    assert await kept(shop) == [hold_key(made.id)]


async def test_mon_08_a_cap_for_each_job_refuses_a_generation_beyond_it(runtime: Runtime) -> None:
    shop = await open_workshop(runtime, scripted())
    await cap_each_job(shop, "0.01")
    with pytest.raises(billing.CapReached) as refused:
        await shop.generate()
    assert refused.value.data["scope"] == "job"
    assert await shop.all() == ()
    await cap_each_job(shop, "500")
    for _ in range(3):
        assert (await shop.generate()).status == "succeeded"


CHEAP = replace(CARD, name="writer-mini", input_price_micros=500_000, output_price_micros=2_000_000, is_default=False)
CHEAPEST = replace(CARD, name="writer-nano", input_price_micros=100_000, output_price_micros=400_000, is_default=False)
SHORT = replace(CHEAPEST, name="writer-short", output_tokens_max=16, input_price_micros=1, output_price_micros=1)
NARROW = replace(CHEAPEST, name="writer-narrow", context_tokens=50, input_price_micros=1, output_price_micros=1)


async def rerouting(runtime: Runtime, *cards: ModelCard) -> Workshop:
    """A workshop whose margin is below a floor that reroutes."""
    shop = await open_workshop(runtime, ScriptedModel(script=[said("Die Lampe ist da.")], cards=cards))
    await billing.record_cost(shop.ctx, key="dear", purpose=PURPOSE, cost_nano=10**9)
    await margins.put_floor(shop.ctx, wanted=NewMarginFloor(floor_bps=1000, reaction="reroute"))
    return shop


async def test_below_a_floor_that_reroutes_the_cheapest_able_model_writes_and_it_is_said(runtime: Runtime) -> None:
    shop = await rerouting(runtime, CARD, CHEAP, CHEAPEST, SHORT, NARROW)
    made = await shop.generate()
    assert (made.model, made.asked_model, made.provenance.model) == (CHEAPEST.name, CARD.name, CHEAPEST.name)
    assert await shop.get(made) == made
    assert (await shop.generate(ASKED.model_copy(update={"model": CHEAP.name}))).asked_model == CHEAP.name
    await shop.assert_books(spent_micros=2 * cost_micros(1) // 10)


async def test_below_a_floor_that_reroutes_it_stops_where_nothing_is_cheaper(runtime: Runtime) -> None:
    shop = await rerouting(runtime, CARD, CHEAPEST)
    with pytest.raises(billing.PurposeStopped):
        await shop.generate(ASKED.model_copy(update={"model": CHEAPEST.name}))
    assert await shop.all() == ()
    await shop.assert_books(spent_micros=0)


async def test_above_its_floor_the_asked_model_writes(runtime: Runtime) -> None:
    shop = await open_workshop(runtime, ScriptedModel(script=[said("Licht")], cards=(CARD, CHEAPEST)))
    await margins.put_floor(shop.ctx, wanted=NewMarginFloor(floor_bps=1000, reaction="reroute"))
    made = await shop.generate()
    assert (made.model, made.asked_model) == (CARD.name, None)
