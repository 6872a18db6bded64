"""What only this vendor does: uploads, talks by sound, the list, deleting, webhooks nobody signs, signed addresses."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import av
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp
from tests.providers.conformance.media_model import content, ended
from tests.providers.conformance.openapi import operations, validate
from tests.providers.did.contract import form_of, hold_to_contract
from tests.providers.did.studio import DidStudio, asking, model_at, opened, portrait
from tests.providers.openai.serving import served

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, MediaFile, VideoRequest
from nexusone.platform.provider import ProviderSetup, SimulatorSetup
from nexusone.providers.did.manifest import MANIFEST
from nexusone.providers.did.simulator import KEY
from nexusone.web.simulation.files import speech, speech_seconds

LINES = "Meet the lamp that drinks the sun and gives it back at night, on any balcony, for years."


@pytest.fixture
async def studio() -> AsyncIterator[DidStudio]:
    async with opened() as studio:
        yield studio
    hold_to_contract(studio.exchanges)


def now() -> datetime:
    return datetime.now(UTC)


async def made(studio: DidStudio, request: VideoRequest, *, webhook: str | None = None) -> Finished:
    state = await ended(studio.model, await studio.model.begin(request, correlation=str(uuid4()), webhook=webhook))
    assert isinstance(state, Finished), state
    return state


def asked_talk(studio: DidStudio) -> dict[str, Any]:
    raw = [one.asked for one in studio.exchanges if (one.method, one.path) == ("post", "/talks")][-1]
    talk: dict[str, Any] = json.loads(raw)
    return talk


def seconds_of(film: bytes) -> float:
    with av.open(io.BytesIO(film), "r") as container:
        assert {stream.codec_context.name for stream in container.streams} == {"h264", "aac"}
        return float(container.duration or 0) / 1_000_000


async def test_a_text_is_said_by_the_voice_of_its_language(studio: DidStudio) -> None:
    await made(studio, replace(asking("Ein Licht auf dem Balkon."), language="de"))
    talk = asked_talk(studio)
    assert talk["script"]["provider"] == {"type": "microsoft", "voice_id": "de-DE-KatjaNeural"}
    assert talk["script"]["input"] == "Ein Licht auf dem Balkon."
    assert talk["config"] == {"result_format": "mp4", "stitch": True}


async def test_a_film_is_as_long_as_its_sound_and_as_large_as_its_portrait(studio: DidStudio) -> None:
    sound = await asyncio.to_thread(speech, LINES)
    request = VideoRequest(model="d-id-talks", portrait=portrait(width=120, height=90, form="PNG"), audio=MediaFile(sound, "audio/mpeg"))
    state = await made(studio, request)
    film = await content(studio.model, state.files[0])
    assert abs(seconds_of(film) - speech_seconds(LINES)) < 0.4
    with av.open(io.BytesIO(film), "r") as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (120, 90)
    assert asked_talk(studio)["script"]["type"] == "audio"
    forms = {one.path: form_of(one.asked) for one in studio.exchanges if one.asked.startswith(b"--")}
    assert forms["/images"] == {"image": request.portrait.content}
    assert forms["/audios"] == {"audio": sound}


async def test_whole_blocks_of_fifteen_seconds_are_charged(studio: DidStudio) -> None:
    assert (await made(studio, asking("A lamp."))).quantities == {"second": 15}
    assert (await made(studio, asking("word " * 40))).quantities == {"second": 30}


async def test_the_correlation_goes_along_and_the_key_goes_nowhere_else(studio: DidStudio) -> None:
    correlation = str(uuid4())
    await ended(studio.model, await studio.model.begin(asking(), correlation=correlation, webhook=None))
    talk = asked_talk(studio)
    assert (talk["user_data"], talk["name"]) == (correlation, correlation)
    assert talk["source_url"].endswith(f"/{correlation}.jpg")
    assert b"sandbox@example.com:sandbox" not in b"".join(one.asked for one in studio.exchanges)


async def test_an_account_s_own_voice_is_asked_for_with_its_own_key(studio: DidStudio) -> None:
    request = replace(asking(), voice="elevenlabs:own-AbC123")
    model = model_at(studio.controls.address, elevenlabs_api_key="xi-secret")
    state = await model.begin(request, correlation=str(uuid4()), webhook=None)
    assert isinstance(await ended(model, state), Finished)
    assert asked_talk(studio)["script"]["provider"] == {"type": "elevenlabs", "voice_id": "own-AbC123"}
    await model.close()
    with pytest.raises(DefiniteFailure):
        await studio.model.begin(request, correlation=str(uuid4()), webhook=None)


async def test_the_sandbox_has_it_under_the_vendor_s_name(tmp_path: Path) -> None:
    assert MANIFEST.simulator is not None
    parts = MANIFEST.simulator(SimulatorSetup(data=tmp_path, host="127.0.0.1"))
    async with served(Starlette(routes=[Mount("/did", cast("ASGIApp", parts.app))])) as address:
        setup = ProviderSetup(f"{address}/did", MANIFEST.sandbox_credentials, is_sandbox=True)
        model = MANIFEST.capabilities[0].build(setup)
        state = await ended(model, await model.begin(asking(), correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished)
        assert seconds_of(await content(model, state.files[0])) > 0.3
        await model.close()


@pytest.mark.parametrize(
    "request_",
    [
        replace(asking(), model="of-tomorrow"),
        replace(asking(), text="ab"),
        replace(asking(), text="x" * 10_001),
        replace(asking(), text=None),
        replace(asking(), audio=MediaFile(b"x", "audio/mpeg")),
        replace(asking(), voice="nobody"),
        replace(asking(), voice="microsoft:"),
        replace(asking(), media_type="video/webm"),
        replace(asking(), portrait=MediaFile(b"GIF89a", "image/gif")),
        replace(asking(), portrait=MediaFile(b"x" * 10_000_001, "image/png")),
        replace(asking(), text=None, audio=MediaFile(b"x" * 6_000_001, "audio/mpeg")),
        replace(asking(), text=None, audio=MediaFile(b"x", "audio/midi")),
    ],
    ids=range(12),
)
async def test_what_the_vendor_cannot_make_is_not_asked_for(studio: DidStudio, request_: VideoRequest) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(request_, correlation=str(uuid4()), webhook=None)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.rejected", False)
    assert studio.exchanges == []


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
@pytest.mark.parametrize("bytes_", [b"", b"no picture", portrait().content[:-40], portrait(form="PNG").content[:-40]], ids=range(4))
async def test_a_portrait_that_is_none_is_refused(studio: DidStudio, media_type: str, bytes_: bytes) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(replace(asking(), portrait=MediaFile(bytes_, media_type)), correlation=str(uuid4()), webhook=None)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.rejected", False)
    assert failure.value.detail == "BadRequestError: invalid image"
    assert await studio.works() == 0


async def test_a_sound_that_is_none_is_refused(studio: DidStudio) -> None:
    request = replace(asking(), text=None, audio=MediaFile(b"no sound at all", "audio/mpeg"))
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(request, correlation=str(uuid4()), webhook=None)
    assert failure.value.detail == "BadRequestError: invalid audio"


@pytest.mark.parametrize("mishap", ["reset", "lost_answer", "error_after_work", "garbage", "server_error"])
async def test_an_upload_without_an_answer_has_made_nothing(studio: DidStudio, mishap: Any) -> None:
    await studio.spoil(mishap, path="/images")
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(asking(), correlation=str(uuid4()), webhook=None)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.unavailable", True)
    assert await studio.works() == 0


@pytest.mark.parametrize(("path", "kind"), [("/images", "ImageModerationError"), ("/audios", "AudioModerationError")])
async def test_an_upload_may_be_refused_for_what_it_shows_or_says(studio: DidStudio, path: str, kind: str) -> None:
    await studio.spoil("refusal", path=path)
    request = replace(asking(), text=None, audio=MediaFile(await asyncio.to_thread(speech, "Two words"), "audio/mpeg"))
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(request, correlation=str(uuid4()), webhook=None)
    assert failure.value.code == "vendor.refused_content"
    assert kind in failure.value.detail


async def test_without_credits_nothing_is_made(studio: DidStudio) -> None:
    await studio.controls.put("/_credits", {"remaining": 1})
    await made(studio, asking())
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.begin(asking(), correlation=str(uuid4()), webhook=None)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.quota_exhausted", False)


@pytest.mark.parametrize(("ends", "code"), [("error", "vendor.rejected"), ("rejected", "vendor.refused_content")])
async def test_how_a_talk_ends_badly_is_told(studio: DidStudio, ends: str, code: str) -> None:
    await studio.controls.put("/_pace", {"seconds": 0.01, "ends": ends})
    state = await ended(studio.model, await studio.model.begin(asking(), correlation=str(uuid4()), webhook=None))
    assert isinstance(state, Failed)
    assert (state.code, state.is_retryable) == (code, False)
    assert state.detail


async def test_a_lost_talk_is_found_behind_many_others(studio: DidStudio) -> None:
    correlation, since = str(uuid4()), now() - timedelta(seconds=1)
    await studio.spoil("lost_answer")
    with pytest.raises(UnknownOutcome):
        await studio.model.begin(asking(), correlation=correlation, webhook=None)
    await studio.controls.post("/_plant", {"count": 250})
    found = await studio.model.find(correlation, since=since)
    assert found is not None
    assert isinstance(await ended(studio.model, found), Finished)
    listings = [one for one in studio.exchanges if (one.method, one.path) == ("get", "/talks")]
    assert len(listings) == 3


async def test_where_talks_are_listed_without_marks_nothing_is_sure(studio: DidStudio) -> None:
    await studio.controls.post("/_plant", {"count": 3})
    with pytest.raises(UnknownOutcome):
        await studio.model.find(str(uuid4()), since=now())
    later = model_at(studio.controls.address, clock=MovedClock(now() + timedelta(hours=2)))
    assert await later.find(str(uuid4()), since=now() + timedelta(hours=1)) is None
    await later.close()


async def test_a_talk_that_may_still_appear_is_not_missing(studio: DidStudio) -> None:
    patient = model_at(studio.controls.address, settling=timedelta(minutes=2))
    with pytest.raises(UnknownOutcome):
        await patient.find(str(uuid4()), since=now())
    assert await patient.find(str(uuid4()), since=now() - timedelta(minutes=3)) is None
    await patient.close()


async def test_what_waits_is_deleted_and_what_is_worked_on_comes_to_its_end(studio: DidStudio) -> None:
    await studio.controls.put("/_pace", {"seconds": 0.6})
    waiting = await studio.model.begin(asking(), correlation=str(uuid4()), webhook=None)
    await studio.model.cancel(waiting.reference)
    with pytest.raises(DefiniteFailure) as failure:
        await studio.model.look_up(waiting.reference)
    assert failure.value.code == "vendor.not_found"
    working = await studio.model.begin(asking(), correlation=str(uuid4()), webhook=None)
    await asyncio.sleep(0.8)
    await studio.model.cancel(working.reference)
    assert isinstance(await studio.model.look_up(working.reference), Begun)
    assert isinstance(await ended(studio.model, working), Finished)
    await studio.model.cancel(working.reference)
    assert isinstance(await studio.model.look_up(working.reference), Finished)


async def test_webhooks_come_unsigned_and_again_and_say_what_looking_up_says(studio: DidStudio) -> None:
    await studio.controls.put("/_webhooks", {"copies": 2})
    state = await made(studio, asking(), webhook=f"{studio.hooks}?token=ours")
    heard = await studio.ear.at_least(2)
    assert heard[0].body == heard[1].body
    told = json.loads(heard[0].body)
    assert (told["id"], told["status"]) == (state.reference, "done")
    assert not {name for name in heard[0].headers if "sign" in name}
    studio.model.verify_webhook(headers=heard[0].headers, body=heard[0].body, now=now())


async def test_webhooks_leave_this_machine_never(studio: DidStudio) -> None:
    await made(studio, asking(), webhook="https://hooks.example.com/talks")
    await studio.controls.post("/_webhooks/settled")
    assert studio.ear.heard == []


async def test_films_are_had_by_their_signed_address_only(studio: DidStudio) -> None:
    state = await made(studio, asking())
    url = state.files[0].url or ""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    for changed in ({**asked, "Signature": "x"}, {**asked, "Expires": "9999999999"}, {}):
        address = urlunsplit((*parts[:3], urlencode(changed), ""))
        with pytest.raises(DefiniteFailure) as failure:
            await content(studio.model, replace(state.files[0], url=address))
        assert failure.value.code == "vendor.forbidden"
    fetched = [one for one in studio.exchanges if one.path.startswith("/results/")]
    assert {one.status for one in fetched} == {403}
    packed = base64.b64encode(KEY.encode()).decode()
    async with studio.controls.http.get(url, headers={"Authorization": f"Basic {packed}"}) as answer:
        assert answer.status == 400


async def test_a_film_elsewhere_is_not_fetched_in_the_sandbox(studio: DidStudio) -> None:
    state = await made(studio, asking())
    with pytest.raises(DefiniteFailure) as failure:
        await content(studio.model, replace(state.files[0], url="http://169.254.169.254/latest/meta-data/"))
    assert failure.value.code == "http.address_refused"


async def test_the_key_is_in_no_error(studio: DidStudio) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await studio.stranger.begin(asking(), correlation=str(uuid4()), webhook=None)
    shown = f"{failure.value} {failure.value.__cause__} {studio.stranger!r}"
    assert "nobody" not in shown
    assert failure.value.detail == "AuthorizationError: user unauthenticated"


async def test_errors_are_worded_as_the_contract_words_them(studio: DidStudio) -> None:
    for mishap, path in (("refusal", "/images"), ("refusal", "/talks")):
        await studio.spoil(mishap, path=path)  # type: ignore[arg-type]
        with pytest.raises(DefiniteFailure):
            await studio.model.begin(asking(), correlation=str(uuid4()), webhook=None)
    with pytest.raises(DefiniteFailure):
        await studio.model.begin(replace(asking(), portrait=MediaFile(b"", "image/png")), correlation=str(uuid4()), webhook=None)
    with pytest.raises(DefiniteFailure):
        await studio.model.look_up("tlk_nobody")
    wrong = [one for one in studio.exchanges if one.status >= 400]
    assert sorted(one.status for one in wrong) == [400, 404, 451, 451]
    for one in wrong:
        known = next(found for found in operations("d-id.json") if found.method == one.method and found.pattern.match(one.path))
        schema = known.described["responses"][str(one.status)]["content"]["application/json"]["schema"]
        validate("d-id.json", schema, json.loads(one.told))


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"script": {"type": "text", "input": "ab"}},
        {"script": {"type": "text", "input": "Some words", "provider": {"type": "microsoft", "voice_id": "Sara"}}},
        {"script": {"type": "audio"}},
        {"script": {"type": "text", "input": "Some words"}, "colour": "blue"},
        {"script": {"type": "text", "input": "Some words"}, "source_url": "https://elsewhere.example/face.jpg"},
        {"script": {"type": "text", "input": "Some words"}, "source_url": "http://elsewhere.example/face.jpg"},
        {"script": {"type": "text", "input": "Some words"}, "webhook": "http://elsewhere.example/hook"},
        {"script": {"type": "text", "input": "Some words"}, "user_data": "x" * 1001},
        {"script": {"type": "text", "input": "Some words"}, "user_data": "  "},
    ],
    ids=range(11),
)
async def test_what_is_asked_wrongly_is_refused_by_the_simulator(body: object) -> None:
    async with opened() as studio:
        packed = base64.b64encode(KEY.encode()).decode()
        asked = studio.controls.http.post(f"{studio.controls.address}/talks", json=body, headers={"Authorization": f"Basic {packed}"})
        async with asked as answer:
            assert answer.status == 400
            assert (await answer.json())["kind"] == "BadRequestError"
        assert await studio.works() == 0
