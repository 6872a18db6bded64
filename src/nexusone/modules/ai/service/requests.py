"""What a vendor is asked for, from what a customer asked for."""

from pydantic import TypeAdapter

from nexusone.modules.ai.contracts.generations import NewImage, NewMedia, NewVideo, NewVoice
from nexusone.modules.ai.ports.media import ImageRequest, MediaFile, VideoRequest, VoiceRequest
from nexusone.modules.ai.service.assets import read_asset
from nexusone.modules.ai.service.models import get_model
from nexusone.modules.ai.service.own_keys import NO_OWN, own_vendors
from nexusone.modules.ai.service.writing import end_user_of
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

_WANTED: TypeAdapter[NewMedia] = TypeAdapter(NewMedia)


async def media_request(ctx: Context, row: GenerationRow) -> ImageRequest | VoiceRequest | VideoRequest:
    """The request to the row's present model.

    Raises:
        AssetNotFound: a file that goes along is not there any more.
    """
    wanted = _WANTED.validate_python(row.request, strict=False)
    match wanted:
        case NewImage():
            return ImageRequest(
                model=row.model,
                prompt=wanted.prompt,
                width=wanted.width,
                height=wanted.height,
                count=wanted.count,
                media_type=wanted.media_type,
                negative_prompt=wanted.negative_prompt,
                quality=wanted.quality,
                seed=wanted.seed,
                end_user=end_user_of(ctx, row),
            )
        case NewVoice():
            return VoiceRequest(
                model=row.model,
                text=wanted.prompt,
                voice=wanted.voice or await _first_voice(ctx, row) or "",
                language=_language(wanted.locale),
                media_type=wanted.media_type,
                speed=wanted.speed_percent / 100,
                seed=wanted.seed,
            )
        case NewVideo():
            audio = None if wanted.audio_asset_id is None else await read_asset(ctx, asset_id=wanted.audio_asset_id)
            portrait = await read_asset(ctx, asset_id=wanted.portrait_asset_id)
            return VideoRequest(
                model=row.model,
                portrait=MediaFile(portrait[1], portrait[0].media_type),
                audio=None if audio is None else MediaFile(audio[1], audio[0].media_type),
                text=wanted.prompt,
                voice=wanted.voice or (await _first_voice(ctx, row) if wanted.prompt else None),
                language=_language(wanted.locale),
            )


async def _first_voice(ctx: Context, row: GenerationRow) -> str | None:
    own = await own_vendors(ctx) if row.is_own_key else NO_OWN
    card = get_model(ctx, kind=row.kind, name=row.model, own=own)
    return card.voices[0] if card.voices else None


def _language(locale: str | None) -> str | None:
    return None if locale is None else locale.partition("-")[0]
