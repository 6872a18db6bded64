"""Liquid put aside: each `{{ … }}` and `{% … %}` becomes one word, so that markup can be read, cleaned and rewritten around it.

The ends of a fragment are found exactly as the Liquid lexer finds them; where the two disagreed, cleaned markup could be undone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .faults import line_at, rejected

LIQUID_LENGTH_MAX = 1_000
LIQUID_COUNT_MAX = 2_000
OPENING = re.compile(r"\{\{|\{%")
# Both swallow what follows without reading it as Liquid, so text inside them would escape the cleaning.
VERBATIM = re.compile(r"\{%-?\s*(raw|doc)\b")
# Rich text editors write these inside Liquid. Braces are not among them: unescaping may not move the end of a fragment.
ENTITIES = {"&gt;": ">", "&lt;": "<", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " ", "&amp;": "&", "\xa0": " "}
ENTITY = re.compile("|".join(ENTITIES))


@dataclass(frozen=True, slots=True)
class Masked:
    """A source whose Liquid was replaced by words; `word` finds them."""

    text: str
    fragments: tuple[str, ...]
    word: re.Pattern[str]

    def unmask(self, text: str) -> str:
        """Puts the Liquid back, wherever its words stand now, as a word or as a comment."""
        return self.word.sub(lambda found: self.fragments[int(found[1] or found[2])], text)


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


def mask(source: str, *, is_markup: bool = False) -> Masked:
    """Replaces Liquid by words. In markup, `&gt;` and its like inside Liquid are read as the characters they stand for."""
    prefix = free_prefix(source)
    fragments: list[str] = []
    pieces: list[str] = []
    position = 0
    for start, end in liquid_spans(source):
        fragment = source[start:end]
        pieces += (source[position:start], f"{prefix}{len(fragments)}z")
        fragments.append(ENTITY.sub(lambda found: ENTITIES[found[0]], fragment) if is_markup else fragment)
        position = end
    pieces.append(source[position:])
    word = re.compile(rf"<!--{prefix}(\d+)z-->|{prefix}(\d+)z")
    return Masked(text="".join(pieces), fragments=tuple(fragments), word=word)


def free_prefix(source: str) -> str:
    """A short word of letters that the source does not contain in any case."""
    lowered, prefix = source.lower(), "lq"
    while prefix in lowered:
        prefix += "xyjkw"[len(prefix) % 5] if len(prefix) % 7 else "v"
    return prefix
