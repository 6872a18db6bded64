"""Pictures by the Images API: the vendor answers at once, with the pictures inside its answer.

It keeps no list of what it drew, so an answer that got lost is never found again.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from math import ceil
from typing import Literal

from openai import AsyncOpenAI, omit
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Finished, ImageRequest, MadeFile, MediaState
from nexusone.modules.ai.ports.models import ModelCard, Unit
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.answers import CHARACTERS_PER_TOKEN
from nexusone.providers.openai.catalog import Quality, card_of, priced_models
from nexusone.providers.openai.client import client_of, named_outcomes, opaque

DEADLINE_SECONDS = 300.0
CHUNK_BYTES = 65_536
# What a request without a quality gets: "auto" would leave the price to the vendor.
DEFAULT_QUALITY: Quality = "medium"
FORMATS: Mapping[str, Literal["png", "jpeg", "webp"]] = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}


class _Picture(BaseModel):
    b64_json: str = Field(min_length=1)


class _Usage(BaseModel):
    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt


class _Answer(BaseModel):
    data: list[_Picture] = Field(min_length=1)
    usage: _Usage | None = None


class OpenAIImageModel:
    """An `ImageModel` at any address that speaks the Images API; a call takes at most `deadline_seconds`."""

    def __init__(self, *, client: AsyncOpenAI, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._client = client
        self._images = client.images
        self._deadline_seconds = deadline_seconds

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with known prices."""
        return priced_models("image")

    async def begin(self, request: ImageRequest, *, correlation: str, webhook: str | None) -> MediaState:
        """Draws, and has finished. A request without a quality is one of medium quality; a seed means nothing to this vendor."""
        size, wanted = f"{request.width}x{request.height}", FORMATS.get(request.media_type)
        card = card_of(request.model, kind="image")
        if wanted is None or (card is not None and size not in card.sizes):
            raise DefiniteFailure(code="vendor.rejected", detail=f"no {request.media_type} of {size}", is_retryable=False)
        with named_outcomes():
            async with asyncio.timeout(self._deadline_seconds):
                raw = await self._images.with_raw_response.generate(
                    model=request.model,
                    prompt=_prompt(request),
                    n=request.count,
                    size=size,
                    quality=request.quality or DEFAULT_QUALITY,
                    output_format=wanted,
                    moderation="auto",
                    user=omit if request.end_user is None else opaque(request.end_user),
                )
        answer = _read(raw.content)
        return Finished(
            reference=raw.headers.get("x-request-id") or correlation,
            files=tuple(MadeFile(media_type=request.media_type, content=_decoded(picture)) for picture in answer.data),
            quantities=_charged(answer, request=request, card=card),
        )

    async def look_up(self, reference: str) -> MediaState:
        """Raises DefiniteFailure: the vendor keeps nothing that could be looked at."""
        raise DefiniteFailure(code="vendor.not_found", detail="the vendor keeps no pictures", is_retryable=False)

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        """Raises UnknownOutcome: the vendor cannot be asked what it drew."""
        raise UnknownOutcome(detail="the vendor keeps no list of what it drew")

    async def cancel(self, reference: str) -> None:
        """Nothing is ever under way."""

    async def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        """The bytes that came with the answer."""
        content = made.content or b""
        if len(content) > bytes_max:
            raise DefiniteFailure(code="vendor.file_too_large", detail=f"more than {bytes_max} bytes", is_retryable=False)
        for start in range(0, len(content), CHUNK_BYTES):
            yield content[start : start + CHUNK_BYTES]

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """The vendor sends none for pictures; whatever comes is believed in nothing."""

    async def close(self) -> None:
        """Lets go of connections."""
        await self._client.close()


def build_images(setup: ProviderSetup) -> OpenAIImageModel:
    """The model at the address of `setup`, with its `api_key`."""
    return OpenAIImageModel(client=client_of(setup, deadline_seconds=DEADLINE_SECONDS))


def _prompt(request: ImageRequest) -> str:
    return f"{request.prompt}\n\nAvoid: {request.negative_prompt}" if request.negative_prompt else request.prompt


def _read(body: bytes) -> _Answer:
    try:
        return _Answer.model_validate_json(body)
    except ValidationError as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error


def _decoded(picture: _Picture) -> bytes:
    try:
        return base64.b64decode(picture.b64_json, validate=True)
    except binascii.Error as error:
        raise UnknownOutcome(detail="a picture in the answer cannot be read") from error


def _charged(answer: _Answer, *, request: ImageRequest, card: ModelCard | None) -> dict[Unit, int]:
    """What the price table charges by; a compatible server may leave usage out, which then is counted from lengths."""
    usage = answer.usage or _Usage(input_tokens=ceil(len(_prompt(request)) / CHARACTERS_PER_TOKEN), output_tokens=0)
    counted: dict[Unit, int] = {"input_token": usage.input_tokens, "output_token": usage.output_tokens, "image": len(answer.data)}
    units = {"image"} if card is None else {price.unit for price in card.prices}
    return {unit: amount for unit, amount in counted.items() if unit in units and amount > 0}
