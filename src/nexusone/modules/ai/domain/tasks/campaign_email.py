"""An e-mail of a campaign: subjects to choose from, the preheader, the body in blocks."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from nexusone.modules.ai.domain.tasks.task import BriefedTask, Link, Output, Schema, optional, shape, some, text, texts_of


class CampaignEmail(BriefedTask):
    """What the e-mail is about; `link` is where its buttons lead, without one it has none."""

    name: ClassVar = "campaign_email"
    title: ClassVar = "Campaign e-mail"
    summary: ClassVar = "Subjects to choose from, a preheader and the body in blocks."
    example: ClassVar[Schema] = {"brief": "Our new solar lamp is here.", "link": "https://shop.example/lamp", "subject_variants": 3}

    link: Link | None = None
    subject_variants: Annotated[int, Field(ge=1, le=5)] = 3

    def rules(self, locale: str) -> str:
        button = "A button has two to four words and leads to the material's link." if self.link else "There are no buttons."
        return (
            "Write an e-mail to people who subscribed: subjects that differ in their angle, each one line that keeps what it promises; "
            "a preheader that goes on where the subject ends; a body of blocks that are read from top to bottom, the news in the first. "
            f"{button} Plain text without markup; no greeting twice, no sign-off with invented names."
        )

    def output_schema(self, locale: str) -> Schema:
        button: Schema = optional(text(40)) if self.link else {"type": "null"}
        block = shape(headline=optional(text(120)), paragraph=text(2_000), button=button)
        count = self.subject_variants
        return shape(subjects=some(text(100), count, count, is_set=True), preheader=text(150), blocks=some(block, 1, 8))

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        for line in (*texts_of(output["subjects"]), str(output["preheader"])):
            if "\n" in line or "\r" in line:
                yield "subjects and the preheader are one line each"
