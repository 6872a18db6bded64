"""What the steps of a pipeline ask of models: from templates and values to wishes, and the longest that each can become."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from nexusone.modules.ai.contracts.generations import NewImage, NewText, NewVideo, NewVoice
from nexusone.modules.ai.contracts.pipeline_steps import ChooseBestStep, GenerateStep, ImageStep, Step, TranslateStep, VideoStep, VoiceStep
from nexusone.modules.ai.domain.pipeline_values import resolved, resolved_text
from nexusone.modules.ai.domain.planning import CHARACTERS_PER_SECOND_MIN

Wish = NewText | NewImage | NewVoice | NewVideo

# Stands for what is not known before it is made: as long as it may become.
FILLER = "x"
NOBODY = UUID(int=0)
CHOICE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"index": {"type": "integer", "minimum": 0}, "reason": {"type": "string", "maxLength": 1000}},
    "required": ["index", "reason"],
    "additionalProperties": False,
}
CHOICE_TOKENS_MAX = 500
TRANSLATE = (
    "Translate the following into the language with the tag {into}. Keep names, numbers, markup and placeholders in double braces "
    "exactly as they are, and add nothing.\n\n{text}"
)
CHOOSE = (
    "Judge which of these candidates is best by the criteria. Answer with its number (from 0) as index and one sentence as reason."
    "\n\nCriteria: {criteria}\n\n{candidates}"
)


class PromptTooLong(ValueError):
    """What the templates became is longer than the step allows."""


def is_paid(step: Step) -> bool:
    """Whether a model is asked for it."""
    return isinstance(step, GenerateStep | TranslateStep | ChooseBestStep | ImageStep | VoiceStep | VideoStep)


def wish_of(step: Step, values: Mapping[str, object]) -> Wish:
    """What is asked for with these values.

    Raises:
        RenderFault, PromptTooLong, ValueError: the templates do not become something that can be asked for.
    """
    match step:
        case GenerateStep():
            return _text_wish(step, _within(step.prompt_bytes_max, resolved_text(step.prompt, values)), resolved_text(step.locale, values))
        case TranslateStep():
            into = resolved_text(step.into, values)
            text = _within(step.prompt_bytes_max, resolved_text(step.text, values))
            return _text_wish(step, TRANSLATE.format(into=into, text=text), into)
        case ChooseBestStep():
            return _choice(step, _within(step.prompt_bytes_max, _judged(step, values)))
        case ImageStep():
            return _image(step, _within(step.prompt_bytes_max, resolved_text(step.prompt, values)))
        case VoiceStep():
            locale = None if step.locale is None else resolved_text(step.locale, values)
            return _voice(step, _within(step.prompt_bytes_max, resolved_text(step.prompt, values)), locale)
        case VideoStep():
            return _video(step, values)
        case _:
            raise ValueError(f"a step of kind {step.kind} asks no model")


def longest_wish(step: Step) -> Wish:
    """The longest that can be asked for, whatever the values are; languages change no price."""
    match step:
        case GenerateStep() | TranslateStep():
            extra = len(TRANSLATE) if isinstance(step, TranslateStep) else 0
            return _text_wish(step, FILLER * min(step.prompt_bytes_max + extra, 20_000), "en")
        case ChooseBestStep():
            return _choice(step, FILLER * step.prompt_bytes_max)
        case ImageStep():
            return _image(step, FILLER * step.prompt_bytes_max)
        case VoiceStep():
            return _voice(step, FILLER * step.prompt_bytes_max, None)
        case VideoStep():
            return NewVideo(portrait_asset_id=NOBODY, prompt=FILLER * spoken_characters(step), voice=step.voice, model=step.model)
        case _:
            raise ValueError(f"a step of kind {step.kind} asks no model")


def spoken_characters(step: VideoStep) -> int:
    """The longest text that a film may say, read aloud as slowly as is ever done."""
    return min(step.seconds_max * CHARACTERS_PER_SECOND_MIN, 20_000)


def candidates_of(step: ChooseBestStep, values: Mapping[str, object]) -> list[Any]:
    """What is chosen among. Raises: RenderFault, ValueError."""
    found = resolved(step.among, values)
    candidates = [item for item in found if item is not None] if isinstance(found, list) else []
    if not candidates:
        raise ValueError("there is nothing to choose among")
    return candidates


def _judged(step: ChooseBestStep, values: Mapping[str, object]) -> str:
    candidates = candidates_of(step, values)
    listed = "\n\n".join(
        f"Candidate {number}:\n{item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)}"
        for number, item in enumerate(candidates)
    )
    return CHOOSE.format(criteria=resolved_text(step.criteria, values), candidates=listed)


def _within(bytes_max: int, text: str) -> str:
    if not text.strip():
        raise ValueError("with these values the prompt says nothing")
    if len(text.encode()) > bytes_max:
        raise PromptTooLong(f"with these values what it says has more than {bytes_max:,} bytes; raise the step's bound")
    return text


def _text_wish(step: GenerateStep | TranslateStep, prompt: str, locale: str) -> NewText:
    fixed = step if isinstance(step, GenerateStep) else None
    return NewText(
        prompt=prompt,
        locale=locale,
        output_schema=step.output_schema,
        model=step.model,
        output_tokens_max=step.output_tokens_max,
        fallbacks=fixed.fallbacks if fixed else (),
        brand_voice_id=fixed.brand_voice_id if fixed else None,
        knowledge=fixed.knowledge if fixed else (),
    )


def _choice(step: ChooseBestStep, prompt: str) -> NewText:
    return NewText(prompt=prompt, locale="en", output_schema=dict(CHOICE_SCHEMA), model=step.model, output_tokens_max=CHOICE_TOKENS_MAX)


def _image(step: ImageStep, prompt: str) -> NewImage:
    return NewImage(
        prompt=prompt,
        width=step.width,
        height=step.height,
        count=step.count,
        media_type=step.media_type,
        quality=step.quality,
        model=step.model,
        fallbacks=step.fallbacks,
    )


def _voice(step: VoiceStep, prompt: str, locale: str | None) -> NewVoice:
    return NewVoice(prompt=prompt, locale=locale, voice=step.voice, media_type=step.media_type, model=step.model, fallbacks=step.fallbacks)


def _video(step: VideoStep, values: Mapping[str, object]) -> NewVideo:
    return NewVideo(
        portrait_asset_id=UUID(resolved_text(step.portrait, values)),
        prompt=None if step.prompt is None else _within(spoken_characters(step), resolved_text(step.prompt, values)),
        audio_asset_id=None if step.audio is None else UUID(resolved_text(step.audio, values)),
        locale=None if step.locale is None else resolved_text(step.locale, values),
        voice=step.voice,
        model=step.model,
    )
