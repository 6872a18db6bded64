"""Runware's pictures against the conformance suite, over real sockets, each call held against the contract."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from tests.providers.conformance.media_model import MediaModelConformance, content, ended, judge
from tests.providers.conformance.payment_desk import listening
from tests.providers.runware.studio import RunwareStudio, picturing, studio_open

from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.media import Begun, Failed, Finished
from nexusone.providers.runware.client import task_uuid


class TestRunware(MediaModelConformance):
    @pytest.fixture
    async def studio(self) -> AsyncIterator[RunwareStudio]:
        async with studio_open() as studio:
            yield studio

    @pytest.mark.parametrize("media_type", ["image/jpeg", "image/webp"])
    async def test_other_formats_are_made_as_asked(self, studio: RunwareStudio, media_type: str) -> None:
        request = picturing(count=3, media_type=media_type)
        state = await ended(studio.model, await studio.model.begin(request, correlation=str(new_id()), webhook=None))
        assert isinstance(state, Finished)
        assert len(state.files) == 3
        assert state.quantities == {"image": 3}
        assert state.cost_nano == 3 * 1_300_000
        for made in state.files:
            judge(request, made, await content(studio.model, made))

    async def test_progress_is_told_while_some_are_made(self, studio: RunwareStudio) -> None:
        await studio.controls.put("/_pace", {"seconds": 0.4})
        state = await studio.model.begin(picturing(count=2), correlation=str(uuid4()), webhook=None)
        assert isinstance(state, Begun)
        seen = set()
        while isinstance(state, Begun):
            seen.add(state.progress)
            state = await studio.model.look_up(state.reference)
        assert seen == {None, 50}

    async def test_what_failed_is_left_out_and_not_charged(self, studio: RunwareStudio) -> None:
        await studio.controls.put("/_outcomes", {"failing": 1})
        state = await ended(studio.model, await studio.model.begin(picturing(count=3), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished)
        assert (len(state.files), state.quantities, state.cost_nano) == (2, {"image": 2}, 2 * 1_300_000)

    async def test_a_flagged_picture_is_charged_and_never_shown(self, studio: RunwareStudio) -> None:
        await studio.controls.put("/_outcomes", {"flagged": 1})
        state = await ended(studio.model, await studio.model.begin(picturing(count=2), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished)
        assert (len(state.files), state.quantities) == (1, {"image": 2})

    async def test_where_all_are_flagged_it_is_refused_and_charged(self, studio: RunwareStudio) -> None:
        await studio.controls.put("/_outcomes", {"flagged": 2})
        state = await ended(studio.model, await studio.model.begin(picturing(count=2), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Failed)
        assert (state.code, state.is_retryable, state.quantities) == ("vendor.refused_content", False, {"image": 2})

    async def test_work_that_fails_is_free_and_may_be_asked_again(self, studio: RunwareStudio) -> None:
        await studio.spoil("job_failure")
        state = await ended(studio.model, await studio.model.begin(picturing(count=2), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Failed)
        assert (state.code, state.is_retryable, state.quantities) == ("vendor.unavailable", True, {})

    async def test_the_same_correlation_is_worked_on_once(self, studio: RunwareStudio) -> None:
        correlation = str(new_id())
        states = [await studio.model.begin(picturing(), correlation=correlation, webhook=None) for _ in range(3)]
        made = [await ended(studio.model, state) for state in states]
        assert {state.reference for state in made} == {task_uuid(correlation)}
        assert all(isinstance(state, Finished) for state in made)
        assert await studio.works() == 1

    async def test_an_empty_account_is_said_so(self, studio: RunwareStudio) -> None:
        await studio.controls.put("/_balance", {"micros": 1_299})
        with pytest.raises(DefiniteFailure) as failure:
            await studio.model.begin(picturing(), correlation=str(uuid4()), webhook=None)
        assert (failure.value.code, failure.value.is_retryable) == ("vendor.quota_exhausted", False)

    async def test_a_vendor_that_is_down_may_be_asked_again(self, studio: RunwareStudio) -> None:
        await studio.spoil("server_error")
        with pytest.raises(DefiniteFailure) as failure:
            await studio.model.begin(picturing(), correlation=str(uuid4()), webhook=None)
        assert (failure.value.code, failure.value.is_retryable) == ("vendor.unavailable", True)
        assert await studio.works() == 0

    async def test_what_the_model_does_not_take_is_refused_before_it_is_asked(self, studio: RunwareStudio) -> None:
        request = picturing()
        with pytest.raises(DefiniteFailure):
            await studio.model.begin(
                type(request)(request.model, request.prompt, 512, 512, negative_prompt="people"), correlation=str(uuid4()), webhook=None
            )
        assert await studio.works() == 0

    @pytest.mark.parametrize("size", [(100, 512), (512, 4096), (513, 512)])
    async def test_sizes_the_vendor_does_not_take_are_rejected(self, studio: RunwareStudio, size: tuple[int, int]) -> None:
        request = picturing()
        with pytest.raises(DefiniteFailure) as failure:
            await studio.model.begin(type(request)(request.model, request.prompt, *size), correlation=str(uuid4()), webhook=None)
        assert (failure.value.code, failure.value.is_retryable) == ("vendor.rejected", False)

    async def test_webhooks_come_one_a_picture_unsigned_and_repeated(self, studio: RunwareStudio) -> None:
        async with listening() as (ear, hooks):
            await studio.controls.put("/_webhooks", {"copies": 2, "order": "shuffled"})
            await studio.controls.put("/_outcomes", {"failing": 1})
            url = f"{hooks}?token=per-task"
            state = await studio.model.begin(picturing(count=3), correlation=str(uuid4()), webhook=url)
            heard = await ear.at_least(6)
            await studio.controls.post("/_webhooks/settled")
        told = [json.loads(delivery.body) for delivery in heard]
        assert {one["taskUUID"] for each in told for one in each.get("data", []) + each.get("errors", [])} == {state.reference}
        assert len({each["data"][0]["imageUUID"] for each in told if "data" in each}) == 2
        assert len([each for each in told if "errors" in each]) == 2
        for delivery in heard:
            studio.model.verify_webhook(headers=delivery.headers, body=delivery.body, now=datetime.now(UTC))

    async def test_what_does_not_exist_is_not_downloaded(self, studio: RunwareStudio) -> None:
        state = await ended(studio.model, await studio.model.begin(picturing(), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished)
        gone = type(state.files[0])(media_type="image/png", url=f"{state.files[0].url}x")
        with pytest.raises(DefiniteFailure) as failure:
            await content(studio.model, gone)
        assert failure.value.code == "vendor.not_found"

    async def test_the_key_is_in_no_failure(self, studio: RunwareStudio) -> None:
        with pytest.raises(DefiniteFailure) as failure:
            await studio.stranger.begin(picturing(), correlation=str(uuid4()), webhook=None)
        assert "nobodys-key" not in str(failure.value)
        assert "nobodys-key" not in repr(studio.stranger.client.vendor)


def test_every_correlation_becomes_one_uuid_of_version_4() -> None:
    own = str(uuid4())
    assert task_uuid(own) == own
    others = [str(new_id()), "not a uuid", ""]
    made = [task_uuid(correlation) for correlation in others]
    assert made == [task_uuid(correlation) for correlation in others]
    assert len(set(made)) == 3
    assert all(UUID(one).version == 4 for one in made)
