"""A text said again in the brand's voice."""

from collections.abc import Iterator
from typing import ClassVar

from nexusone.modules.ai.domain.tasks.checking import missing_placeholders
from nexusone.modules.ai.domain.tasks.task import ContentTask, LongText, Output, Schema, ShortText, shape, text

GROWTH, GROWTH_LEAST = 3, 400


class RewriteToBrandVoice(ContentTask):
    """The text to rewrite; the voice is the one that is named, or the workspace's default."""

    name: ClassVar = "rewrite_to_brand_voice"
    title: ClassVar = "Rewrite to brand voice"
    summary: ClassVar = "The same content as the brand would say it, and what was changed."
    example: ClassVar[Schema] = {"text": "Hello {{ contact.first_name }}! Buy our super cheap lamp!!!"}
    needs_voice: ClassVar = True

    text: LongText
    notes: ShortText | None = None

    def rules(self, locale: str) -> str:
        return (
            "Write the text of the material again as the brand would say it: the same content and order, nothing added; its terms instead "
            "of those it avoids. Placeholders in double braces and addresses stay to the letter. Then say in a sentence what was changed."
        )

    def output_schema(self, locale: str) -> Schema:
        return shape(text=text(len(self.text) * GROWTH + GROWTH_LEAST), comment=text(600))

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        for held in missing_placeholders(self.text, str(output["text"])):
            yield f"the text lacks the placeholder {held}"
