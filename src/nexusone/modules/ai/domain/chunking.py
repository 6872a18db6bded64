"""Documents cut into passages: by their headings first, then by size, each beginning with the end of the one before.

The same document gives the same passages, always. Between sections nothing overlaps, and no passage has parts of two.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

import nh3

from nexusone.kernel.contract import UNPRINTABLE
from nexusone.modules.ai.contracts.knowledge import DocumentKind

PASSAGE_CHARACTERS_MAX: Final = 1_200
OVERLAP_CHARACTERS: Final = 150
HEADING_CHARACTERS_MAX: Final = 300
PASSAGES_MAX: Final = 2_000
SEPARATOR: Final = " > "

ATX = re.compile(r" {0,3}(#{1,6})[ \t]")
FENCE = re.compile(r" {0,3}(```+|~~~+)")
BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
SPACES = re.compile(r"[^\S\n]+")
# Where to cut, best first: between paragraphs, lines, sentences, words.
CUTS: Final = (re.compile(r"\n\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…。！？])\s"), re.compile(r"\s"))

UNREAD: Final = frozenset(["script", "style", "template", "noscript", "title", "svg", "math", "iframe", "object", "textarea", "select"])
HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS: Final = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "form", "header"}
    | {"hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"}
)


@dataclass(frozen=True, slots=True)
class Section:
    """The words under one heading; `heading` is the way to it, such as "Engine 2 > Speed"."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: its place among all of the document, from 0, the heading it stands under, its words."""

    position: int
    heading: str
    text: str

    @property
    def embedded_text(self) -> str:
        """What it is compared by: its words under their heading."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


def chunks_of(content: str, *, kind: DocumentKind) -> tuple[Chunk, ...]:
    """The passages of a document; none where it has no words."""
    pieces = [(section.heading, piece) for section in sections_of(content, kind=kind) for piece in pieces_of(section.text)]
    return tuple(Chunk(position=position, heading=heading, text=text) for position, (heading, text) in enumerate(pieces))


def sections_of(content: str, *, kind: DocumentKind) -> list[Section]:
    """The document by its headings, as plain text."""
    clean = _clean(content)
    if kind == "html":
        return _html_sections(clean)
    return _markdown_sections(clean) if kind == "markdown" else _sections([("", clean)])


def pieces_of(text: str, *, size: int = PASSAGE_CHARACTERS_MAX, overlap: int = OVERLAP_CHARACTERS) -> Iterator[str]:
    """The text in pieces of at most `size` characters, cut where it hurts least; `overlap` is less than half of `size`."""
    start = 0
    while start < len(text):
        end = _end_of(text, start, size)
        if piece := text[start:end].strip():
            yield piece
        if end >= len(text):
            return
        start = _next_start(text, end, overlap)


def _end_of(text: str, start: int, size: int) -> int:
    end = start + size
    if end >= len(text):
        return len(text)
    least = start + size // 2
    for cut in CUTS:
        found = [match.end() for match in cut.finditer(text, least, end)]
        if found:
            return found[-1]
    return end


def _next_start(text: str, end: int, overlap: int) -> int:
    """Where the next piece begins: at a word, at most `overlap` before the end of this one."""
    word = re.compile(r"\s\S").search(text, max(end - overlap - 1, 0), end)
    return end if word is None or overlap == 0 else word.start() + 1


def _clean(content: str) -> str:
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", UNPRINTABLE.sub("", lines))


def _squeezed(text: str) -> str:
    return BLANK_LINES.sub("\n\n", "\n".join(SPACES.sub(" ", line).strip() for line in text.split("\n"))).strip()


def _sections(parts: list[tuple[str, str]]) -> list[Section]:
    squeezed = ((heading, _squeezed(text)) for heading, text in parts)
    return [Section(heading, text) for heading, text in squeezed if text]


@dataclass(slots=True)
class _Outline:
    """The headings that lead to where the reading stands."""

    path: list[tuple[int, str]]

    def enter(self, level: int, title: str) -> None:
        self.path = [(above, name) for above, name in self.path if above < level]
        self.path.append((level, " ".join(title.split())))

    @property
    def heading(self) -> str:
        return SEPARATOR.join(name for _, name in self.path if name)[:HEADING_CHARACTERS_MAX]


def _markdown_sections(content: str) -> list[Section]:
    outline, parts, lines, fence = _Outline([]), [], list[str](), ""
    for line in content.split("\n"):
        fence_here = FENCE.match(line)
        if fence_here and (not fence or fence_here[1].startswith(fence)):
            fence = "" if fence else fence_here[1]
        found = None if fence or fence_here else ATX.match(line)
        if found is None:
            lines.append(line)
            continue
        parts.append((outline.heading, "\n".join(lines)))
        lines = []
        outline.enter(len(found[1]), line[found.end() :].rstrip().rstrip("#"))
    parts.append((outline.heading, "\n".join(lines)))
    return _sections(parts)


class _Reader(HTMLParser):
    """Reads the words of sound HTML under their headings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outline = _Outline([])
        self.parts: list[tuple[str, str]] = []
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HEADINGS:
            self.end_section()
        else:
            self._words.append("\n" if tag == "br" else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in HEADINGS:
            self.outline.enter(int(tag[1]), "".join(self._words))
            self._words = []
        else:
            self._words.append("\n\n")

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def end_section(self) -> None:
        self.parts.append((self.outline.heading, "".join(self._words)))
        self._words = []


def _html_sections(content: str) -> list[Section]:
    # What this parser makes of broken markup takes time that grows with its square; cleaned markup is never broken.
    sound = nh3.clean(content, tags=set(HEADINGS | BLOCKS), clean_content_tags=set(UNREAD), attributes={}, link_rel=None)
    reader = _Reader()
    reader.feed(sound)
    reader.close()
    reader.end_section()
    # A character reference may spell what was cleaned away before.
    return _sections([(_clean(heading), _clean(text)) for heading, text in reader.parts])
