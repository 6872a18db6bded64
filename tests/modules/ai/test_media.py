"""Files that models make: asked for once, looked at until they are there, kept before they count, and paid for by what was made."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.modules.ai.scripted import SETTINGS, Workshop
from tests.modules.ai.scripted_media import (
    ASKED,
    LOST,
    PAINTER,
    PICTURE_MICROS,
    REFUSED,
    SLOW,
    ScriptedPainter,
    begun,
    failed,
    finished,
    open_studio,
)

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.contracts.generations import Generation, NewImage
from nexusone.modules.ai.service import generations, making
from nexusone.modules.ai.service.assets import read_asset
from nexusone.modules.ai.service.refusals import GenerationNotFound, ModelCannot, NotCancelable, NotRetryable, WebhookNotVerified
from nexusone.modules.ai.service.webhooks import receive
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Runtime


async def made_of(shop: Workshop, wanted: NewImage = ASKED) -> Generation:
    """A generation whose job has run once."""
    queued = await generations.submit(shop.ctx, wanted=wanted)
    assert queued.status == "queued"
    await making.make_queued(shop.ctx, generation_id=queued.id)
    return await shop.get(queued)


async def look(shop: Workshop, made: Generation) -> Generation:
    await making.look(shop.ctx, generation_id=made.id)
    return await shop.get(made)


async def test_a_picture_that_comes_at_once_is_kept_and_paid_for(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter())
    made = await made_of(shop, ASKED.model_copy(update={"count": 2}))
    assert (made.status, len(made.assets), made.usage.images, made.progress) == ("succeeded", 2, 2, 100)
    row, content = await read_asset(shop.ctx, asset_id=made.assets[0].id)
    assert (row.media_type, content[:4]) == ("image/png", b"\x89PNG")
    await shop.assert_books(spent_micros=2 * PICTURE_MICROS)
    assert "ai.generation.succeeded.v1" in await shop.events()


async def test_what_takes_longer_is_looked_at_until_it_is_made(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], looks=[begun(40), begun(40), finished()])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    assert made.status == "running"
    await shop.assert_books(spent_micros=0, held_micros=PICTURE_MICROS)
    made = await look(shop, made)
    assert (made.status, made.progress) == ("running", 40)
    await look(shop, made)
    assert (await look(shop, made)).status == "succeeded"
    assert (await look(shop, made)).status == "succeeded"
    await shop.assert_books(spent_micros=PICTURE_MICROS)
    names = await shop.events()
    assert names.count("ai.generation.succeeded.v1") == 1
    assert names.count("ai.generation.progressed.v1") == 2
    assert painter.correlations == [str(made.id)]


async def test_two_looks_at_once_end_it_once(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[begun()]))
    made = await made_of(shop)
    await look(shop, made)
    await look(shop, made)
    await shop.assert_books(spent_micros=PICTURE_MICROS)
    assert len((await shop.get(made)).assets) == 1


async def test_regression_5_pictures_are_reserved_before_anything_is_asked(runtime: Runtime) -> None:
    painter = ScriptedPainter()
    shop = await open_studio(runtime, painter)
    queued = await generations.submit(shop.ctx, wanted=ASKED.model_copy(update={"count": 3}))
    await shop.assert_books(spent_micros=0, held_micros=3 * PICTURE_MICROS)
    assert painter.requests == []
    await making.make_queued(shop.ctx, generation_id=queued.id)
    await making.make_queued(shop.ctx, generation_id=queued.id)
    assert len(painter.requests) == 1


async def test_a_failure_that_may_pass_is_tried_again_and_one_that_stays_costs_nothing(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[SLOW, finished()])
    shop = await open_studio(runtime, painter)
    assert (await made_of(shop)).status == "succeeded"
    assert len(painter.requests) == 2
    shop = await open_studio(runtime, ScriptedPainter(begins=[REFUSED]))
    made = await made_of(shop)
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "vendor.refused_content")
    await shop.assert_books(spent_micros=0)


async def test_work_that_fails_later_gives_its_credits_back(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[begun()], looks=[failed()]))
    made = await look(shop, await made_of(shop))
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "vendor.failed")
    await shop.assert_books(spent_micros=0)


async def test_res_02_a_lost_answer_is_found_again_and_never_asked_for_twice(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[LOST], finds=[LOST, begun(), finished()], looks=[finished()])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    assert made.status == "unknown"
    await shop.assert_books(spent_micros=0, held_micros=PICTURE_MICROS)
    assert (await look(shop, made)).status == "unknown"
    assert (await look(shop, made)).status == "running"
    assert (await look(shop, made)).status == "succeeded"
    assert len(painter.requests) == 1
    await shop.assert_books(spent_micros=PICTURE_MICROS)


async def test_res_02_a_lost_answer_is_looked_for_by_itself_within_fifteen_minutes(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[LOST], finds=[LOST, LOST, finished()])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    for _ in range(15):
        await shop.pass_time(timedelta(minutes=1))
    assert (await shop.get(made)).status == "succeeded"
    assert len(painter.requests) == 1
    await shop.assert_books(spent_micros=PICTURE_MICROS)


async def test_res_02_what_the_vendor_surely_never_took_is_given_back(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[LOST], finds=[None]))
    made = await look(shop, await made_of(shop))
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "ai.never_done")
    await shop.assert_books(spent_micros=0)


async def test_what_nobody_can_tell_is_given_back_in_the_end(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[LOST], finds=[LOST]))
    made = await made_of(shop)
    for _ in range(4):
        await shop.pass_time(timedelta(seconds=SETTINGS.unknown_kept_seconds / 2))
    assert (await shop.get(made)).status == "unknown"
    await shop.assert_books(spent_micros=0)


async def test_the_clock_looks_where_the_job_was_lost(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[begun()]))
    made = await made_of(shop)
    await shop.pass_time(timedelta(minutes=2))
    assert (await shop.get(made)).status == "succeeded"
    await shop.assert_books(spent_micros=PICTURE_MICROS)


async def test_what_takes_too_long_is_canceled_at_the_vendor_and_kept_open(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], looks=[begun()], finds=[begun()])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    shop.clock.move(timedelta(seconds=SETTINGS.making_seconds_max + 1))
    made = await look(shop, made)
    assert (made.status, painter.canceled) == ("unknown", ["ref"])
    await shop.assert_books(spent_micros=0, held_micros=PICTURE_MICROS)


async def test_a_webhook_lets_it_be_looked_at_sooner_and_nothing_in_it_is_believed(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], looks=[begun()])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    address = painter.webhooks[0]
    assert address is not None
    token = address.rsplit("/", 1)[-1]
    await receive(shop.ctx, token=token, headers={}, body=b'{"status": "succeeded", "output": "http://evil.example/x"}')
    await receive(shop.ctx, token=token, headers={}, body=b"garbage")
    assert (await look(shop, made)).status == "running"


@pytest.mark.parametrize("token", ["nonsense-nonsense", "k_1.YWJj.YWJj"])
async def test_a_webhook_with_a_token_that_is_none_of_ours_is_not_found(runtime: Runtime, token: str) -> None:
    shop = await open_studio(runtime, ScriptedPainter())
    with pytest.raises(GenerationNotFound):
        await receive(shop.ctx, token=token, headers={}, body=b"{}")


async def test_a_webhook_that_the_vendor_did_not_sign_is_refused(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], is_signing=True)
    shop = await open_studio(runtime, painter)
    await made_of(shop)
    token = (painter.webhooks[0] or "").rsplit("/", 1)[-1]
    with pytest.raises(WebhookNotVerified):
        await receive(shop.ctx, token=token, headers={"x-signature": "bad"}, body=b"{}")
    await receive(shop.ctx, token=token, headers={"x-signature": "good"}, body=b"{}")


async def test_a_file_that_is_not_what_it_claims_fails_and_the_customer_pays_nothing(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[finished(content=b"<html>no picture</html>")]))
    made = await made_of(shop)
    assert made.error is not None
    assert (made.status, made.error.code, made.assets) == ("failed", "ai.result_unusable", ())
    await shop.assert_books(spent_micros=0)


async def test_a_file_that_cannot_be_fetched_now_is_fetched_later(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], downloads=[LOST, SLOW])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    assert (await look(shop, made)).status == "running"
    assert (await look(shop, made)).status == "running"
    assert (await look(shop, made)).status == "succeeded"
    await shop.assert_books(spent_micros=PICTURE_MICROS)


async def test_a_file_that_can_never_be_fetched_is_given_up_in_time(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], downloads=[LOST, SLOW])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    assert (await look(shop, made)).status == "running"
    shop.clock.move(timedelta(seconds=SETTINGS.making_seconds_max + 1))
    made = await look(shop, made)
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "ai.result_lost")
    await shop.assert_books(spent_micros=0)


async def test_a_file_the_vendor_has_no_more_fails_and_the_customer_pays_nothing(runtime: Runtime) -> None:
    gone = DefiniteFailure(code="vendor.not_found", detail="deleted", is_retryable=False)
    shop = await open_studio(runtime, ScriptedPainter(downloads=[gone]))
    made = await made_of(shop)
    assert made.error is not None
    assert (made.status, made.error.code) == ("failed", "ai.result_lost")
    await shop.assert_books(spent_micros=0)


async def test_what_has_not_begun_is_canceled_at_once(runtime: Runtime) -> None:
    painter = ScriptedPainter()
    shop = await open_studio(runtime, painter)
    queued = await generations.submit(shop.ctx, wanted=ASKED)
    assert (await generations.cancel(shop.ctx, generation_id=queued.id)).status == "canceled"
    await making.make_queued(shop.ctx, generation_id=queued.id)
    assert painter.requests == []
    await shop.assert_books(spent_micros=0)
    with pytest.raises(NotCancelable):
        await generations.cancel(shop.ctx, generation_id=queued.id)


async def test_what_a_vendor_works_on_is_stopped_there_and_ends_as_it_says(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()], looks=[failed(is_canceled=True)])
    shop = await open_studio(runtime, painter)
    made = await made_of(shop)
    await generations.cancel(shop.ctx, generation_id=made.id)
    made = await look(shop, made)
    assert (made.status, painter.canceled) == ("canceled", ["ref"])
    await shop.assert_books(spent_micros=0)
    assert "ai.generation.canceled.v1" in await shop.events()


async def test_what_failed_is_asked_for_again_as_a_generation_of_its_own(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(begins=[REFUSED, finished()]))
    made = await made_of(shop)
    again = await generations.retry(shop.ctx, generation_id=made.id)
    assert (again.retry_of, again.prompt, again.status) == (made.id, made.prompt, "queued")
    await making.make_queued(shop.ctx, generation_id=again.id)
    assert (await shop.get(again)).status == "succeeded"
    with pytest.raises(NotRetryable):
        await generations.retry(shop.ctx, generation_id=again.id)


async def test_the_next_model_of_the_chain_is_asked_at_its_own_price(runtime: Runtime) -> None:
    dear = replace(PAINTER, name="painter-2", vendor="other", is_default=False, prices=(replace(PAINTER.prices[0], micros=20_000),))
    broken = ScriptedPainter(begins=[DefiniteFailure(code="vendor.quota_exhausted", detail="no money", is_retryable=False)])
    other = ScriptedPainter(cards=(dear,))
    shop = await open_studio(runtime, broken, other)
    queued = await generations.submit(shop.ctx, wanted=ASKED.model_copy(update={"fallbacks": ("painter-2",)}))
    await shop.assert_books(spent_micros=0, held_micros=2 * PICTURE_MICROS)
    await making.make_queued(shop.ctx, generation_id=queued.id)
    made = await shop.get(queued)
    assert (made.status, made.model, made.provenance.provider) == ("succeeded", "painter-2", "other")
    await shop.assert_books(spent_micros=2 * PICTURE_MICROS)


async def test_refused_content_does_not_go_to_the_next_model(runtime: Runtime) -> None:
    other = ScriptedPainter(cards=(replace(PAINTER, name="painter-2", vendor="other", is_default=False),))
    shop = await open_studio(runtime, ScriptedPainter(begins=[REFUSED]), other)
    made = await made_of(shop, ASKED.model_copy(update={"fallbacks": ("painter-2",)}))
    assert (made.status, other.requests) == ("failed", [])


async def test_a_model_that_keeps_failing_is_left_alone_for_a_while(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[DefiniteFailure(code="vendor.unavailable", detail="down", is_retryable=True)])
    shop = await open_studio(runtime, painter, settings=SETTINGS.model_copy(update={"retries_max": 0}))
    for _ in range(SETTINGS.breaker_failures):
        await made_of(shop)
    asked = len(painter.requests)
    made = await made_of(shop)
    assert made.error is not None
    assert (made.error.code, len(painter.requests)) == ("vendor.paused", asked)
    painter.begins = [finished()]
    shop.clock.move(timedelta(seconds=SETTINGS.breaker_seconds + 1))
    assert (await made_of(shop)).status == "succeeded"
    assert (await made_of(shop)).status == "succeeded"


async def test_no_workspace_has_more_made_at_once_than_it_may(runtime: Runtime) -> None:
    painter = ScriptedPainter(begins=[begun()])
    shop = await open_studio(runtime, painter, settings=SETTINGS.model_copy(update={"running_max": 2}))
    made = [await made_of(shop) for _ in range(3)]
    assert [item.status for item in made] == ["running", "running", "queued"]
    await look(shop, made[0])
    await making.make_queued(shop.ctx, generation_id=made[2].id)
    assert (await shop.get(made[2])).status == "running"


@pytest.mark.parametrize(
    ("card", "wanted", "pointer"),
    [
        (replace(PAINTER, sizes=("1024x1024",)), ASKED, "/width"),
        (replace(PAINTER, images_max=1), ASKED.model_copy(update={"count": 2}), "/count"),
        (replace(PAINTER, prompt_characters_max=3), ASKED, "/prompt"),
        (replace(PAINTER, media_types=("image/jpeg",)), ASKED, "/media_type"),
    ],
)
async def test_what_the_model_cannot_do_is_refused_before_anything_is_held(
    runtime: Runtime, card: object, wanted: NewImage, pointer: str
) -> None:
    shop = await open_studio(runtime, ScriptedPainter(cards=(card,)))  # type: ignore[arg-type]
    with pytest.raises(ModelCannot) as refused:
        await generations.submit(shop.ctx, wanted=wanted)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    await shop.assert_books(spent_micros=0)


async def test_a_batch_says_of_each_item_what_became_of_it(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter())
    batch = await generations.submit_batch(
        shop.ctx, wanted=[ASKED, ASKED.model_copy(update={"model": "nobody"}), ASKED.model_copy(update={"count": 2})]
    )
    assert [item.error.code if item.error else None for item in batch.items] == [None, "ai.model_unknown", None]
    await shop.assert_books(spent_micros=0, held_micros=3 * PICTURE_MICROS)


async def test_an_estimate_is_what_would_be_held(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter())
    told = await generations.estimate(shop.ctx, wanted=ASKED.model_copy(update={"count": 4}))
    assert (told.model, told.credits_max) == ("painter-1", "4.8")
    await shop.assert_books(spent_micros=0)


async def test_without_credits_nothing_is_asked(runtime: Runtime) -> None:
    painter = ScriptedPainter(cards=(replace(PAINTER, prices=(replace(PAINTER.prices[0], micros=10**10),)),))
    shop = await open_studio(runtime, painter)
    with pytest.raises(billing.InsufficientCredits):
        await generations.submit(shop.ctx, wanted=ASKED)
    assert (await shop.all(), painter.requests) == ((), [])
