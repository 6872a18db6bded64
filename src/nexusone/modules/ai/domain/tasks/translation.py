"""Texts in another language, as if they had been written there."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from nexusone.modules.ai.contracts.generations import LanguageTag
from nexusone.modules.ai.domain.tasks.checking import missing_placeholders
from nexusone.modules.ai.domain.tasks.task import ContentTask, LongText, Output, Schema, ShortText, shape, some, text, texts_of

TEXTS_MAX = 20
CHARACTERS_MAX = 40_000
# Some languages take this much more room than others, and a short text even more.
GROWTH, GROWTH_LEAST = 4, 200


class Translation(ContentTask):
    """Texts to translate, in order; `notes` say what a translator would ask. The answer has one text for each."""

    name: ClassVar = "translation"
    title: ClassVar = "Translation"
    summary: ClassVar = "Texts in other languages, localised, with their placeholders as they are."
    example: ClassVar[Schema] = {"texts": ["Hello {{ contact.first_name }}, our lamp is here."], "source_locale": "en"}

    texts: Annotated[tuple[LongText, ...], Field(min_length=1, max_length=TEXTS_MAX)]
    source_locale: LanguageTag | None = None
    notes: ShortText | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if sum(map(len, self.texts)) > CHARACTERS_MAX:
            raise ValueError(f"the texts have at most {CHARACTERS_MAX} characters together")
        return self

    def rules(self, locale: str) -> str:
        return (
            "Translate each text of the material, in order, one for one: as somebody of that country would write it, "
            "with its forms of address, "
            "quotation marks, units and idioms, nothing added and nothing left out. Line breaks, addresses, names of products and brands "
            "stay. Placeholders in double braces stay to the letter, at the place where the language wants them."
        )

    def output_schema(self, locale: str) -> Schema:
        longest = max(map(len, self.texts))
        return shape(texts=some(text(longest * GROWTH + GROWTH_LEAST), len(self.texts), len(self.texts)))

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        for number, (source, answer) in enumerate(zip(self.texts, texts_of(output["texts"]), strict=True), start=1):
            for held in missing_placeholders(source, answer):
                yield f"text {number} lacks the placeholder {held}"
