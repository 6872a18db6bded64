"""Vectors by the Embeddings API, asked for in base64: a third of the bytes that decimal numbers take."""

import asyncio
import base64
import binascii
import sys
from array import array
from collections.abc import Iterator, Sequence
from math import ceil, isfinite

from openai import AsyncOpenAI, omit
from pydantic import BaseModel, NonNegativeInt, ValidationError

from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.ports.judging import Embeddings
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.answers import CHARACTERS_PER_TOKEN
from nexusone.providers.openai.catalog import card_of, priced_models
from nexusone.providers.openai.client import client_of, named_outcomes

DEADLINE_SECONDS = 120.0
# The vendor takes 300,000 tokens a call; a token is at least one byte.
CALL_BYTES_MAX = 300_000
FLOAT_BYTES = 4


class _Item(BaseModel):
    index: int
    embedding: str | list[float]


class _Usage(BaseModel):
    prompt_tokens: NonNegativeInt


class _Answer(BaseModel):
    data: list[_Item]
    model: str
    usage: _Usage | None = None


class OpenAIEmbedder:
    """An `Embedder` at any address that speaks the Embeddings API; all calls for one question take at most `deadline_seconds`."""

    def __init__(self, *, client: AsyncOpenAI, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._client = client
        self._embeddings = client.embeddings
        self._deadline_seconds = deadline_seconds

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with known prices."""
        return priced_models("embedding")

    async def embed(self, texts: Sequence[str], *, model: str) -> Embeddings:
        """One call as a rule; several where the texts are too long together for one."""
        vectors: list[tuple[float, ...]] = []
        tokens, told = 0, model
        with named_outcomes():
            async with asyncio.timeout(self._deadline_seconds):
                for batch in _batches(texts):
                    answer = await self._ask(batch, model=model)
                    vectors += _vectors(answer, expected=len(batch), card=card_of(model, kind="embedding"))
                    tokens += _tokens(answer, batch)
                    told = answer.model
        return Embeddings(vectors=tuple(vectors), input_tokens=tokens, model=told)

    async def close(self) -> None:
        """Lets go of connections."""
        await self._client.close()

    async def _ask(self, batch: list[str], *, model: str) -> _Answer:
        card = card_of(model, kind="embedding")
        raw = await self._embeddings.with_raw_response.create(
            model=model, input=batch, encoding_format="base64", dimensions=omit if card is None else card.dimensions
        )
        try:
            return _Answer.model_validate_json(raw.content)
        except ValidationError as error:
            raise UnknownOutcome(detail="the answer cannot be read") from error


def build_embedder(setup: ProviderSetup) -> OpenAIEmbedder:
    """The embedder at the address of `setup`, with its `api_key`."""
    return OpenAIEmbedder(client=client_of(setup, deadline_seconds=DEADLINE_SECONDS))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode("utf-8", "surrogatepass"))
        if batch and size + length > CALL_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch


def _vectors(answer: _Answer, *, expected: int, card: ModelCard | None) -> list[tuple[float, ...]]:
    items = sorted(answer.data, key=lambda item: item.index)
    if [item.index for item in items] != list(range(expected)):
        raise UnknownOutcome(detail=f"{len(items)} vectors for {expected} texts")
    vectors = [_vector(item) for item in items]
    length = len(vectors[0]) if card is None else card.dimensions
    if length == 0 or any(len(vector) != length or not all(map(isfinite, vector)) for vector in vectors):
        raise UnknownOutcome(detail="a vector in the answer is not one of this model")
    return vectors


def _vector(item: _Item) -> tuple[float, ...]:
    """A compatible server may answer with numbers whatever was asked for."""
    if isinstance(item.embedding, list):
        return tuple(item.embedding)
    try:
        packed = base64.b64decode(item.embedding, validate=True)
    except binascii.Error as error:
        raise UnknownOutcome(detail="a vector in the answer cannot be read") from error
    if len(packed) % FLOAT_BYTES:
        raise UnknownOutcome(detail="a vector in the answer cannot be read")
    numbers = array("f", packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return tuple(numbers)


def _tokens(answer: _Answer, batch: Sequence[str]) -> int:
    return answer.usage.prompt_tokens if answer.usage else sum(ceil(len(text) / CHARACTERS_PER_TOKEN) for text in batch)
