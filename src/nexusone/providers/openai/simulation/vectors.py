"""The wire of `POST /v1/embeddings`: vectors in which texts with the same words, and parts of words, lie near each other."""

import asyncio
import base64
import re
import sys
import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any
from zlib import crc32

from nexusone.providers.openai.catalog import ListedEmbeddingModel
from nexusone.providers.openai.simulation import refusals
from nexusone.providers.openai.simulation.checks import check_parameters, choice, model_named, whole_number
from nexusone.providers.openai.simulation.responses import Json
from nexusone.providers.openai.simulation.tokens import count_tokens

PARAMETERS = frozenset(("dimensions", "encoding_format", "input", "model", "user"))
INPUTS_MAX = 2_048
CALL_TOKENS_MAX = 300_000
WORD = re.compile(r"\w+")
PART_LETTERS = 3
WORD_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class VectorAsk:
    """A request for a vector a text; `tokens` is the length of each."""

    model: str
    texts: tuple[str, ...]
    tokens: tuple[int, ...]
    dimensions: int
    is_packed: bool


def read_vector_request(body: Mapping[str, object], *, models: Mapping[str, ListedEmbeddingModel]) -> VectorAsk:
    """Raises VendorError."""
    check_parameters(body, known=PARAMETERS)
    model = models[model_named(body, models)]
    if "input" not in body:
        raise refusals.missing("input")
    inputs = _inputs(body["input"])
    tokens = tuple(count_tokens(one) if isinstance(one, str) else len(one) for one in inputs)
    if max(tokens) > model.context_tokens:
        words = f"This model's maximum context length is {model.context_tokens} tokens, however you requested {max(tokens)} tokens."
        raise refusals.VendorError(words)
    if sum(tokens) > CALL_TOKENS_MAX:
        raise refusals.VendorError(f"Invalid 'input': maximum request size is {CALL_TOKENS_MAX} tokens per request.", param="input")
    return VectorAsk(
        model=model.name,
        texts=tuple(one if isinstance(one, str) else " ".join(map(str, one)) for one in inputs),
        tokens=tokens,
        dimensions=whole_number(body, "dimensions", least=1, most=model.dimensions, default=model.dimensions),
        is_packed=choice(body, "encoding_format", ("float", "base64")) == "base64",
    )


async def place(ask: VectorAsk) -> Json:
    """The finished answer."""
    vectors = await asyncio.to_thread(lambda: [vector_of(text, dimensions=ask.dimensions) for text in ask.texts])
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if ask.is_packed else list(vector)}
            for index, vector in enumerate(vectors)
        ],
        "model": ask.model,
        "usage": {"prompt_tokens": sum(ask.tokens), "total_tokens": sum(ask.tokens)},
    }


def vector_of(text: str, *, dimensions: int) -> "array[float]":
    """A vector of length 1: every word and every three letters of one push it along a direction of their own."""
    numbers = array("f", bytes(4 * dimensions))
    for part, weight in _parts(text).items():
        place = crc32(part.encode("utf-8", "replace"))
        numbers[(place >> 1) % dimensions] += sqrt(weight) if place & 1 else -sqrt(weight)
    length = sqrt(sum(number * number for number in numbers))
    if length == 0:
        numbers[0], length = 1.0, 1.0
    return array("f", (number / length for number in numbers))


def _parts(text: str) -> Counter[str]:
    parts: Counter[str] = Counter()
    for word, times in Counter(WORD.findall(unicodedata.normalize("NFKC", text).casefold())).items():
        framed = f"<{word}>"
        parts[framed] += round(WORD_WEIGHT * times)
        for start in range(len(framed) - PART_LETTERS + 1):
            parts[framed[start : start + PART_LETTERS]] += times
    return parts


def _packed(vector: "array[float]") -> str:
    if sys.byteorder == "big":
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode("ascii")


def _inputs(asked: object) -> Sequence[str | list[int]]:
    """A text, texts, a text as tokens, or texts as tokens."""
    inputs: list[Any] = asked if isinstance(asked, list) else [asked]
    if inputs and all(_is_number(one) for one in inputs):
        inputs = [inputs]
    if not inputs or len(inputs) > INPUTS_MAX:
        raise refusals.VendorError(f"Invalid 'input': an array of 1 to {INPUTS_MAX} inputs is expected.", param="input")
    for index, one in enumerate(inputs):
        if not isinstance(one, str) and not (isinstance(one, list) and all(map(_is_number, one))):
            raise refusals.wrong_type(f"input[{index}]", wanted="a string or an array of integers", got=one)
        if not one:
            raise refusals.VendorError(f"Invalid 'input[{index}]': input cannot be an empty string.", param="input")
    return inputs


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
