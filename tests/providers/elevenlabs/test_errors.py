"""What the vendor's errors mean, and that no key is ever in them."""

import json
from collections.abc import Mapping

import pytest
from tests.providers.elevenlabs.studio import API_KEY, ElevenLabsStudio

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import VoiceRequest
from nexusone.platform.addresses import LIVE
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.providers.elevenlabs.client import open_client, words_of


def outcome(status: int, body: object, headers: Mapping[str, str] | None = None) -> DefiniteFailure | UnknownOutcome:
    client = open_client(http=OutgoingHttp(LIVE), address="https://api.example.com", api_key=API_KEY)
    return client.outcome_of(HttpAnswer(status, headers or {}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("status", "detail", "code", "is_retryable"),
    [
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, "vendor.unauthorized", False),
        (401, {"status": "quota_exceeded", "message": "This request exceeds your quota."}, "vendor.quota_exhausted", False),
        (402, {"type": "payment_required", "code": "insufficient_credits", "message": "Buy more."}, "vendor.quota_exhausted", False),
        (429, {"status": "quota_exceeded", "message": "This request exceeds your quota."}, "vendor.quota_exhausted", False),
        (429, {"status": "too_many_concurrent_requests", "message": "Too many."}, "vendor.rate_limited", True),
        (429, {"status": "system_busy", "message": "Busy."}, "vendor.rate_limited", True),
        (429, {"type": "rate_limit_error", "code": "concurrent_limit_exceeded", "message": "Too many."}, "vendor.rate_limited", True),
        (403, {"status": "content_against_policy", "message": "Blocked."}, "vendor.refused_content", False),
        (403, {"code": "subscription_required", "message": "Pro only."}, "vendor.forbidden", False),
        (404, {"type": "not_found", "code": "voice_not_found", "message": "No."}, "vendor.not_found", False),
        (400, {"status": "voice_not_found", "message": "No."}, "vendor.not_found", False),
        (404, {"status": "workspace_not_found", "message": "Workspace 1anonymous1 not found."}, "vendor.unauthorized", False),
        (400, {"status": "max_character_limit_exceeded", "message": "Too long."}, "vendor.rejected", False),
        (422, [{"loc": ["body", "text"], "msg": "Field required", "type": "missing"}], "vendor.rejected", False),
        (400, "Nothing more.", "vendor.rejected", False),
        (400, ["unreadable", None], "vendor.rejected", False),
        (400, {"status": ["odd"], "code": {}}, "vendor.rejected", False),
    ],
)
def test_an_error_means_what_the_vendor_says(status: int, detail: object, code: str, is_retryable: bool) -> None:
    made = outcome(status, {"detail": detail})
    assert isinstance(made, DefiniteFailure)
    assert (made.code, made.is_retryable) == (code, is_retryable)
    assert made.detail


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_of_the_vendors_leaves_it_open_whether_it_was_done(status: int) -> None:
    assert isinstance(outcome(status, {"detail": {"status": "system_busy", "message": "Busy."}}), UnknownOutcome)


def test_a_key_that_the_vendor_repeats_is_not_kept() -> None:
    made = outcome(401, {"detail": {"status": "invalid_api_key", "message": f"The key {API_KEY} is wrong"}}, {"retry-after": "4"})
    assert isinstance(made, DefiniteFailure)
    assert API_KEY not in made.detail
    assert API_KEY not in str(made)
    assert API_KEY not in repr(made)
    assert made.retry_after_seconds == 4


def test_a_list_of_faults_is_told_place_by_place() -> None:
    faults = [{"loc": ["body", "text"], "msg": "Field required"}, {"loc": ["body", "seed", 0], "msg": "Not a number"}]
    assert words_of({"detail": faults}) == "body.text: Field required; body.seed.0: Not a number"


async def test_spent_credits_are_said_so(studio: ElevenLabsStudio) -> None:
    await studio.put("/_credits/5")
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(studio.request(), correlation="c", webhook=None)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.quota_exhausted", False)
    assert await studio.works() == 0


async def test_a_text_over_the_models_limit_is_rejected(studio: ElevenLabsStudio) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(studio.request("word " * 2_001), correlation="c", webhook=None)
    assert failure.value.code == "vendor.rejected"
    assert "10005 characters" in failure.value.detail


@pytest.mark.parametrize("voice", ["nobody", "21m00Tcm4TlvDq8ikWAN"])
async def test_a_voice_that_is_not_there_is_not_found(studio: ElevenLabsStudio, voice: str) -> None:
    request = VoiceRequest(model="eleven_multilingual_v2", text="Hello.", voice=voice)
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(request, correlation="c", webhook=None)
    assert failure.value.code == "vendor.not_found"


@pytest.mark.parametrize("voice", ["..", "../history", "a/b", "a?b=c", "a#b", "", "a b", "voice\n", "x" * 65, "%2e%2e"])
async def test_a_voice_that_would_lead_elsewhere_is_not_asked_for(studio: ElevenLabsStudio, voice: str) -> None:
    request = VoiceRequest(model="eleven_multilingual_v2", text="Hello.", voice=voice)
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(request, correlation="c", webhook=None)
    assert failure.value.code == "vendor.rejected"
    assert (await studio.received())["count"] == 0
