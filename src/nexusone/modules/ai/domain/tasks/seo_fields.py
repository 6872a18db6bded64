"""What search engines and previews show of a page."""

from collections.abc import Iterator
from typing import ClassVar

from nexusone.modules.ai.domain.tasks.task import ContentTask, LongText, Output, Schema, ShortText, shape, some, text


class SeoFields(ContentTask):
    """The text of the page, and the words it shall be found by."""

    name: ClassVar = "seo_fields"
    title: ClassVar = "SEO fields"
    summary: ClassVar = "Title, description, address part and keywords of a page."
    example: ClassVar[Schema] = {"page": "Our solar lamp lights a balcony for eight hours.", "keyword": "solar lamp"}
    unspoken: ClassVar = frozenset({"slug", "keywords"})

    page: LongText
    keyword: ShortText | None = None

    def rules(self, locale: str) -> str:
        return (
            "Write what a search engine shows of the page: a title of at most 60 characters that says what is found there, a description "
            "of at most 160 that makes clear for whom, a slug of Latin small letters, digits and hyphens, keywords that people type. "
            "The preview is for social networks: a headline and a sentence."
        )

    def output_schema(self, locale: str) -> Schema:
        slug: Schema = {**text(75), "pattern": "^[a-z0-9-]+$"}
        preview = shape(headline=text(70), description=text(200))
        return shape(title=text(60), meta_description=text(160), slug=slug, keywords=some(text(60), 1, 10, is_set=True), preview=preview)

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        if "\n" in str(output["title"]) or "\n" in str(output["meta_description"]):
            yield "title and description are one line each"
