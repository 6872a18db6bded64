"""The wire of `POST /v1/moderations`: objects to a short list of words in several languages, the same every time.

A picture is judged by the words in its own comments, so that a test can make one that is objected to.
"""

import asyncio
import base64
import binascii
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zlib import crc32

from PIL import Image, UnidentifiedImageError

from nexusone.providers.openai.simulation import refusals
from nexusone.providers.openai.simulation.checks import check_parameters, model_named
from nexusone.providers.openai.simulation.responses import Json

WORDS = Path(__file__).with_name("objections.toml")
PARAMETERS = frozenset(("input", "model"))
CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm"),
    *("self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic"),
)
OF_PICTURES = frozenset(("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic"))
DATA_URL = re.compile(r"data:image/[a-z+.-]+;base64,(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A text or a picture to judge."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgeAsk:
    """What to judge: parts of one input are judged together."""

    model: str
    inputs: tuple[tuple[Part, ...], ...]


@lru_cache(maxsize=1)
def objections() -> Mapping[str, re.Pattern[str]]:
    """What is objected to, by category."""
    listed = tomllib.loads(WORDS.read_text(encoding="utf-8"))["words"]
    # Japanese has no spaces, so only words in letters with spaces around them must stand alone.
    return {name: re.compile("|".join(_standing_alone(word) for word in words), re.IGNORECASE) for name, words in listed.items()}


def read_judge_request(body: Mapping[str, object], *, models: Sequence[str]) -> JudgeAsk:
    """Raises VendorError."""
    check_parameters(body, known=PARAMETERS)
    if body.get("input") is None:
        raise refusals.missing("input")
    return JudgeAsk(model=model_named(body, models, default=models[0]), inputs=_inputs(body["input"]))


async def judge(ask: JudgeAsk, *, identity: str) -> Json:
    """The finished answer. Raises VendorError for a picture that is none."""
    results = [await asyncio.to_thread(_judged, parts) for parts in ask.inputs]
    return {"id": f"modr-{identity}", "model": ask.model, "results": results}


def _inputs(asked: object) -> tuple[tuple[Part, ...], ...]:
    if isinstance(asked, str):
        return ((Part("text", asked),),)
    if not isinstance(asked, list) or not asked:
        raise refusals.wrong_type("input", wanted="a string, or an array of strings or objects", got=asked)
    if all(isinstance(one, str) for one in asked):
        return tuple((Part("text", one),) for one in asked)
    return (tuple(_part(one, param=f"input[{index}]") for index, one in enumerate(asked)),)


def _part(asked: object, *, param: str) -> Part:
    if not isinstance(asked, Mapping):
        raise refusals.wrong_type(param, wanted="an object", got=asked)
    if asked.get("type") == "text" and isinstance(asked.get("text"), str):
        return Part("text", asked["text"])
    image = asked.get("image_url")
    if asked.get("type") != "image_url" or not isinstance(image, Mapping) or not isinstance(image.get("url"), str):
        raise refusals.VendorError(f"Invalid value for '{param}'.", param=param, code="invalid_value")
    return Part("image", image["url"])


def _judged(parts: Sequence[Part]) -> Json:
    scores, applied = dict.fromkeys(CATEGORIES, 0.0), {name: set[str]() for name in CATEGORIES}
    for part in parts:
        words = part.text if part.kind == "text" else _words_in(part.text)
        met = {name for name, pattern in objections().items() if pattern.search(words)}
        met |= {name.partition("/")[0] for name in met}
        for name in CATEGORIES:
            if part.kind == "image" and name not in OF_PICTURES:
                continue
            applied[name].add(part.kind)
            scores[name] = max(scores[name], _score(name, part.text, is_met=name in met))
    categories = {name: score >= 0.5 for name, score in scores.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": {name: sorted(kinds, reverse=True) for name, kinds in applied.items()},
    }


def _score(category: str, text: str, *, is_met: bool) -> float:
    noise = crc32(f"{category}\n{text}".encode("utf-8", "replace")) / 2**32
    return 0.75 + noise * 0.24 if is_met else noise * 0.02


def _words_in(url: str) -> str:
    """What a picture's comments say; nothing of one elsewhere, which is never fetched."""
    found = DATA_URL.match(url)
    if found is None:
        return ""
    try:
        with Image.open(io.BytesIO(base64.b64decode(found.group(1), validate=True))) as image:
            return " ".join(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in image.info.values())
    except (binascii.Error, UnidentifiedImageError, OSError) as error:
        raise refusals.VendorError("Invalid image.", param="input", code="invalid_image") from error


def _standing_alone(word: str) -> str:
    return re.escape(word) if word[0] > "\u2fff" else rf"\b{re.escape(word)}\b"
