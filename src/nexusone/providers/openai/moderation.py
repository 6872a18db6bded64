"""Judgements by the Moderations API, free of charge: several texts a call, a picture a call."""

import asyncio
import base64
from collections.abc import Iterable, Sequence

from openai import AsyncOpenAI
from openai.types import ModerationMultiModalInputParam
from pydantic import BaseModel, ValidationError

from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.ports.judging import Judgement
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.catalog import priced_models
from nexusone.providers.openai.client import client_of, named_outcomes

DEADLINE_SECONDS = 60.0
THOUSANDTHS = 1_000


class _Result(BaseModel):
    flagged: bool
    categories: dict[str, bool | None]
    category_scores: dict[str, float | None]


class _Answer(BaseModel):
    results: list[_Result]


class OpenAIModerator:
    """A `Moderator` at any address that speaks the Moderations API; a judgement takes at most `deadline_seconds`."""

    def __init__(self, *, client: AsyncOpenAI, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._client = client
        self._moderations = client.moderations
        self._deadline_seconds = deadline_seconds

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models that judge; free of charge is a price of 0."""
        return priced_models("moderation")

    async def judge(self, *, texts: Sequence[str], images: Sequence[MediaFile] = ()) -> tuple[Judgement, ...]:
        """One judgement an input, by the default model. All calls together have the deadline."""
        with named_outcomes():
            async with asyncio.timeout(self._deadline_seconds):
                judged = await self._ask(list(texts), expected=len(texts)) if texts else ()
                for image in images:
                    # Parts of one input are judged together, so each picture is an input of its own.
                    judged += await self._ask(_parts(image), expected=1)
        return judged

    async def close(self) -> None:
        """Lets go of connections."""
        await self._client.close()

    async def _ask(self, asked: list[str] | list[ModerationMultiModalInputParam], *, expected: int) -> tuple[Judgement, ...]:
        model = next(card.name for card in self.catalog() if card.is_default)
        raw = await self._moderations.with_raw_response.create(model=model, input=asked)
        try:
            results = _Answer.model_validate_json(raw.content).results
        except ValidationError as error:
            raise UnknownOutcome(detail="the answer cannot be read") from error
        if len(results) != expected:
            raise UnknownOutcome(detail=f"{len(results)} judgements for {expected} inputs")
        return tuple(_judgements(results))


def build_moderator(setup: ProviderSetup) -> OpenAIModerator:
    """The moderator at the address of `setup`, with its `api_key`."""
    return OpenAIModerator(client=client_of(setup, deadline_seconds=DEADLINE_SECONDS))


def _parts(image: MediaFile) -> list[ModerationMultiModalInputParam]:
    url = f"data:{image.media_type};base64,{base64.b64encode(image.content).decode('ascii')}"
    return [{"type": "image_url", "image_url": {"url": url}}]


def _judgements(results: Iterable[_Result]) -> Iterable[Judgement]:
    for result in results:
        scores = {name: _thousandths(score) for name, score in result.category_scores.items() if score is not None}
        objected = tuple(sorted(name for name, is_met in result.categories.items() if is_met))
        yield Judgement(is_flagged=result.flagged, categories=objected, scores=scores)


def _thousandths(score: float) -> int:
    return min(THOUSANDTHS, max(0, round(score * THOUSANDTHS)))
