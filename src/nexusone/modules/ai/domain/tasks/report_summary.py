"""A report in words."""

import json
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, JsonValue

from nexusone.modules.ai.domain.output_schema import depth_of
from nexusone.modules.ai.domain.tasks.task import ContentTask, Schema, ShortText, shape, some, text

BYTES_MAX = 64 * 1024
DEPTH_MAX = 12


def _bounded(report: Schema) -> Schema:
    if depth_of(report) > DEPTH_MAX or len(json.dumps(report, ensure_ascii=False).encode("utf-8", "replace")) > BYTES_MAX:
        raise ValueError(f"a report has at most {BYTES_MAX} bytes and {DEPTH_MAX} levels")
    return report


class ReportSummary(ContentTask):
    """The figures as JSON, such as a campaign's report as the API answers it, and what is asked of them."""

    name: ClassVar = "report_summary"
    title: ClassVar = "Report summary"
    summary: ClassVar = "What the figures say, what stands out, what to do."
    example: ClassVar[Schema] = {"report": {"sent": 1200, "opened": 480, "clicked": 96}, "question": "How did it go?"}

    report: Annotated[dict[str, JsonValue], Field(min_length=1), AfterValidator(_bounded)]
    question: ShortText | None = None

    def rules(self, locale: str) -> str:
        return (
            "Say what the figures of the report mean to somebody who runs the business: the answer first, then what "
            "stands out, then what to do. "
            "Use only figures that the report has or that follow from them by simple reckoning; where they do not answer, say so."
        )

    def output_schema(self, locale: str) -> Schema:
        return shape(headline=text(160), summary=text(1_500), reasons=some(text(300), 1, 7), actions=some(text(300), 0, 5))
