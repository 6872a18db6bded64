"""Speech by the vendor: asked for and answered in one call; what was spoken stays in the account's history."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Never
from urllib.parse import urlencode

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Finished, MadeFile, MediaState, Voice, VoiceRequest, WebhookRefused
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup
from nexusone.platform.vendor_http import VendorHttp
from nexusone.providers.elevenlabs.catalog import ListedModel, listed_model, priced_models
from nexusone.providers.elevenlabs.client import open_client

# Long texts are spoken for minutes before the answer comes.
SPEAKING_SECONDS = 240.0
AUDIO_BYTES_MAX = 256 * 1024 * 1024
# What is longer could be over the bound above, and would be paid for in vain: scripts of a sign a syllable take longest to say.
WAV_CHARACTERS_MAX = 8_000
LIST_BYTES_MAX = 16 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
PAGE = 100
VOICE_PAGES_MAX = 20
HISTORY_PAGES_MAX = 10
LOOK_AGAIN_SECONDS = 2.0
SPEEDS = (0.7, 1.2)
SEEDS = 2**32
FORMATS = {"audio/mpeg": "mp3_44100_128", "audio/wav": "wav_44100"}
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
KEPT = re.compile(r"/v1/history/[A-Za-z0-9_-]{1,64}/audio\Z")


class ElevenLabsVoices:
    """One account's voices. `page` is how many voices or items of the history are asked for at once."""

    def __init__(self, client: VendorHttp, *, page: int = PAGE) -> None:
        self._client, self._page = client, page

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models of models.toml that have a price."""
        return priced_models()

    async def voices(self) -> tuple[Voice, ...]:
        """The account's voices, at most 2,000; those that are lent at a rate of their own are left out: nobody knows their price."""
        found: dict[str, Voice] = {}
        page: Mapping[str, str] = {}
        for _ in range(VOICE_PAGES_MAX):
            asked = {"page_size": str(self._page), "include_total_count": "false", "include_custom_rates": "false", **page}
            told = _mapping(await self._client.call("GET", f"/v2/voices?{urlencode(asked)}", answer_bytes_max=LIST_BYTES_MAX))
            found |= {voice.name: voice for one in _list(told.get("voices")) if (voice := _voice(one)) is not None}
            if not told.get("has_more") or not isinstance(told.get("next_page_token"), str):
                break
            page = {"next_page_token": told["next_page_token"]}
        return tuple(found.values())

    async def begin(self, request: VoiceRequest, *, correlation: str, webhook: str | None) -> MediaState:
        """Speaks, and answers when it is spoken. The vendor calls nobody back, so `webhook` is not used."""
        form, body = _form(request), _body(request)
        answer = await self._client.send(
            "POST",
            f"/v1/text-to-speech/{_identifier(request.voice)}?output_format={form}",
            raw=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            headers={"Accept": request.media_type, "Content-Type": "application/json"},
            answer_bytes_max=AUDIO_BYTES_MAX,
        )
        if not _is_sound(answer.body, request.media_type):
            raise UnknownOutcome(detail="the answer is not the sound that was asked for")
        # Neither header is in the contract; the vendor's documentation names the second, older ones the first.
        reference = answer.headers.get("history-item-id") or answer.headers.get("request-id") or correlation
        return _finished(reference, request.text, MadeFile(request.media_type, content=answer.body))

    async def look_up(self, reference: str) -> MediaState:
        """What the history says, by the id of its item or of the request."""
        if not IDENTIFIER.match(reference):
            raise _not_found()
        try:
            item = await self._client.call("GET", f"/v1/history/{reference}", answer_bytes_max=LIST_BYTES_MAX)
        except DefiniteFailure as failure:
            # How the vendor refuses an id that is none of its items is not in the contract.
            if failure.code not in ("vendor.not_found", "vendor.rejected"):
                raise
        else:
            return self._state(reference, _mapping(item))
        return await self._by_request(reference)

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        """Cannot tell: the vendor keeps nothing by which one request is known from another with the same words."""
        raise UnknownOutcome(detail="the vendor keeps no mark of ours by which a lost request could be found")

    async def cancel(self, reference: str) -> None:
        """Nothing can be stopped: what has a reference is spoken."""

    async def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        """The sound that came with the answer, or from the history."""
        if made.content is None:
            async for piece in self._kept(made.url or "", bytes_max):
                yield piece
            return
        if len(made.content) > bytes_max:
            raise DefiniteFailure(code="vendor.file_too_large", detail=f"over {bytes_max} bytes", is_retryable=False)
        for start in range(0, len(made.content), CHUNK_BYTES):
            yield made.content[start : start + CHUNK_BYTES]

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Refuses all: the vendor sends none about speech."""
        raise WebhookRefused("the vendor sends no webhooks about speech")

    async def close(self) -> None:
        """Ends all connections."""
        await self._client.close()

    def _kept(self, url: str, bytes_max: int) -> AsyncIterator[bytes]:
        # The key goes along, so that nothing but this account's own history may be asked.
        path = url.removeprefix(self._client.address)
        if path == url or not KEPT.match(path):
            _refuse("the address is not one of the account's history")
        return self._client.download(url, bytes_max=bytes_max, headers=self._client.headers)

    async def _by_request(self, request_id: str) -> MediaState:
        after: Mapping[str, str] = {}
        for _ in range(HISTORY_PAGES_MAX):
            asked = {"page_size": str(self._page), "source": "TTS", **after}
            told = _mapping(await self._client.call("GET", f"/v1/history?{urlencode(asked)}", answer_bytes_max=LIST_BYTES_MAX))
            for item in _list(told.get("history")):
                if _mapping(item).get("request_id") == request_id:
                    return self._state(request_id, item)
            if not told.get("has_more") or not isinstance(told.get("last_history_item_id"), str):
                raise _not_found()
            after = {"start_after_history_item_id": told["last_history_item_id"]}
        raise UnknownOutcome(detail="the request is not among the newest of the history, which goes on")

    def _state(self, reference: str, item: Mapping[str, Any]) -> MediaState:
        identifier, text = item.get("history_item_id"), item.get("text")
        if item.get("state") == "deleted":
            raise _not_found()
        if item.get("state") == "processing":
            return Begun(reference, LOOK_AGAIN_SECONDS)
        if not isinstance(identifier, str) or not IDENTIFIER.match(identifier) or not isinstance(text, str):
            raise UnknownOutcome(detail="the history's item cannot be read")
        media_type = "audio/wav" if "wav" in str(item.get("content_type")) else "audio/mpeg"
        return _finished(reference, text, MadeFile(media_type, url=f"{self._client.address}/v1/history/{identifier}/audio"))


def build_voices(setup: ProviderSetup) -> ElevenLabsVoices:
    """The voices at the address of `setup`, with its `api_key`."""
    origin = "/".join(setup.address.split("/")[:3])
    http = OutgoingHttp(sandbox_reach(origin) if setup.is_sandbox else LIVE, total_seconds=SPEAKING_SECONDS)
    return ElevenLabsVoices(open_client(http=http, address=setup.address, api_key=setup.credentials["api_key"]))


def _finished(reference: str, text: str, made: MadeFile) -> Finished:
    # The text's own length is what prices are for. The vendor's `character-cost` counts credits, half a one a character on fast models.
    return Finished(reference=reference, files=(made,), quantities={"character": max(1, len(text))})


def _body(request: VoiceRequest) -> Mapping[str, object]:
    model = listed_model(request.model) or ListedModel(name=request.model, title=request.model, characters_max=1)
    language = (request.language or "").split("-")[0].lower()
    if language and model.languages and language not in model.languages:
        _refuse(f"{model.name} does not speak {language}")
    if request.seed is not None and not 0 <= request.seed < SEEDS:
        _refuse("a seed is between 0 and 4294967295")
    settings = _settings(request, model)
    return {
        "text": request.text,
        "model_id": request.model,
        **({"language_code": language} if language and model.takes_language else {}),
        **({"voice_settings": settings} if settings else {}),
        **({"seed": request.seed} if request.seed is not None else {}),
    }


def _settings(request: VoiceRequest, model: ListedModel) -> Mapping[str, float]:
    """Only what was asked for: everything else stays as the voice's owner has set it."""
    settings: dict[str, float] = {}
    if request.stability is not None:
        if not 0 <= request.stability <= 1:
            _refuse("stability is between 0 and 1")
        settings["stability"] = request.stability
    if request.speed != 1.0:
        if not model.takes_speed:
            _refuse(f"{model.name} speaks at no other speed than its own")
        if not SPEEDS[0] <= request.speed <= SPEEDS[1]:
            _refuse(f"speed is between {SPEEDS[0]} and {SPEEDS[1]}")
        settings["speed"] = request.speed
    return settings


def _form(request: VoiceRequest) -> str:
    if request.media_type not in FORMATS:
        _refuse(f"{request.media_type} is not made here")
    if request.media_type == "audio/wav" and len(request.text) > WAV_CHARACTERS_MAX:
        _refuse(f"as WAV, no more than {WAV_CHARACTERS_MAX} characters are spoken at once")
    return FORMATS[request.media_type]


def _identifier(voice: str) -> str:
    if not IDENTIFIER.match(voice):
        _refuse("the voice is not named by an id")
    return voice


def _refuse(detail: str) -> Never:
    raise DefiniteFailure(code="vendor.rejected", detail=detail, is_retryable=False)


def _not_found() -> DefiniteFailure:
    return DefiniteFailure(code="vendor.not_found", detail="the history has no such item", is_retryable=False)


def _is_sound(content: bytes, media_type: str) -> bool:
    if media_type == "audio/wav":
        return content[:4] == b"RIFF" and content[8:12] == b"WAVE"
    return content[:3] == b"ID3" or (len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0)


def _voice(told: object) -> Voice | None:
    voice = _mapping(told)
    name, title = voice.get("voice_id"), voice.get("name")
    if not isinstance(name, str) or not isinstance(title, str):
        return None
    preview, labels = voice.get("preview_url"), voice.get("labels")
    verified = [_mapping(one).get("language") for one in _list(voice.get("verified_languages"))]
    spoken = [*verified, _mapping(labels).get("language")]
    languages = tuple(dict.fromkeys(language for language in spoken if isinstance(language, str) and language))
    return Voice(name, title, languages, preview if isinstance(preview, str) else None)


def _mapping(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _list(told: object) -> list[Any]:
    return told if isinstance(told, list) else []
