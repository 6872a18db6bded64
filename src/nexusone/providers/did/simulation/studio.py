"""Talks and how they come to be: created, started, then a film, an error or a rejection; told to whoever asked to be told."""

import asyncio
import json
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex, token_urlsafe
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nexusone.kernel.clock import Clock
from nexusone.providers.did.simulation.asked import DEFAULT_PICTURE, AudioScript, NewTalk
from nexusone.providers.did.simulation.refusals import VendorRefusal, bad_request, no_credits, not_found
from nexusone.providers.did.simulation.signing import Signer
from nexusone.providers.did.simulation.uploads import Upload, Uploads
from nexusone.web.simulation.files import film, speech_seconds
from nexusone.web.simulation.webhooks import WebhookSender

Json = dict[str, Any]
Ending = Literal["done", "error", "rejected"]
KEPT_MAX = 500
AT_ONCE = 2
SIDE_MAX = 512
BLOCK_SECONDS = 15
CREDITS = 10_000
VENDOR_FRAMES_PER_SECOND = 25
ERRORS: dict[Ending, Json] = {
    "error": {"kind": "FaceError", "description": "face not detected"},
    "rejected": {"kind": "ImageModerationError", "description": "Automatic content moderation"},
}


class Pace(BaseModel):
    """How long each step of a talk takes, and how talks end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(default=0.02, ge=0, le=600)
    ends: Ending = "done"


@dataclass(slots=True)
class Talk:
    """One talk."""

    id: str
    asked: NewTalk
    created_at: datetime
    modified_at: datetime
    portrait: Upload | None
    sound: Upload | None
    status: str = "created"
    started_at: datetime | None = None
    seconds: float = 0.0
    error: Json | None = None
    content: bytes = field(default=b"", repr=False)


class Studio:
    """All talks of the one account. `address` is where the simulator is reached, for the addresses that it gives."""

    def __init__(self, *, clock: Clock, user: str, uploads: Uploads, sender: WebhookSender, signer: Signer) -> None:
        self.pace = Pace()
        self.credits = CREDITS
        self._clock, self._user, self._uploads, self._sender, self._signer = clock, user, uploads, sender, signer
        self._talks: OrderedDict[str, Talk] = OrderedDict()
        self._works: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    def ask(self, asked: NewTalk, *, ends: Ending | None, address: str) -> Json:
        """Takes a talk on. Raises: VendorRefusal."""
        portrait = self._uploads.find(asked.source_url)
        if portrait is None and asked.source_url != DEFAULT_PICTURE:
            raise bad_request("invalid actor url")
        sound = self._uploads.find(asked.script.audio_url) if isinstance(asked.script, AudioScript) else None
        if isinstance(asked.script, AudioScript) and sound is None:
            raise bad_request("invalid audio url")
        seconds = sound.seconds if sound else speech_seconds(asked.script.input)  # type: ignore[union-attr]
        blocks = math.ceil(seconds / BLOCK_SECONDS)
        if blocks > self.credits:
            raise no_credits()
        self.credits -= blocks
        now = self._clock.now()
        talk = Talk(f"tlk_{token_urlsafe(15)}", asked, now, now, portrait, sound, seconds=seconds + asked.config.pad_audio)
        self._keep(talk)
        work = asyncio.create_task(self._work(talk, ends or self.pace.ends, address))
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        return {"id": talk.id, "object": "talk", "created_at": _written(now), "created_by": self._user, "status": "created"}

    def show(self, identifier: str, *, address: str) -> Json:
        """A talk as it is told. Raises: VendorRefusal."""
        return self._told(self._get(identifier), address)

    def remove(self, identifier: str, *, address: str) -> Json:
        """Forgets a talk that is not being worked on. Raises: VendorRefusal."""
        talk = self._get(identifier)
        if talk.status == "started":
            raise VendorRefusal(409, "NotReadyError", "talk is not ready")
        del self._talks[identifier]
        return self._told(talk, address)

    def page(self, *, limit: int, token: str | None, address: str) -> Json:
        """Talks, newest first."""
        newest = list(self._talks.values())[::-1]
        start = next((number + 1 for number, talk in enumerate(newest) if talk.id == token), 0) if token else 0
        shown = newest[start : start + limit]
        more = {"token": shown[-1].id} if shown and start + limit < len(newest) else {}
        return {"talks": [self._told(talk, address) for talk in shown], **more}

    def film_of(self, identifier: str) -> bytes | None:
        """A film that is made."""
        talk = self._talks.get(identifier)
        return talk.content if talk is not None and talk.status == "done" else None

    def plant(self, count: int) -> None:
        """Talks that somebody else made with the account, a day ago at the most."""
        for _ in range(count):
            now = self._clock.now()
            asked = NewTalk.model_validate({"script": {"type": "text", "input": "Somebody else's."}})
            self._keep(Talk(f"tlk_{token_urlsafe(15)}", asked, now, now, None, None, status="error", error=ERRORS["error"]))

    def _get(self, identifier: str) -> Talk:
        talk = self._talks.get(identifier)
        if talk is None:
            raise not_found("talk")
        return talk

    def _keep(self, talk: Talk) -> None:
        self._talks[talk.id] = talk
        while len(self._talks) > KEPT_MAX:
            self._talks.popitem(last=False)

    async def _work(self, talk: Talk, ends: Ending, address: str) -> None:
        await asyncio.sleep(self.pace.seconds)
        if talk.id not in self._talks:
            return
        talk.status, talk.started_at = "started", self._clock.now()
        if ends == "done":
            async with self._places:
                talk.content = await asyncio.to_thread(_filmed, talk)
        await asyncio.sleep(self.pace.seconds)
        talk.status, talk.modified_at, talk.error = ends, self._clock.now(), ERRORS.get(ends)
        if (url := talk.asked.hears()) is not None:
            self._sender.send(url, json.dumps(self._told(talk, address)).encode())

    def _told(self, talk: Talk, address: str) -> Json:
        asked = talk.asked
        told: Json = {
            "id": talk.id,
            "user_id": self._user,
            "source_url": asked.source_url,
            "driver_url": "bank://lively/",
            "created_at": _written(talk.created_at),
            "created_by": self._user,
            "modified_at": _written(talk.modified_at),
            "status": talk.status,
            "config": {"stitch": bool(asked.config.stitch), "result_format": "mp4", "fluent": False, "pad_audio": asked.config.pad_audio},
        }
        optional = {
            "audio_url": f"https://d-id-talks.sandbox.invalid/{self._user}/{talk.id}/sound.wav",
            "started_at": _written(talk.started_at) if talk.started_at else None,
            "webhook": asked.webhook,
            "user_data": asked.user_data,
            "name": asked.name,
            "error": talk.error,
        }
        told |= {name: value for name, value in optional.items() if value is not None}
        return told | self._made(talk, address) if talk.status == "done" else told

    def _made(self, talk: Talk, address: str) -> Json:
        width, height = _size(talk)
        frames = round(talk.seconds * VENDOR_FRAMES_PER_SECOND)
        return {
            "result_url": self._signer.signed(f"{address}/results/{self._user}/{talk.id}/film.mp4"),
            # The vendor tells whole seconds.
            "duration": math.ceil(talk.seconds),
            "metadata": {"num_frames": frames, "num_faces": 1, "resolution": [width, height], "size_kib": len(talk.content) / 1024},
        }


def _filmed(talk: Talk) -> bytes:
    width, height = _size(talk)
    words = "" if isinstance(talk.asked.script, AudioScript) else talk.asked.script.input
    return film(
        words or token_hex(4),
        seconds=talk.seconds,
        width=width,
        height=height,
        portrait=talk.portrait.content if talk.portrait else None,
        sound=talk.sound.content if talk.sound else None,
    )


def _size(talk: Talk) -> tuple[int, int]:
    if talk.portrait is None:
        return SIDE_MAX, SIDE_MAX
    part = min(1.0, SIDE_MAX / max(talk.portrait.width, talk.portrait.height))
    return _even(talk.portrait.width * part), _even(talk.portrait.height * part)


def _even(side: float) -> int:
    return max(16, round(side / 2) * 2)


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
