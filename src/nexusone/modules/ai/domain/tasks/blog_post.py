"""A post for a blog, in sections."""

from typing import Annotated, ClassVar

from pydantic import Field

from nexusone.modules.ai.domain.tasks.task import BriefedTask, Schema, ShortText, optional, shape, some, text

CHARACTERS_PER_WORD = 8


class BlogPost(BriefedTask):
    """What the post is about; `outline` are its sections, `words` about how long it is."""

    name: ClassVar = "blog_post"
    title: ClassVar = "Blog post"
    summary: ClassVar = "Title, excerpt, sections and tags."
    example: ClassVar[Schema] = {
        "brief": "How to light a balcony without a cable.",
        "outline": ["Why solar", "Where to put it"],
        "words": 600,
    }

    outline: Annotated[tuple[ShortText, ...], Field(max_length=12)] = ()
    words: Annotated[int, Field(ge=150, le=3_000)] = 800

    def rules(self, locale: str) -> str:
        outline = "The sections follow the outline of the material." if self.outline else "Find sections that lead from question to answer."
        return (
            f"Write a post for a blog of about {self.words} words: useful to somebody who never heard of the company, the answer early, "
            f"examples instead of praise. {outline} Plain text in the sections, paragraphs apart by an empty line."
        )

    def output_schema(self, locale: str) -> Schema:
        section = shape(heading=text(120), body=text(max(600, self.words * CHARACTERS_PER_WORD)))
        most = max(6, len(self.outline))
        return shape(
            title=text(100), excerpt=text(300), sections=some(section, 2, most), tags=some(text(40), 0, 8), closing=optional(text(800))
        )
