"""A text part for a mail that has HTML only: what a reader sees, with the addresses of its links."""

import re
from html.parser import HTMLParser

from .masking import mask

HIDDEN = re.compile(r"<div style=\"display:none;[^>]*>.*?</div>|<!--.*?-->", re.DOTALL)
UNSEEN = frozenset({"head", "style", "title", "script"})
BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "center",
        "div",
        "dl",
        "dd",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
PARAGRAPHS = frozenset({"h1", "h2", "h3", "p", "blockquote", "ul", "ol"})


def text_of_html(html: str) -> str:
    """Plain text with the Liquid of the HTML still in it; lines are trimmed, at most one is blank in a row."""
    masked = mask(html)
    reader = Reader()
    reader.feed(HIDDEN.sub("", masked.text))
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.pieces).split("\n")]
    return masked.unmask(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())


class Reader(HTMLParser):
    """Collects visible text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.unseen_depth = 0
        self.href = ""
        self.label_from = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in UNSEEN:
            self.unseen_depth += 1
        elif tag == "a":
            self.href, self.label_from = attributes.get("href") or "", len(self.pieces)
        elif tag == "img":
            self.pieces.append(attributes.get("alt") or "")
        elif tag == "br":
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        elif tag in BLOCKS:
            self.pieces.append("\n\n" if tag in PARAGRAPHS else "\n- " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self.unseen_depth = max(self.unseen_depth - 1, 0)
        elif tag == "a" and self.href:
            self.end_link()
        elif tag in BLOCKS:
            self.pieces.append("\n\n" if tag in PARAGRAPHS else "\n")

    def end_link(self) -> None:
        label = "".join(self.pieces[self.label_from :]).strip()
        if not self.href.startswith("#") and label != self.href:
            self.pieces.append(f" ({self.href})" if label else self.href)
        self.href = ""

    def handle_data(self, data: str) -> None:
        if not self.unseen_depth:
            self.pieces.append(re.sub(r"\s+", " ", data))
