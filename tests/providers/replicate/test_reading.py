"""What is made of the vendor's words, and what the vendor is told: pure, no sockets."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, ImageRequest, MadeFile
from nexusone.providers.replicate.catalog import listed_models, priced_models
from nexusone.providers.replicate.client import file_headers, open_vendor, words_of
from nexusone.providers.replicate.inputs import MARK, inputs_of, marked_address, marks_of
from nexusone.providers.replicate.predictions import state_of

REQUEST = ImageRequest(model="black-forest-labs/flux-schnell", prompt="A lamp.", width=1344, height=768)
SUCCEEDED = {"id": "p1", "status": "succeeded", "version": "hidden", "output": "https://replicate.delivery/x/out.webp"}
ADDRESS = "https://api.replicate.com/v1"


def inputs(**changes: Any) -> dict[str, Any]:
    request = replace(REQUEST, **changes)
    return inputs_of(listed_models()[request.model], request, correlation="c1")


def test_a_model_without_a_price_is_not_offered() -> None:
    unpriced = {name for name, listed in listed_models().items() if listed.image_price_micros is None}
    assert unpriced
    assert not unpriced & {card.name for card in priced_models()}


def test_every_card_says_what_may_be_asked() -> None:
    for card in priced_models():
        assert card.kind == "image"
        assert card.sizes
        assert card.media_types
        assert [price.unit for price in card.prices] == ["image"]


@pytest.mark.parametrize("name", listed_models())
def test_every_size_and_format_of_every_model_can_be_told(name: str) -> None:
    listed = listed_models()[name]
    told = {
        tuple(sorted((key, str(value)) for key, value in inputs(model=name, width=w, height=h, media_type=media_type).items()))
        for w, h in (map(int, size.split("x")) for size in listed.sizes)
        for media_type in listed.formats
    }
    assert len(told) == len(listed.sizes) * len(listed.formats)


def test_inputs_are_in_the_models_own_words() -> None:
    assert inputs(count=2, seed=7, media_type="image/jpeg") == {
        "prompt": "A lamp.",
        "aspect_ratio": "16:9",
        "output_format": "jpg",
        "num_outputs": 2,
        "seed": 7,
        MARK: "c1",
    }
    pro = inputs(model="black-forest-labs/flux-1.1-pro")
    assert (pro["aspect_ratio"], pro["width"], pro["height"]) == ("custom", 1344, 768)
    assert "num_outputs" not in pro
    large = inputs(model="stability-ai/stable-diffusion-3.5-large", width=1024, height=1024, negative_prompt="people")
    assert large["negative_prompt"] == "people"


@pytest.mark.parametrize(
    "changes",
    [{"width": 1000}, {"media_type": "image/gif"}, {"count": 5}, {"count": 0}, {"negative_prompt": "people"}],
    ids=str,
)
def test_what_a_model_cannot_be_told_is_refused_before_it_is_paid_for(changes: dict[str, Any]) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        inputs(**changes)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.not_supported", False)


@given(st.uuids().map(str), st.sampled_from(["https://a.example/h", "https://a.example/h?x=1&y=%20", "https://a.example/h?"]))
def test_the_mark_is_found_again_wherever_it_was_given_back(correlation: str, webhook: str) -> None:
    assert marks_of({"input": {MARK: correlation}}) == {correlation}
    assert marks_of({"input": {}, "webhook": marked_address(webhook, correlation=correlation)}) == {correlation}
    assert marked_address(webhook, correlation=correlation).startswith(webhook)


@pytest.mark.parametrize(
    "prediction", [{}, {"input": None}, {"input": {MARK: 5}}, {"input": [], "webhook": 7}, {"webhook": "https://a.example"}]
)
def test_no_mark_is_no_mark(prediction: dict[str, Any]) -> None:
    assert marks_of(prediction) == frozenset()


def test_an_output_is_one_address_or_several() -> None:
    one = state_of({**SUCCEEDED, "version": "5c7d"})
    assert one == Finished("p1", (MadeFile("image/webp", url=str(SUCCEEDED["output"])),), {"image": 1}, model_version="5c7d")
    two = state_of({**SUCCEEDED, "output": ["https://a.example/0.PNG", "https://a.example/1.jpg?x=.png"]})
    assert isinstance(two, Finished)
    assert [made.media_type for made in two.files] == ["image/png", "image/jpeg"]
    assert (two.quantities, two.model_version) == ({"image": 2}, None)


@pytest.mark.parametrize("status", ["starting", "processing"])
def test_work_says_how_far_it_is(status: str) -> None:
    state = state_of({"id": "p1", "status": status, "logs": " 25%|██ | 1/4\n 50%|████ | 2/4\n"})
    assert isinstance(state, Begun)
    assert (state.reference, state.progress) == ("p1", 50)
    assert state_of({"id": "p1", "status": status, "logs": None}) == replace(state, progress=None)


@pytest.mark.parametrize(
    ("error", "code", "is_retryable"),
    [
        ("NSFW content detected. Try running it again, or try a different prompt.", "vendor.refused_content", False),
        ("The input or output was flagged as sensitive. (E005)", "vendor.refused_content", False),
        ("Prediction interrupted; please retry (code: PA)", "vendor.failed", True),
        ("CUDA out of memory", "vendor.failed", True),
        ("'NoneType' object has no attribute 'shape'", "vendor.failed", False),
        (None, "vendor.failed", False),
        ({"strange": 1}, "vendor.failed", False),
    ],
)
def test_a_failure_says_why_and_whether_to_try_again(error: object, code: str, is_retryable: bool) -> None:
    state = state_of({"id": "p1", "status": "failed", "error": error})
    assert isinstance(state, Failed)
    assert (state.code, state.is_retryable, state.is_canceled, state.quantities) == (code, is_retryable, False, {})
    assert state.detail


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "p1",
        {},
        {"id": ""},
        {"id": 5, "status": "starting"},
        {"id": "p1"},
        {"id": "p1", "status": "queued"},
        {**SUCCEEDED, "output": None},
        {**SUCCEEDED, "output": []},
        {**SUCCEEDED, "output": [1]},
        {**SUCCEEDED, "output": {"url": "x"}},
        {**SUCCEEDED, "output": ["x"] * 101},
    ],
    ids=str,
)
def test_what_cannot_be_read_stays_unknown(told: Any) -> None:
    with pytest.raises(UnknownOutcome):
        state_of(told)


def test_how_many_were_deleted_is_told_by_a_metric_where_there_is_one() -> None:
    gone = {"id": "p1", "status": "succeeded", "output": None, "data_removed": True}
    for metrics, count in ((None, 1), ({"image_count": 3}, 3), ({"image_count": -1}, 1), ({"image_count": "9"}, 1)):
        state = state_of({**gone, "metrics": metrics})
        assert isinstance(state, Failed)
        assert state.quantities == {"image": count}


@pytest.mark.parametrize(
    ("url", "is_given"),
    [
        ("https://replicate.delivery/x/out.webp", True),
        ("https://pbxt.replicate.delivery/x/out.webp", True),
        ("https://api.replicate.com/v1/files/f1", True),
        ("http://replicate.delivery/x/out.webp", False),
        ("https://replicate.delivery.evil.example/out.webp", False),
        ("https://evilreplicate.delivery/out.webp", False),
        ("https://evil.example/replicate.delivery", False),
        ("https://replicate.delivery@evil.example/out.webp", False),
        ("https://api.replicate.com.evil.example/v1", False),
        ("", False),
    ],
)
def test_the_token_goes_to_the_vendors_own_hosts_only(url: str, is_given: bool) -> None:
    vendor = open_vendor(address=ADDRESS, api_token="r8_secret", is_sandbox=False)
    assert ("Authorization" in file_headers(vendor, url)) is is_given


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"detail": "No."}, "No."),
        ({"title": "Free limit", "detail": "Pay.", "status": 402}, "Free limit: Pay."),
        ({"detail": [{"loc": ["body"], "msg": "wrong"}, {"msg": "bad"}, 5]}, "wrong; bad"),
        ({"detail": {"a": 1}}, "{'a': 1}"),
        ({}, "refused without saying why"),
    ],
)
def test_the_vendors_words_are_found(told: dict[str, Any], words: str) -> None:
    assert words_of(told) == words


def test_the_token_is_not_shown() -> None:
    vendor = open_vendor(address=ADDRESS, api_token="r8_secret", is_sandbox=False)
    assert "r8_secret" not in vendor.shown("bad token r8_secret")
    assert "r8_secret" not in repr(vendor)
