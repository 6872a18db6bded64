"""Processes that die while they move a run on: every step is done once, nothing is paid twice, nothing stays held."""

from datetime import timedelta

import pytest
from tests.modules.ai.pipelines.studio import Studio, open_pipelines
from tests.modules.ai.pipelines.test_running import COPY, GIVEN, INPUTS, PAGE
from tests.modules.ai.test_crashes import Death, FaultyDatabase, Moment

from nexusone.apps.compose import Composition
from nexusone.modules.ai.contracts.pipeline_runs import PipelineRunDetail
from nexusone.modules.ai.contracts.pipelines import BudgetMode
from nexusone.modules.ai.events import GenerationSucceeded
from nexusone.modules.ai.service import pipeline_advancing, pipeline_runs
from nexusone.modules.ai.subscribers import advance_run_of_generation
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Database
from nexusone.platform.events import list_events_after

STEPS_MAX = 80
DEFINITION = {
    "inputs": INPUTS,
    "steps": [
        COPY,
        {"id": "hero", "kind": "image", "prompt": "A lamp", "width": 64, "height": 64},
        {"id": "check", "kind": "moderate", "text": "{{ steps.copy.outputs[0] }}"},
        {"id": "end", "kind": "publish", "target": "none", "content": {"copy": "{{ steps.copy.by }}"}, "needs": ["check", "hero"]},
    ],
}


def dying(studio: Studio, step: int) -> Studio:
    """The same in a process that dies before its `step`th change of the database is seen, and stays dead."""

    def fault(moment: Moment) -> BaseException | None:
        return Death() if moment.number * 2 + moment.is_committed - 2 >= step else None

    inner: Database = studio.composition.runtime.database
    return studio.on(FaultyDatabase(inner, fault))


async def healed(studio: Studio, run: PipelineRunDetail) -> PipelineRunDetail:
    """After the deadlines of what was left open."""
    for _ in range(6):
        await studio.pass_time(timedelta(seconds=100))
    return await studio.get(run)


@pytest.mark.parametrize("budget", ["whole", "per_step"])
async def test_a_death_at_any_step_of_moving_on_repeats_nothing(composition: Composition, budget: BudgetMode) -> None:
    for number in range(STEPS_MAX):
        studio = await open_pipelines(composition)
        run = await studio.start(await studio.pipeline(DEFINITION), GIVEN, budget=budget)
        try:
            await pipeline_advancing.advance(dying(studio, number).ctx, run_id=run.id)
        except Death:
            done = await healed(studio, run)
            assert (done.status, done.error) == ("succeeded", None), (
                number,
                [(s.step, s.item, s.state, s.attempts, s.error) for s in done.steps],
            )
            assert len(studio.texts) == 2, number
            assert studio.pictures == 1, number
            await studio.assert_books(done)
        else:
            assert number > 20
            return
    pytest.fail("it never came to an end")


async def test_a_death_at_any_step_of_starting_holds_nothing_for_ever(composition: Composition) -> None:
    for number in range(STEPS_MAX):
        studio = await open_pipelines(composition)
        pipeline_id = await studio.pipeline(DEFINITION)
        try:
            await dying(studio, number).start(pipeline_id, GIVEN)
        except Death:
            for _ in range(4):
                await studio.pass_time(timedelta(seconds=100))
            found = (await pipeline_runs.list_runs(studio.ctx, request=PAGE)).items
            assert len(found) <= 1
            assert all(item.status in ("failed", "succeeded") for item in found)
            assert (await billing.get_balance(studio.ctx)).held_micros == 0
        else:
            assert number > 8
            return
    pytest.fail("it never came to an end")


async def test_events_delivered_twice_and_jobs_at_once_begin_each_step_once(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    run = await studio.run(DEFINITION, GIVEN)
    for event in await list_events_after(studio.ctx, after=run.id, limit=1000):
        if event.name == "ai.generation.succeeded.v1":
            told = GenerationSucceeded.model_validate(event.payload, strict=False)
            await advance_run_of_generation(studio.ctx, told)
            await advance_run_of_generation(studio.ctx, told)
    await studio.work()
    assert len(studio.texts) == 2
    assert (await studio.events()).count("succeeded") == 1
    await studio.assert_books(await studio.get(run))
