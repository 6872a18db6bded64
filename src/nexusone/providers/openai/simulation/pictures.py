"""The wire of `POST /v1/images/generations`: real pictures, of the sizes that the vendor's models have by default."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass

from nexusone.providers.openai.catalog import ListedImageModel
from nexusone.providers.openai.simulation import refusals
from nexusone.providers.openai.simulation.checks import check_parameters, choice, model_named, whole_number
from nexusone.providers.openai.simulation.responses import Json
from nexusone.providers.openai.simulation.tokens import count_tokens
from nexusone.web.simulation.files import picture

PARAMETERS = frozenset(
    (
        *("background", "model", "moderation", "n", "output_compression", "output_format", "partial_images", "prompt"),
        *("quality", "safety_identifier", "size", "stream", "user"),
    )
)
SIZES = ("1024x1024", "1536x1024", "1024x1536")
# Output tokens of a square and of an oblong picture: from the vendor's public documentation, not checked against its contract.
TOKENS = {"low": (272, 408), "medium": (1_056, 1_584), "high": (4_160, 6_240)}


@dataclass(frozen=True, slots=True)
class PictureAsk:
    """A request for `count` pictures."""

    prompt: str
    count: int
    size: str
    quality: str
    output_format: str
    background: str


def read_picture_request(body: Mapping[str, object], *, models: Mapping[str, ListedImageModel]) -> PictureAsk:
    """Raises VendorError."""
    check_parameters(body, known=PARAMETERS, texts=("model", "prompt", "user", "safety_identifier"))
    if not body.get("prompt"):
        raise refusals.missing("prompt")
    model, prompt = models[model_named(body, models)], str(body["prompt"])
    if len(prompt) > model.prompt_characters_max:
        words = f"Invalid 'prompt': string too long. Expected a string with maximum length {model.prompt_characters_max}."
        raise refusals.VendorError(words, param="prompt", code="string_above_max_length")
    if body.get("stream"):
        raise refusals.VendorError("Streaming is not available here.", param="stream", code="unsupported_value")
    choice(body, "moderation", ("auto", "low"))
    size, quality = choice(body, "size", ("auto", *SIZES)), choice(body, "quality", ("auto", "low", "medium", "high"))
    output_format = choice(body, "output_format", ("png", "jpeg", "webp"))
    background = choice(body, "background", ("auto", "opaque", "transparent"))
    if background == "transparent" and output_format == "jpeg":
        raise refusals.VendorError(
            "Transparent background is not supported for JPEG output format.", param="background", code="invalid_value"
        )
    whole_number(body, "output_compression", least=0, most=100, default=100)
    return PictureAsk(
        prompt=prompt,
        count=whole_number(body, "n", least=1, most=model.images_max, default=1),
        size=SIZES[0] if size == "auto" else size,
        quality="medium" if quality == "auto" else quality,
        output_format=output_format,
        background="opaque" if background == "auto" else background,
    )


async def draw(ask: PictureAsk, *, at: int) -> Json:
    """The finished answer: each picture another one, the same for the same words."""
    pictures = [await asyncio.to_thread(_drawn, ask, number) for number in range(ask.count)]
    asked, made = count_tokens(ask.prompt), ask.count * TOKENS[ask.quality][ask.size != SIZES[0]]
    return {
        "created": at,
        "background": ask.background,
        "output_format": ask.output_format,
        "quality": ask.quality,
        "size": ask.size,
        "data": [{"b64_json": one} for one in pictures],
        "usage": {
            "input_tokens": asked,
            "input_tokens_details": {"text_tokens": asked, "image_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"image_tokens": made, "text_tokens": 0},
            "total_tokens": asked + made,
        },
    }


def _drawn(ask: PictureAsk, number: int) -> str:
    width, height = (int(part) for part in ask.size.split("x"))
    words = ask.prompt.encode("utf-8", "replace").decode("utf-8") + (f" ({number + 1})" if number else "")
    return base64.b64encode(picture(words, width=width, height=height, media_type=f"image/{ask.output_format}")).decode("ascii")
