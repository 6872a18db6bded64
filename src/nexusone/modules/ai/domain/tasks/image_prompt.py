"""What to tell a model that draws, from a brief."""

from typing import ClassVar, Literal

from nexusone.modules.ai.domain.tasks.task import BriefedTask, Schema, ShortText, shape, text

FORMATS = {"square": "a square", "portrait": "an upright picture", "landscape": "a wide picture"}


class ImagePrompt(BriefedTask):
    """What the picture is for; `style` is how it shall look, `format` its shape."""

    name: ClassVar = "image_prompt"
    title: ClassVar = "Image prompt"
    summary: ClassVar = "A prompt for a picture, what it must not show, and its alternative text."
    example: ClassVar[Schema] = {"brief": "A hero picture for our solar lamp.", "style": "photograph, warm light", "format": "landscape"}
    unspoken: ClassVar = frozenset({"prompt", "negative_prompt"})

    style: ShortText | None = None
    format: Literal["square", "portrait", "landscape"] = "square"

    def rules(self, locale: str) -> str:
        return (
            f"Write the prompt for {FORMATS[self.format]} from the brief: subject, setting, light, composition, style, "
            f"in concrete words that "
            "can be seen; no words to be written in the picture, no living artist, no person that exists, no logo. "
            "Prompt and negative prompt "
            "are in English; the alternative text is in the language asked for and says what the picture shows in a sentence."
        )

    def output_schema(self, locale: str) -> Schema:
        return shape(prompt=text(1_500), negative_prompt=text(500), alt_text=text(250))
