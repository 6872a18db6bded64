"""The catalog, and answers as they may come: whole, short, strange."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished
from nexusone.platform.http import HttpAnswer
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.did.answers import read_page, read_talk, state_of
from nexusone.providers.did.catalog import charged_seconds, find_model, find_voice, offered_models
from nexusone.providers.did.client import open_vendor
from nexusone.providers.did.manifest import MANIFEST

TALK = {
    "id": "tlk_TMj4G1wiEGpQrdNFvrqAk",
    "user_id": "auth0|1",
    "source_url": "https://bucket.example/image.jpeg",
    "created_at": "2026-03-22T16:38:49.723Z",
    "modified_at": "2026-03-22T16:39:15.603Z",
    "status": "done",
    "result_url": "https://bucket.example/image.mp4",
    "duration": 2,
    "face": {"mask_confidence": -1},
}


def state(**changed: Any) -> Begun | Finished | Failed:
    return state_of(read_talk({**TALK, **changed}), look_again_seconds=1)


def test_the_catalog_prices_blocks_of_seconds() -> None:
    (card,) = offered_models()
    price = card.price_of("second")
    assert price is not None
    assert (card.kind, card.vendor, card.is_default) == ("video", "did", True)
    assert (price.per, price.micros) == (15, 400_000)
    assert "en-US-JennyNeural" in card.voices
    assert find_model("nobody") is None


@pytest.mark.parametrize(
    ("name", "language", "voice"),
    [
        (None, None, ("microsoft", "en-US-JennyNeural")),
        (None, "en-GB", ("microsoft", "en-GB-SoniaNeural")),
        (None, "pt", ("microsoft", "pt-BR-FranciscaNeural")),
        (None, "de_AT", ("microsoft", "de-DE-KatjaNeural")),
        (None, "xx", ("microsoft", "en-US-JennyNeural")),
        ("fr-FR-DeniseNeural", "de", ("microsoft", "fr-FR-DeniseNeural")),
        ("21m00Tcm4TlvDq8ikWAM", None, ("elevenlabs", "21m00Tcm4TlvDq8ikWAM")),
        ("microsoft:cy-GB-NiaNeural", None, ("microsoft", "cy-GB-NiaNeural")),
        ("elevenlabs:mine", None, ("elevenlabs", "mine")),
    ],
)
def test_a_voice_is_the_one_named_or_the_one_of_the_language(name: str | None, language: str | None, voice: tuple[str, str]) -> None:
    found = find_voice(name, language=language)
    assert found is not None
    assert (found.provider, found.name) == voice


@given(st.floats(0.001, 10_000))
def test_what_is_charged_is_whole_blocks_and_never_less_than_was_made(seconds: float) -> None:
    assert charged_seconds(seconds) % 15 == 0
    assert seconds <= charged_seconds(seconds) < seconds + 15


def test_a_talk_as_the_vendor_told_one_is_read() -> None:
    told = state()
    assert isinstance(told, Finished)
    assert (told.files[0].url, told.files[0].media_type, told.quantities) == (TALK["result_url"], "video/mp4", {"second": 15})


def test_seconds_are_counted_by_frames_where_no_duration_is_told() -> None:
    told = state(duration=None, metadata={"num_frames": 400})
    assert isinstance(told, Finished)
    assert told.quantities == {"second": 30}
    untold = state(duration=None)
    assert isinstance(untold, Finished)
    assert untold.quantities == {}


@pytest.mark.parametrize(
    ("changed", "code", "is_retryable"),
    [
        ({"status": "error", "error": {"kind": "FaceError", "description": "face not detected"}}, "vendor.rejected", False),
        ({"status": "error", "error": {"kind": "UnknownError", "description": "Unknown internal error"}}, "vendor.failed", True),
        ({"status": "error", "error": {"kind": "AudioModerationError", "description": "no"}}, "vendor.refused_content", False),
        ({"status": "error", "error": {"kind": "CelebrityRecognizedError", "description": "no"}}, "vendor.refused_content", False),
        ({"status": "error", "error": {"kind": "InsufficientCreditsError", "description": "no"}}, "vendor.quota_exhausted", False),
        ({"status": "error", "error": "it broke"}, "vendor.failed", True),
        ({"status": "error"}, "vendor.failed", True),
        ({"status": "rejected"}, "vendor.refused_content", False),
    ],
    ids=range(8),
)
def test_a_talk_that_failed_says_why(changed: dict[str, Any], code: str, is_retryable: bool) -> None:
    told = state(**changed)
    assert isinstance(told, Failed)
    assert (told.code, told.is_retryable) == (code, is_retryable)
    assert told.detail


@pytest.mark.parametrize(
    "told", [None, [], "x", {}, {**TALK, "status": "thinking"}, {**TALK, "id": ""}, {**TALK, "id": "../credits"}], ids=range(7)
)
def test_an_answer_that_is_no_talk_says_nothing(told: object) -> None:
    with pytest.raises(UnknownOutcome):
        read_talk(told)
    with pytest.raises(UnknownOutcome):
        read_page({"talks": [told]})


def test_a_talk_that_is_done_nowhere_says_nothing() -> None:
    with pytest.raises(UnknownOutcome):
        state(result_url=None)


def test_a_talk_is_known_by_any_mark_it_carries() -> None:
    mark = "0190b2a4-9c1f-7c3e-8a55-0d5b3c6a7f10"
    for carried in (
        {"user_data": mark},
        {"name": mark},
        {"source_url": f"s3://images/{mark}.jpg"},
        {"webhook": f"https://hooks.example.com/?generation={mark}"},
    ):
        assert read_talk({**TALK, **carried}).is_of(mark)
    assert not read_talk(TALK).is_of(mark)
    assert read_talk({**TALK, "created_at": "2026-09-03T13:56:54.995"}).is_since(datetime(2026, 9, 3, 13, tzinfo=UTC))


ERRORS = [
    (400, {"kind": "BadRequestError", "description": "invalid actor url"}, "vendor.rejected", False),
    (400, {"kind": "TextModerationError", "description": "no"}, "vendor.refused_content", False),
    (401, {"kind": "AuthorizationError", "description": "user unauthenticated"}, "vendor.unauthorized", False),
    (402, {"kind": "InsufficientCreditsError", "description": "not enough credits"}, "vendor.quota_exhausted", False),
    (403, {"kind": "PermissionError", "description": "user has no permission for stitch"}, "vendor.forbidden", False),
    (404, {"kind": "NotFoundError", "description": "talk not found"}, "vendor.not_found", False),
    (415, {"kind": "UnsupportedMimeTypeError", "description": "no", "details": {"received": "image/gif"}}, "vendor.rejected", False),
    (429, {"message": "Too Many Requests"}, "vendor.rate_limited", True),
    (451, {"kind": "ImageModerationError", "description": "no"}, "vendor.refused_content", False),
    (451, None, "vendor.refused_content", False),
    (500, {"kind": "InternalServerError", "description": "no"}, None, False),
    (504, {"message": "Endpoint request timed out"}, None, False),
]


@pytest.mark.parametrize(("status", "body", "code", "is_retryable"), ERRORS, ids=range(len(ERRORS)))
def test_errors_are_named(status: int, body: object, code: str | None, is_retryable: bool) -> None:
    vendor = open_vendor(ProviderSetup(MANIFEST.live_address, {"api_key": "user:hidden-key"}, is_sandbox=False))
    outcome = vendor.outcome_of(HttpAnswer(status, {"retry-after": "7"}, json.dumps(body).encode() if body else b"<html>"))
    if code is None:
        assert isinstance(outcome, UnknownOutcome)
        return
    assert isinstance(outcome, DefiniteFailure)
    assert (outcome.code, outcome.is_retryable, outcome.retry_after_seconds) == (code, is_retryable, 7.0)


def test_a_key_the_vendor_repeats_is_not_kept() -> None:
    credentials = {"api_key": "user:hidden-key", "elevenlabs_api_key": "xi-hidden"}
    vendor = open_vendor(ProviderSetup(MANIFEST.live_address, credentials, is_sandbox=False))
    body = {"kind": "BadRequestError", "description": "no such key: user:hidden-key, dXNlcjpoaWRkZW4ta2V5, xi-hidden"}
    shown = str(vendor.outcome_of(HttpAnswer(400, {}, json.dumps(body).encode()))) + repr(vendor)
    assert "hidden" not in shown
    assert "dXNlcjpoaWRkZW4ta2V5" not in shown
