"""The voices that read aloud: listed as their vendors say, remembered for a while; only what has a known price may be asked for."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import structlog

from nexusone.kernel.errors import FieldError
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.generations import NewMedia, NewVideo, NewVoice
from nexusone.modules.ai.contracts.speakers import Speaker
from nexusone.modules.ai.ports.media import Voice, VoiceModel
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.service.models import house_vendors, is_own
from nexusone.modules.ai.service.own_keys import OwnVendors, own_vendors
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context

LISTS_MAX = 500

_log = structlog.get_logger(__name__)


class VoiceLists:
    """Which voices vendors told of a moment ago: the deployment's accounts' for everybody, a workspace's own for it alone."""

    def __init__(self) -> None:
        self._lists: OrderedDict[tuple[UUID | None, str], tuple[datetime, tuple[Voice, ...]]] = OrderedDict()

    def find(self, workspace_id: UUID | None, vendor: str, *, since: datetime) -> tuple[Voice, ...] | None:
        """What was told after `since`."""
        found = self._lists.get((workspace_id, vendor))
        return None if found is None or found[0] < since else found[1]

    def keep(self, workspace_id: UUID | None, vendor: str, voices: tuple[Voice, ...], *, now: datetime) -> None:
        """Remembers a list; the oldest go where there are too many."""
        self._lists[workspace_id, vendor] = (now, voices)
        self._lists.move_to_end((workspace_id, vendor))
        while len(self._lists) > LISTS_MAX:
            self._lists.popitem(last=False)

    def forget(self, workspace_id: UUID, vendor: str) -> None:
        """The workspace has another account there now."""
        self._lists.pop((workspace_id, vendor), None)


async def list_speakers(ctx: Context, *, request: PageRequest) -> PageOf[Speaker]:
    """All voices, by vendor and name; a vendor that does not answer has only those of its tables."""
    own = await own_vendors(ctx)
    names = sorted({*house_vendors(ctx, "voice"), *own.by_kind.get("voice", {})})
    found = [_speaker(name, voice, own) for name in names for voice in await _voices(ctx, name, own)]
    after = request.after[:2] if request.after else ("", "")
    left = [one for one in sorted(found, key=_place) if _place(one) > tuple(after)]
    items = tuple(left[: request.limit])
    return PageOf(items=items, next_after=_place(items[-1]) if len(left) > request.limit else None)


async def voice_faults(ctx: Context, card: ModelCard, wanted: NewMedia, own: OwnVendors) -> tuple[FieldError, ...]:
    """What is wrong with the voice that was asked for: through the deployment's account only voices at the model's price are lent."""
    if not isinstance(wanted, NewVoice | NewVideo) or wanted.voice is None or is_own(card, own):
        return ()
    known: Iterable[str] = card.voices
    if wanted.voice not in card.voices and isinstance(wanted, NewVoice):
        known = {voice.name for voice in await _voices(ctx, card.vendor, own)}
    if wanted.voice in known or (isinstance(wanted, NewVideo) and not card.voices):
        return ()
    detail = f"{card.name} has no such voice; GET /v1/voices and GET /v1/models say which there are"
    return (FieldError(pointer="/voice", code="not_offered", detail=detail),)


async def _voices(ctx: Context, vendor: str, own: OwnVendors) -> tuple[Voice, ...]:
    client = own.find("voice", vendor)
    whose = None if client is None else ctx.workspace
    model = cast(VoiceModel, client or house_vendors(ctx, "voice")[vendor])
    lists, now = ctx.runtime.port(VoiceLists), ctx.now()
    since = now - timedelta(seconds=ctx.setting(AiSettings).voices_kept_seconds)
    # What simulators tell a test is not kept among what vendors told.
    if not ctx.is_test and (kept := lists.find(whose, vendor, since=since)) is not None:
        return kept
    try:
        voices = await model.voices()
    except (DefiniteFailure, UnknownOutcome) as error:
        _log.warning("voices.not_listed", vendor=vendor, error=str(error))
        return tuple(Voice(name, name) for name in dict.fromkeys(name for card in model.catalog() for name in card.voices))
    if not ctx.is_test:
        lists.keep(whose, vendor, voices, now=now)
    return voices


def _speaker(vendor: str, voice: Voice, own: OwnVendors) -> Speaker:
    return Speaker(
        name=voice.name,
        title=voice.title,
        provider=vendor,
        languages=voice.languages,
        preview_url=voice.preview_url,
        is_own_key=own.find("voice", vendor) is not None,
    )


def _place(speaker: Speaker) -> tuple[str, str]:
    return speaker.provider, speaker.name
