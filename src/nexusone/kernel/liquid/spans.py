"""Where Liquid stands in a source, found exactly as its lexer finds it."""

import re
from collections.abc import Iterator

from .faults import line_at, rejected

LIQUID_LENGTH_MAX = 1_000
LIQUID_COUNT_MAX = 2_000
OPENING = re.compile(r"\{\{|\{%")
# Both swallow what follows without reading it as Liquid, so text inside them would escape whoever cleans around Liquid.
VERBATIM = re.compile(r"\{%-?\s*(raw|doc)\b")


def liquid_spans(source: str) -> Iterator[tuple[int, int]]:
    """Where Liquid begins and ends. Raises TemplateRejected for Liquid that is never closed, too long, too much, or `raw`."""
    position = count = 0
    while opening := OPENING.search(source, position):
        start, count = opening.start(), count + 1
        closing = "}}" if opening[0] == "{{" else "%}"
        end = source.find(closing, start + 2, start + LIQUID_LENGTH_MAX)
        if end < 0:
            detail = f"{opening[0]} is not closed by {closing} within {LIQUID_LENGTH_MAX} characters"
            raise rejected("liquid.unclosed", detail, line=line_at(source, start))
        if VERBATIM.match(source, start):
            raise rejected("liquid.tag_unknown", "the tags raw and doc are not available here", line=line_at(source, start))
        if count > LIQUID_COUNT_MAX:
            raise rejected("liquid.too_much", f"there are more than {LIQUID_COUNT_MAX:,} pieces of Liquid", line=line_at(source, start))
        position = end + 2
        yield start, position
