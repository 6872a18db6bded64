"""Portraits that talk: the portrait and the sound are uploaded, then a talk is asked for.

The vendor knows no idempotency key. Our correlation travels in what it keeps with a talk, and a talk whose answer was lost is
looked for in the list of talks.
"""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import MadeFile, MediaFile, MediaState, VideoRequest
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.platform.provider import ProviderSetup
from nexusone.platform.vendor_http import Part, VendorHttp
from nexusone.providers.did.answers import Talk, read_page, read_talk, state_of
from nexusone.providers.did.catalog import VIDEO, ListedModel, ListedVoice, find_model, find_voice, offered_models
from nexusone.providers.did.client import open_vendor

LOOK_AGAIN_SECONDS = 3.0
LOOK_AGAIN_SANDBOX_SECONDS = 0.2
# The vendor's gateway gives up on a request before the vendor does: a talk may appear after its answer was lost.
SETTLING = timedelta(minutes=2)
CLOCKS_DIFFER = timedelta(minutes=5)
PAGE_SIZE = 100
PAGES_MAX = 20
PAGE_BYTES_MAX = 8 * 1024 * 1024
TEXT_CHARACTERS_MIN = 3
IMAGES = {"image/jpeg": "jpg", "image/png": "png"}
SOUNDS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/mp4": "m4a", "audio/flac": "flac"}


class DidVideoModel:
    """One account. `settling` is how long after a request nothing can be said to be missing."""

    def __init__(
        self,
        *,
        vendor: VendorHttp,
        clock: Clock,
        settling: timedelta,
        look_again_seconds: float,
        elevenlabs_api_key: str | None = None,
    ) -> None:
        self._vendor, self._clock, self._settling = vendor, clock, settling
        self._look_again_seconds = look_again_seconds
        self._elevenlabs_api_key = elevenlabs_api_key

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with a price."""
        return offered_models()

    async def begin(self, request: VideoRequest, *, correlation: str, webhook: str | None) -> MediaState:
        """Uploads, then asks for the talk; until then nothing has been done that is paid for."""
        voice = _checked(request)
        portrait = await self._uploaded("/images", "image", request.portrait, f"{correlation}.{IMAGES[request.portrait.media_type]}")
        script: dict[str, object] = {"type": "text", "input": request.text, "ssml": False}
        headers: Mapping[str, str] = {}
        if request.audio is not None:
            name = f"{correlation}.{SOUNDS[request.audio.media_type]}"
            script = {"type": "audio", "audio_url": await self._uploaded("/audios", "audio", request.audio, name)}
        elif voice is not None:
            script["provider"] = {"type": voice.provider, "voice_id": voice.name}
            headers = self._foreign_key(voice)
        body = {
            "source_url": portrait,
            "script": script,
            "config": {"result_format": "mp4", "stitch": True},
            "name": correlation,
            "user_data": correlation,
            **({"webhook": webhook} if webhook else {}),
        }
        return self._state(read_talk(await self._vendor.call("POST", "/talks", body=body, headers=headers)))

    async def look_up(self, reference: str) -> MediaState:
        """What became of it."""
        return self._state(await self._talk(reference))

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        """Looks through the list, newest first."""
        is_marking = False
        candidates = 0
        async for talk in self._listed(since - CLOCKS_DIFFER):
            if talk.is_of(correlation):
                return await self.look_up(talk.id)
            is_marking = is_marking or talk.is_marked()
            candidates += talk.is_since(since - CLOCKS_DIFFER)
        if candidates and not is_marking:
            raise UnknownOutcome(detail="the vendor lists talks and does not say whose they are")
        if self._clock.now() < since + self._settling:
            raise UnknownOutcome(detail="the talk may still appear")
        return None

    async def cancel(self, reference: str) -> None:
        """Deletes what is not made yet; the vendor does not delete what it is working on, which then comes to its end."""
        if (await self._talk(reference)).status not in ("created", "started"):
            return
        try:
            await self._vendor.call("DELETE", f"/talks/{quote(reference, safe='')}")
        except DefiniteFailure as failure:
            if failure.code not in ("vendor.not_ready", "vendor.not_found"):
                raise

    def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        """From the vendor's storage, by the signed address."""
        if made.url is None:
            raise DefiniteFailure(code="vendor.not_found", detail="the file has no address", is_retryable=False)
        return self._vendor.download(made.url, bytes_max=bytes_max)

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """The vendor signs nothing: nothing is judged here, and nothing of it is believed."""

    async def close(self) -> None:
        """Lets go of connections."""
        await self._vendor.close()

    def _state(self, talk: Talk) -> MediaState:
        return state_of(talk, look_again_seconds=self._look_again_seconds)

    async def _talk(self, reference: str) -> Talk:
        return read_talk(await self._vendor.call("GET", f"/talks/{quote(reference, safe='')}"))

    async def _listed(self, since: datetime) -> AsyncIterator[Talk]:
        asked: dict[str, str | int] = {"limit": PAGE_SIZE}
        for _ in range(PAGES_MAX):
            page = read_page(await self._vendor.call("GET", f"/talks?{urlencode(asked)}", answer_bytes_max=PAGE_BYTES_MAX))
            for talk in page.talks:
                yield talk
            if not page.token or not any(talk.is_since(since) for talk in page.talks):
                return
            asked["token"] = page.token
        raise UnknownOutcome(detail="the vendor lists more talks than are looked through")

    async def _uploaded(self, path: str, field: str, file: MediaFile, filename: str) -> str:
        try:
            told = await self._vendor.upload(path, (Part(field, filename, file.media_type, file.content),))
        except UnknownOutcome as error:
            # A file that was uploaded makes nothing and costs nothing: what is wanted has surely not been done.
            raise DefiniteFailure(
                code="vendor.unavailable", detail=f"the upload got no answer: {error.detail}", is_retryable=True
            ) from error
        url = told.get("url") if isinstance(told, dict) else None
        if not isinstance(url, str):
            raise DefiniteFailure(code="vendor.unavailable", detail="the upload's answer names no address", is_retryable=True)
        return url

    def _foreign_key(self, voice: ListedVoice) -> Mapping[str, str]:
        if voice.provider != "elevenlabs" or not self._elevenlabs_api_key:
            return {}
        return {"x-api-key-external": json.dumps({"elevenlabs": self._elevenlabs_api_key})}


def build_videos(setup: ProviderSetup) -> DidVideoModel:
    """The model at the address of `setup`, with its `api_key` and, where it is there, its `elevenlabs_api_key`."""
    return DidVideoModel(
        vendor=open_vendor(setup),
        clock=SystemClock(),
        settling=timedelta(0) if setup.is_sandbox else SETTLING,
        look_again_seconds=LOOK_AGAIN_SANDBOX_SECONDS if setup.is_sandbox else LOOK_AGAIN_SECONDS,
        elevenlabs_api_key=setup.credentials.get("elevenlabs_api_key"),
    )


def _checked(request: VideoRequest) -> ListedVoice | None:
    model = find_model(request.model)
    if model is None:
        raise _refused("this model is not offered")
    if request.media_type != VIDEO or request.portrait.media_type not in IMAGES:
        raise _refused("a talk is an MP4 made from a JPEG or a PNG")
    if len(request.portrait.content) > model.image_bytes_max:
        raise _refused("the portrait is too large")
    if (request.audio is None) == (request.text is None):
        raise _refused("a talk has either a text or a sound")
    if request.audio is not None:
        _check_sound(request.audio, model)
        return None
    return _checked_voice(request, model)


def _check_sound(sound: MediaFile, model: ListedModel) -> None:
    if sound.media_type not in SOUNDS:
        raise _refused("this kind of sound is not taken")
    if len(sound.content) > model.audio_bytes_max:
        raise _refused("the sound is too large")


def _checked_voice(request: VideoRequest, model: ListedModel) -> ListedVoice:
    if not TEXT_CHARACTERS_MIN <= len((request.text or "").strip()) <= model.prompt_characters_max:
        raise _refused(f"a text has {TEXT_CHARACTERS_MIN} to {model.prompt_characters_max} characters")
    voice = find_voice(request.voice, language=request.language)
    if voice is None:
        raise _refused("this voice is not known")
    return voice


def _refused(detail: str) -> DefiniteFailure:
    return DefiniteFailure(code="vendor.rejected", detail=detail, is_retryable=False)
