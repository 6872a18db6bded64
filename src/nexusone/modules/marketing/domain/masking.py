"""Liquid put aside: each `{{ … }}` and `{% … %}` becomes one word, so that markup can be read, cleaned and rewritten around it.

The ends of a fragment are found exactly as the Liquid lexer finds them; where the two disagreed, cleaned markup could be undone.
"""

import re
from dataclasses import dataclass

from nexusone.kernel.liquid.spans import liquid_spans

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
