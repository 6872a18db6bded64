"""What is asked for, and what becomes of it."""

import io
import wave
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import av
import pytest
from tests.providers.elevenlabs.studio import ElevenLabsStudio, voices_at

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Finished, MadeFile, Voice, VoiceRequest, WebhookRefused
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.elevenlabs.manifest import MANIFEST
from nexusone.providers.elevenlabs.simulation.account import VOICES
from nexusone.providers.elevenlabs.voice import build_voices

WORDS = "The solar lamp shines until the morning comes again."


async def spoken(studio: ElevenLabsStudio, request: VoiceRequest) -> Finished:
    state = await studio.model.begin(request, correlation=str(uuid4()), webhook=None)
    assert isinstance(state, Finished)
    return state


async def bytes_of(studio: ElevenLabsStudio, made: MadeFile) -> bytes:
    return b"".join([chunk async for chunk in studio.model.download(made, bytes_max=10_000_000)])


async def sent(studio: ElevenLabsStudio) -> Any:
    return (await studio.received())["requests"][-1]["body"]


async def test_wav_is_wav_and_as_long_as_the_words(studio: ElevenLabsStudio) -> None:
    state = await spoken(studio, replace(studio.request(WORDS), media_type="audio/wav"))
    with wave.open(io.BytesIO(await bytes_of(studio, state.files[0]))) as sound:
        assert sound.getframerate() == 44_100
        assert sound.getnframes() / sound.getframerate() == pytest.approx(3.6, abs=0.05)
    assert state.files[0].media_type == "audio/wav"


async def test_mp3_is_as_long_as_the_words_and_shorter_when_it_is_faster(studio: ElevenLabsStudio) -> None:
    lengths = []
    for speed in (1.0, 1.2):
        state = await spoken(studio, replace(studio.request(WORDS), speed=speed))
        with av.open(io.BytesIO(await bytes_of(studio, state.files[0])), "r") as sound:
            assert sound.duration is not None
            lengths.append(sound.duration / 1_000_000)
    assert lengths == [pytest.approx(3.6, abs=0.1), pytest.approx(3.0, abs=0.1)]


@pytest.mark.parametrize("model", ["eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_v3"])
async def test_every_letter_is_counted_whatever_credits_the_vendor_takes(studio: ElevenLabsStudio, model: str) -> None:
    state = await spoken(studio, replace(studio.request("Grüße, 漢字 🎈"), model=model))
    assert state.quantities == {"character": 11}


async def test_only_what_was_asked_for_is_sent(studio: ElevenLabsStudio) -> None:
    await spoken(studio, studio.request(WORDS))
    assert await sent(studio) == {"text": WORDS, "model_id": "eleven_multilingual_v2"}


async def test_all_that_can_be_asked_for_is_sent(studio: ElevenLabsStudio) -> None:
    asked = replace(studio.request(WORDS), model="eleven_flash_v2_5", language="de-AT", speed=0.9, stability=0.25, seed=7)
    await spoken(studio, asked)
    assert await sent(studio) == {
        "text": WORDS,
        "model_id": "eleven_flash_v2_5",
        "language_code": "de",
        "voice_settings": {"stability": 0.25, "speed": 0.9},
        "seed": 7,
    }


async def test_a_model_that_hears_the_language_itself_is_not_told_it(studio: ElevenLabsStudio) -> None:
    await spoken(studio, replace(studio.request(WORDS), language="en"))
    assert "language_code" not in await sent(studio)


@pytest.mark.parametrize(
    "change",
    [
        {"speed": 2.0},
        {"speed": 0.5},
        {"speed": float("nan")},
        {"speed": 1.1, "model": "eleven_v3"},
        {"stability": 1.5},
        {"stability": float("nan")},
        {"seed": -1},
        {"seed": 2**32},
        {"language": "hu"},
        {"media_type": "audio/ogg"},
        {"media_type": "audio/wav", "text": "a" * 8_001},
    ],
)
async def test_what_the_model_cannot_do_is_not_asked_for(studio: ElevenLabsStudio, change: dict[str, Any]) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(replace(studio.request(), **change), correlation="c", webhook=None)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.rejected", False)
    assert (await studio.received())["count"] == 0


async def test_a_model_that_is_not_listed_is_the_vendors_to_refuse(studio: ElevenLabsStudio) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(replace(studio.request(), model="eleven_v9"), correlation="c", webhook=None)
    assert "eleven_v9" in failure.value.detail


@pytest.mark.parametrize("media_type", ["audio/mpeg", "audio/wav"])
async def test_what_was_spoken_is_in_the_history_by_its_request(studio: ElevenLabsStudio, media_type: str) -> None:
    made = await spoken(studio, replace(studio.request(WORDS), media_type=media_type))
    await spoken(studio, studio.request("Something else."))
    found = await studio.model.look_up(made.reference)
    assert isinstance(found, Finished)
    assert (found.reference, found.quantities) == (made.reference, made.quantities)
    assert found.files[0].media_type == media_type
    assert await bytes_of(studio, found.files[0]) == await bytes_of(studio, made.files[0])


async def test_what_was_spoken_is_in_the_history_by_its_item(studio: ElevenLabsStudio) -> None:
    made = await spoken(studio, studio.request(WORDS))
    by_request = await studio.model.look_up(made.reference)
    assert isinstance(by_request, Finished)
    item = (by_request.files[0].url or "").split("/")[-2]
    assert item != made.reference
    by_item = await studio.model.look_up(item)
    assert isinstance(by_item, Finished)
    assert by_item.files == by_request.files


@pytest.mark.parametrize("reference", ["..", "a/b", "a?b", "", "x" * 65])
async def test_a_reference_that_would_lead_elsewhere_is_not_looked_up(studio: ElevenLabsStudio, reference: str) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.look_up(reference)
    assert failure.value.code == "vendor.not_found"
    assert (await studio.received())["count"] == 0


@pytest.mark.parametrize(
    "place", ["/v1/user/subscription", "/v1/history/../user", "/v1/history/a/audio?x=1", "@evil.example/v1/history/a/audio"]
)
async def test_the_key_goes_nowhere_but_to_the_accounts_own_history(studio: ElevenLabsStudio, place: str) -> None:
    for url in (f"{studio.address}{place}", "https://evil.example/v1/history/a/audio", ""):
        with pytest.raises(DefiniteFailure) as failure:
            await bytes_of(studio, MadeFile("audio/mpeg", url=url))
        assert failure.value.code == "vendor.rejected"
    assert (await studio.received())["count"] == 0


async def test_a_kept_file_beyond_the_bound_is_not_taken(studio: ElevenLabsStudio) -> None:
    found = await studio.model.look_up((await spoken(studio, studio.request())).reference)
    assert isinstance(found, Finished)
    with pytest.raises(DefiniteFailure) as failure:
        _ = [chunk async for chunk in studio.model.download(found.files[0], bytes_max=100)]
    assert failure.value.code == "vendor.file_too_large"


async def test_voices_come_page_by_page(studio: ElevenLabsStudio) -> None:
    model = voices_at(studio.address, page=2)
    found = await model.voices()
    await model.close()
    assert [voice.name for voice in found] == [voice[0] for voice in VOICES]
    assert found[0] == Voice("JBFqnCBsd6RMkjVDRZzb", "George", ("en",), None)
    assert (await studio.received())["count"] == 4


async def test_whoever_has_no_key_hears_no_voices(studio: ElevenLabsStudio) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.stranger.voices()
    assert failure.value.code == "vendor.unauthorized"


async def test_stopping_what_is_spoken_asks_nothing(studio: ElevenLabsStudio) -> None:
    await studio.model.cancel("anything")
    assert (await studio.received())["count"] == 0


async def test_a_webhook_is_never_the_vendors(studio: ElevenLabsStudio) -> None:
    headers = {"ElevenLabs-Signature": "t=1,v0=00"}
    with pytest.raises(WebhookRefused):
        studio.model.verify_webhook(headers=headers, body=b"{}", now=datetime.now(UTC))


async def test_the_manifest_builds_what_speaks_to_the_simulator(studio: ElevenLabsStudio) -> None:
    built = build_voices(ProviderSetup(address=studio.address, credentials=MANIFEST.sandbox_credentials, is_sandbox=True))
    state = await built.begin(studio.request(), correlation="c", webhook=None)
    await built.close()
    assert isinstance(state, Finished)


async def test_a_request_that_is_no_longer_among_the_newest_is_found_on_later_pages(studio: ElevenLabsStudio) -> None:
    first = await spoken(studio, studio.request("First."))
    for words in ("Second.", "Third.", "Fourth.", "Fifth."):
        await spoken(studio, studio.request(words))
    model = voices_at(studio.address, page=2)
    found = await model.look_up(first.reference)
    await model.close()
    assert isinstance(found, Finished)
    assert found.quantities == {"character": len("First.")}


async def test_a_request_that_may_be_further_back_than_is_looked_is_not_said_to_be_missing(studio: ElevenLabsStudio) -> None:
    for number in range(11):
        await spoken(studio, studio.request(f"Number {number}."))
    model = voices_at(studio.address, page=1)
    with pytest.raises(UnknownOutcome):
        await model.look_up(str(uuid4()))
    await model.close()
