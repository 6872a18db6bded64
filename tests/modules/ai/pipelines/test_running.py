"""Pipelines from the first step to the last: what is made, what is waited for, what it costs."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import JsonValue
from tests.modules.ai.pipelines.studio import Studio, open_pipelines, portrait, states, step
from tests.modules.ai.scripted import REFUSED

from nexusone.apps.compose import Composition
from nexusone.kernel.money import credits_from_text
from nexusone.kernel.page import PageRequest
from nexusone.modules.ai.contracts.pipeline_runs import Decision, NewPipelineRun, PipelineRunDetail, ReviewDecision, RunRetry
from nexusone.modules.ai.contracts.pipelines import NewPipelineEstimate
from nexusone.modules.ai.service import pipeline_budget, pipeline_runs, reviews
from nexusone.modules.ai.service.library import upload
from nexusone.modules.ai.service.refusals_pipelines import (
    ApprovedLocked,
    PipelineInputsInvalid,
    PipelineRunEnded,
    PipelineRunNotRetryable,
    ReviewChanged,
    ReviewClosed,
    ReviewNotFound,
)
from nexusone.modules.billing import api as billing
from nexusone.modules.marketing.service import templates

COPY = {"id": "copy", "kind": "generate", "for_each": "inputs.locales", "locale": "{{ each }}", "prompt": "Announce {{ inputs.brief }}."}
INPUTS = {"brief": {"kind": "text"}, "locales": {"kind": "locales", "default": ["en", "de"]}}
SIGN_OFF = {"id": "sign_off", "kind": "approval", "title": "Copy", "show": {"copy": "{{ steps.copy.by }}"}}
TAIL = {"id": "tail", "kind": "generate", "prompt": "Sum up {{ steps.copy.outputs[0] }}", "needs": ["sign_off"]}
PAGE = PageRequest(limit=50)
GIVEN: dict[str, JsonValue] = {"brief": "the lamp"}


async def picture_of(studio: Studio) -> str:
    async def chunks() -> Any:
        yield portrait()

    return str((await upload(studio.ctx, file=chunks(), file_name="ada.png", name=None, alt_text=None)).id)


async def decide(studio: Studio, run: PipelineRunDetail, decision: Decision, *, comment: str | None = None) -> None:
    (found,) = [review for review in await reviews.list_reviews(studio.ctx, run_id=run.id) if review.state == "open"]
    token = found.link.rpartition("/")[2]
    anonymous = studio.composition.runtime.system()
    shown = await reviews.open_review(anonymous, token=token)
    wanted = ReviewDecision(decision=decision, name="Grace", content_sha256=shown.content_sha256, comment=comment)
    await reviews.decide_by_link(anonymous, token=token, wanted=wanted)
    await studio.work()


async def test_the_product_launch_kit_runs_from_the_brief_to_the_drafts(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    inputs: dict[str, JsonValue] = {
        "product": "Sol",
        "brief": "A solar lamp.",
        "presenter": await picture_of(studio),
        "url": "https://sol.example",
    }
    pipeline_id = await studio.pipeline(example="product-launch-kit")
    known = await pipeline_budget.estimate(studio.ctx, pipeline_id=pipeline_id, wanted=NewPipelineEstimate(inputs=inputs))
    run = await studio.start(pipeline_id, inputs)
    assert run.budget_credits == known.credits_max
    assert (await billing.get_balance(studio.ctx)).held_micros == credits_from_text(known.credits_max)
    await studio.work()
    run = await studio.get(run)
    assert states(run) == {
        **dict.fromkeys(("copy", "scene", "hero", "check", "voice_over", "presenter"), "succeeded"),
        "sign_off": "awaiting_approval",
        **dict.fromkeys(("library", "email", "social"), "waiting"),
    }
    await decide(studio, run, "approve")
    run = await studio.get(run)
    assert (run.status, run.progress, run.error) == ("succeeded", 100, None)
    assert [found.key for found in run.steps if found.step == "copy" and found.item is not None] == ["en", "de", "fr", "es", "it"]
    output = step(run, "email").output
    assert isinstance(output, dict)
    draft = output["output"]
    assert isinstance(draft, dict)
    page = await templates.list_templates(studio.ctx, request=PAGE)
    assert [str(item.id) for item in page.items] == [draft["id"]]
    written = await templates.get_template(studio.ctx, template_id=page.items[0].id)
    assert sorted(written.variants) == ["de", "en", "es", "fr", "it"]
    assert "secret }}" not in written.variants["de"].mjml + written.variants["de"].subject
    assert len(studio.texts) == 6
    await studio.assert_books(run)
    names = await studio.events()
    assert (names[0], names[-1], names.count("awaiting_approval")) == ("started", "succeeded", 1)


async def test_a_catalog_is_translated_without_approval_where_none_is_wanted(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    products = [{"sku": "L-1", "name": "Lamp", "description": "Solar"}, {"sku": "L-2", "name": "Torch", "description": "Hand"}]
    run = await studio.start(
        await studio.pipeline(example="catalog-translation"),
        {"products": products, "locale": "de", "needs_approval": False},
        budget="per_step",
    )
    await studio.work()
    run = await studio.get(run)
    assert (run.status, states(run)["sign_off"]) == ("succeeded", "skipped")
    output = step(run, "catalog").output
    assert isinstance(output, dict)
    assert "L-2" in json.dumps(output)
    await studio.assert_books(run)


async def test_a_failed_item_is_done_again_alone(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    studio.writer.failures = [REFUSED]
    run = await studio.run({"inputs": INPUTS, "steps": [COPY, {**TAIL, "needs": []}]}, GIVEN)
    assert (run.status, states(run)) == ("failed", {"copy": "failed", "tail": "waiting"})
    assert run.error is not None
    assert run.error.code == "ai.pipeline_items_failed"
    again = await pipeline_runs.retry_run(studio.ctx, run_id=run.id, wanted=RunRetry())
    assert again.status == "running"
    await studio.work()
    run = await studio.get(run)
    assert run.status == "succeeded"
    assert len(studio.texts) == 4
    await studio.assert_books(run)
    with pytest.raises(PipelineRunNotRetryable):
        await pipeline_runs.retry_run(studio.ctx, run_id=run.id, wanted=RunRetry())


async def test_a_try_that_may_pass_is_repeated_and_what_may_fail_does_not_stop_the_rest(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    first = {"id": "first", "kind": "generate", "prompt": "One", "attempts": 2, "retry_wait_seconds": 0}
    loose = {"id": "loose", "kind": "http", "url": "http://127.0.0.1:1/", "on_failure": "continue"}
    last = {"id": "last", "kind": "publish", "target": "none", "content": {"had": "{{ steps.loose.state }}"}, "needs": ["first"]}
    studio.writer.failures = [REFUSED.__class__(code="vendor.failed", detail="no", is_retryable=False)]
    run = await studio.run({"steps": [first, loose, last]})
    assert (run.status, states(run)) == ("succeeded", {"first": "succeeded", "loose": "failed", "last": "succeeded"})
    assert step(run, "first").attempts == 2
    error = step(run, "loose").error
    assert error is not None
    assert error.code == "ai.pipeline_address_refused"
    output = step(run, "last").output
    assert isinstance(output, dict)
    assert output["output"] == {"had": "failed"}
    await studio.assert_books(run)


async def test_changes_that_are_asked_for_are_known_to_what_is_done_again(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    copy = {**COPY, "prompt": "Announce {{ inputs.brief }}. {{ feedback }}"}
    run = await studio.run({"inputs": INPUTS, "steps": [copy, SIGN_OFF, TAIL]}, GIVEN)
    await decide(studio, run, "request_changes", comment="More light.")
    run = await studio.get(run)
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", "ai.review_changes_requested")
    studio.clock.move(timedelta(seconds=1))
    await pipeline_runs.retry_run(studio.ctx, run_id=run.id, wanted=RunRetry(from_step="copy"))
    await studio.work()
    assert studio.texts[-1].endswith("More light.")
    await decide(studio, run, "approve")
    run = await studio.get(run)
    assert run.status == "succeeded"
    assert [found.state for found in await reviews.list_reviews(studio.ctx, run_id=run.id)] == ["changes_requested", "approved"]
    await studio.assert_books(run)


async def test_what_was_approved_is_locked(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    run = await studio.run({"inputs": INPUTS, "steps": [COPY, SIGN_OFF, TAIL]}, GIVEN)
    studio.writer.failures = [REFUSED]
    await decide(studio, run, "approve")
    run = await studio.get(run)
    assert (run.status, states(run)["sign_off"]) == ("failed", "succeeded")
    with pytest.raises(ApprovedLocked):
        await pipeline_runs.retry_run(studio.ctx, run_id=run.id, wanted=RunRetry(from_step="copy"))
    before = len(studio.texts)
    await pipeline_runs.retry_run(studio.ctx, run_id=run.id, wanted=RunRetry())
    await studio.work()
    assert (await studio.get(run)).status == "succeeded"
    assert len(studio.texts) == before + 1


async def test_a_review_is_decided_once_about_what_is_shown_and_in_time(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    run = await studio.run({"inputs": INPUTS, "steps": [COPY, SIGN_OFF]}, GIVEN)
    (found,) = await reviews.list_reviews(studio.ctx, run_id=run.id)
    wanted = ReviewDecision(decision="approve", name="Ada", content_sha256="0" * 64)
    with pytest.raises(ReviewChanged):
        await reviews.decide_as_member(studio.ctx, review_id=found.id, wanted=wanted)
    await studio.pass_time(timedelta(hours=73))
    with pytest.raises(ReviewNotFound):
        await reviews.open_review(studio.composition.runtime.system(), token=found.link.rpartition("/")[2])
    right = wanted.model_copy(update={"content_sha256": found.content_sha256})
    with pytest.raises(ReviewClosed):
        await reviews.decide_as_member(studio.ctx, review_id=found.id, wanted=right)
    run = await studio.get(run)
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", "ai.review_expired")
    await studio.assert_books(run)


async def test_a_canceled_run_gives_back_what_it_did_not_use_and_can_go_on(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    run = await studio.run({"inputs": INPUTS, "steps": [COPY, SIGN_OFF, TAIL]}, GIVEN)
    assert (await billing.get_balance(studio.ctx)).held_micros > 0
    await pipeline_runs.cancel_run(studio.ctx, run_id=run.id)
    canceled = await studio.get(run)
    assert (canceled.status, states(canceled)["sign_off"]) == ("canceled", "canceled")
    await studio.assert_books(canceled)
    with pytest.raises(PipelineRunEnded):
        await pipeline_runs.cancel_run(studio.ctx, run_id=run.id)
    await pipeline_runs.retry_run(studio.ctx, run_id=run.id, wanted=RunRetry())
    await studio.work()
    await decide(studio, run, "approve")
    assert (await studio.get(run)).status == "succeeded"
    await studio.assert_books(await studio.get(run))


async def test_credits_that_are_missing_stop_a_run_before_it_begins_and_inputs_are_judged(composition: Composition) -> None:
    studio = await open_pipelines(composition, granted_micros=1_000)
    pipeline_id = await studio.pipeline({"inputs": INPUTS, "steps": [COPY]})
    with pytest.raises(billing.InsufficientCredits):
        await studio.start(pipeline_id, GIVEN)
    assert (await pipeline_runs.list_runs(studio.ctx, request=PAGE)).items == ()
    with pytest.raises(PipelineInputsInvalid):
        await studio.start(pipeline_id, {"locales": ["klingon!"], "other": 1})
    started = await pipeline_runs.start_run(studio.ctx, pipeline_id=pipeline_id, wanted=NewPipelineRun(inputs=GIVEN, budget="per_step"))
    await studio.work()
    run = await studio.get(started)
    assert run.status == "failed"
    assert studio.texts == []


async def test_flagged_content_and_a_deadline_end_a_run(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    check = {"id": "check", "kind": "moderate", "text": "a weapon"}
    run = await studio.run({"steps": [check]})
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", "ai.pipeline_flagged")
    waiting = await studio.run({"deadline_hours": 1, "steps": [{**SIGN_OFF, "show": {"a": "b"}}]})
    await studio.pass_time(timedelta(hours=2))
    late = await studio.get(waiting)
    assert late.error is not None
    assert (late.status, late.error.code) == ("failed", "ai.pipeline_timed_out")


async def test_the_best_is_chosen_and_conditions_hold(composition: Composition) -> None:
    studio = await open_pipelines(composition)
    best = {"id": "best", "kind": "choose_best", "among": "{{ steps.copy.outputs }}", "criteria": "short"}
    never = {"id": "never", "kind": "generate", "prompt": "x", "when": "steps.best.output.index == 0"}
    run = await studio.run({"inputs": INPUTS, "steps": [COPY, best, never]}, GIVEN)
    assert (run.status, states(run)["never"]) == ("succeeded", "skipped")
    output = step(run, "best").output
    assert isinstance(output, dict)
    chosen = output["output"]
    assert isinstance(chosen, dict)
    assert (chosen["index"], chosen["best"]) == (1, "A lamp on a balcony.")
