"""Replicate's images against the conformance suite, over real sockets, each call held against the vendor's contract."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.providers.conformance.media_model import MediaModelConformance, content, ended, judge
from tests.providers.replicate.contract import hold_to_contract
from tests.providers.replicate.studio import ReplicateStudio, opened

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, ImageRequest, MadeFile
from nexusone.providers.replicate.catalog import priced_models
from nexusone.providers.replicate.inputs import MARK


class TestReplicate(MediaModelConformance):
    @pytest.fixture
    async def studio(self) -> AsyncIterator[ReplicateStudio]:
        async with opened() as studio:
            yield studio

    @pytest.mark.parametrize("name", [card.name for card in priced_models()])
    async def test_every_model_draws_what_its_card_says(self, studio: ReplicateStudio, name: str) -> None:
        card = next(card for card in priced_models() if card.name == name)
        width, height = map(int, card.sizes[-1].split("x"))
        request = ImageRequest(name, "A lamp.", width, height, count=card.images_max, media_type=card.media_types[-1], seed=7)
        state = await ended(studio.model, await studio.model.begin(request, correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished), state
        assert state.quantities == {"image": card.images_max}
        assert len(state.files) == card.images_max
        judge(request, state.files[0], await content(studio.model, state.files[0]))

    async def test_what_runs_too_long_is_to_be_stopped_by_the_vendor(self, studio: ReplicateStudio) -> None:
        state = await studio.model.begin(studio.request(), correlation=str(uuid4()), webhook=None)
        _, told = await studio.called("GET", f"/predictions/{state.reference}")
        created, deadline = (datetime.fromisoformat(told[name]) for name in ("created_at", "deadline"))
        assert deadline - created == timedelta(minutes=15)

    @pytest.mark.parametrize("milliseconds", [60_000, 300])
    async def test_a_cancelled_prediction_ends_as_canceled(self, studio: ReplicateStudio, milliseconds: int) -> None:
        await studio.put("/_pace", {"milliseconds": milliseconds})
        state = await studio.model.begin(studio.request(), correlation=str(uuid4()), webhook=None)
        assert isinstance(state, Begun)
        await studio.until(state.reference, "starting" if milliseconds == 60_000 else "processing")
        await studio.model.cancel(state.reference)
        after = await studio.model.look_up(state.reference)
        assert isinstance(after, Failed)
        assert (after.code, after.is_canceled, after.quantities) == ("vendor.canceled", True, {})
        _, told = await studio.called("GET", f"/predictions/{state.reference}")
        assert told["status"] == ("aborted" if milliseconds == 60_000 else "canceled")

    async def test_cancelling_what_is_done_leaves_it_done(self, studio: ReplicateStudio) -> None:
        state = await ended(studio.model, await studio.model.begin(studio.request(), correlation=str(uuid4()), webhook=None))
        await studio.model.cancel(state.reference)
        assert isinstance(await studio.model.look_up(state.reference), Finished)

    async def test_a_lost_one_is_found_among_more_than_a_page_of_others(self, studio: ReplicateStudio) -> None:
        correlation, since = str(uuid4()), datetime.now(UTC)
        await studio.spoil("lost_answer")
        with pytest.raises(UnknownOutcome):
            await studio.model.begin(studio.request(), correlation=correlation, webhook=None)
        for number in range(120):
            await studio.model.begin(studio.request(str(number)), correlation=str(uuid4()), webhook=None)
        found = await studio.model.find(correlation, since=since)
        assert found is not None
        assert await studio.model.find(str(uuid4()), since=since) is None
        assert sum(one.path == "/v1/predictions" for one in studio.recorder.exchanges) == 4

    async def test_what_others_made_with_the_same_account_leaves_it_open(self, studio: ReplicateStudio) -> None:
        since = datetime.now(UTC)
        await studio.called("POST", f"/models/{studio.request().model}/predictions", {"input": {"prompt": "Not ours."}})
        with pytest.raises(UnknownOutcome):
            await studio.model.find(str(uuid4()), since=since)

    @pytest.mark.parametrize("mishap", ["rate_limit", "server_error", "garbage", "lost_answer"])
    async def test_a_list_that_is_not_given_says_nothing(self, studio: ReplicateStudio, mishap: str) -> None:
        await studio.put("/_faults", {"mode": mishap, "method": "GET", "path": "/predictions"})
        with pytest.raises(UnknownOutcome):
            await studio.model.find(str(uuid4()), since=datetime.now(UTC))

    async def test_a_file_is_not_given_to_others(self, studio: ReplicateStudio) -> None:
        state = await ended(studio.model, await studio.model.begin(studio.request(), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished)
        url = state.files[0].url
        assert url is not None
        async with studio.http.get(url) as answer:
            assert answer.status == 401

    @pytest.mark.parametrize("url", ["https://169.254.169.254/latest/out.png", "http://127.0.0.1:1/out.png", "file:///etc/passwd", ""])
    async def test_no_other_address_is_spoken_to_whatever_the_vendor_says(self, studio: ReplicateStudio, url: str) -> None:
        with pytest.raises(DefiniteFailure) as failure:
            await content(studio.model, MadeFile(media_type="image/png", url=url))
        assert failure.value.code == "http.address_refused"

    async def test_the_simulator_is_held_to_the_contract(self, studio: ReplicateStudio) -> None:
        await ended(studio.model, await studio.model.begin(studio.request(), correlation=str(uuid4()), webhook=None))
        assert hold_to_contract(studio.recorder.exchanges) >= 2


async def test_after_an_hour_the_vendor_has_forgotten() -> None:
    clock = MovedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    async with opened(clock) as studio:
        correlation, since = str(uuid4()), clock.now()
        state = await ended(studio.model, await studio.model.begin(studio.request(), correlation=correlation, webhook=None))
        assert isinstance(state, Finished)
        clock.move(timedelta(minutes=59))
        assert await content(studio.model, state.files[0])
        clock.move(timedelta(minutes=1))
        gone = await studio.model.look_up(state.reference)
        assert isinstance(gone, Failed)
        assert (gone.code, gone.is_retryable, gone.quantities) == ("vendor.result_gone", False, {"image": 1})
        with pytest.raises(DefiniteFailure) as failure:
            await content(studio.model, state.files[0])
        assert failure.value.code == "vendor.not_found"
        with pytest.raises(UnknownOutcome):
            await studio.model.find(correlation, since=since)


async def test_the_prediction_carries_our_mark_and_nothing_of_who_asks() -> None:
    async with opened() as studio:
        correlation = str(uuid4())
        state = await studio.model.begin(studio.request(), correlation=correlation, webhook=None)
        _, told = await studio.called("GET", f"/predictions/{state.reference}")
        assert told["input"] == {
            "prompt": studio.request().prompt,
            "aspect_ratio": "1:1",
            "output_format": "png",
            "num_outputs": 1,
            MARK: correlation,
        }
