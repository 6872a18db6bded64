"""MJML as a tree of allowed elements, read strictly, with line numbers; content elements keep their HTML unread."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from nexusone.kernel.liquid.faults import line_at, rejected

DEPTH_MAX = 16
ELEMENTS_MAX = 2_000
STRUCTURE = frozenset(
    [
        "mjml",
        "mj-head",
        "mj-body",
        "mj-attributes",
        "mj-all",
        "mj-class",
        "mj-breakpoint",
        "mj-font",
        "mj-section",
        "mj-wrapper",
        "mj-group",
        "mj-column",
        "mj-hero",
        "mj-image",
        "mj-divider",
        "mj-spacer",
        "mj-social",
        "mj-navbar",
        "mj-accordion",
        "mj-accordion-element",
        "mj-carousel",
        "mj-carousel-image",
    ]
)
CONTENT = frozenset(
    [
        "mj-text",
        "mj-button",
        "mj-table",
        "mj-raw",
        "mj-title",
        "mj-preview",
        "mj-style",
        "mj-social-element",
        "mj-navbar-link",
        "mj-accordion-title",
        "mj-accordion-text",
    ]
)
BLANK_OR_COMMENT = re.compile(r"\s+|<!--.*?-->", re.DOTALL)
OPENING = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
ATTRIBUTE = re.compile(r"\s*([a-zA-Z][\w:-]*)\s*(?:=\s*(?:\"([^\"]*)\"|'([^']*)'))?")
CLOSING = re.compile(r"\s*(/?)>")


@dataclass(slots=True)
class Element:
    """One MJML element; `content` is the HTML or text of a content element, `words` text found between elements."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)
    content: str | None = None

    def find(self, name: str) -> "Element | None":
        """The first direct child of that name."""
        return next((child for child in self.elements() if child.name == name), None)

    def elements(self) -> Iterator["Element"]:
        """Its children, without the text between them."""
        return (child for child in self.children if isinstance(child, Element))

    def walk(self) -> Iterator["Element"]:
        """Itself and everything below."""
        yield self
        for child in self.elements():
            yield from child.walk()


def read_mjml(source: str) -> Element:
    """Reads masked MJML. Raises TemplateRejected, with a line, for what is not allowed or not closed."""
    return Reader(source).document()


class Reader:
    """A cursor over the source; each method reads one thing and moves on."""

    def __init__(self, source: str) -> None:
        self.source, self.position, self.count = source, 0, 0

    def fault(self, code: str, detail: str, *, at: int | None = None) -> Exception:
        return rejected(f"mjml.{code}", detail, line=line_at(self.source, self.position if at is None else at))

    def document(self) -> Element:
        self.skip_blank()
        root = self.element(depth=1)
        self.skip_blank()
        if root.name != "mjml" or self.position < len(self.source):
            raise self.fault("not_mjml", "a template is one <mjml> element and nothing beside it")
        return root

    def skip_blank(self) -> None:
        while blank := BLANK_OR_COMMENT.match(self.source, self.position):
            self.position = blank.end()

    def element(self, *, depth: int) -> Element:
        opening = OPENING.match(self.source, self.position)
        if opening is None or opening[1]:
            raise self.fault("not_mjml", "an MJML element such as <mj-section> is expected here")
        name, start = opening[2].lower(), self.position
        if name not in STRUCTURE and name not in CONTENT:
            raise self.fault("tag_unknown", f"<{name}> is not available here; HTML belongs into <mj-text> or <mj-raw>")
        self.count += 1
        if depth > DEPTH_MAX or self.count > ELEMENTS_MAX:
            raise self.fault("too_large", f"there are more than {ELEMENTS_MAX:,} elements, or more than {DEPTH_MAX} inside each other")
        self.position = opening.end()
        element = Element(name=name, line=line_at(self.source, start), attributes=self.attributes())
        if self.is_self_closed():
            element.content = "" if name in CONTENT else None
        elif name in CONTENT:
            element.content = self.content(name)
        else:
            self.fill(element, depth=depth)
        return element

    def attributes(self) -> dict[str, str]:
        attributes: dict[str, str] = {}
        while (found := ATTRIBUTE.match(self.source, self.position)) is not None:
            attributes[found[1].lower()] = unescape(found[2] if found[2] is not None else found[3] or "")
            self.position = found.end()
        return attributes

    def is_self_closed(self) -> bool:
        closing = CLOSING.match(self.source, self.position)
        if closing is None:
            raise self.fault("attribute", 'an attribute is written as name="value"')
        self.position = closing.end()
        return bool(closing[1])

    def content(self, name: str) -> str:
        closing = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(self.source, self.position)
        if closing is None:
            raise self.fault("unclosed", f"<{name}> is not closed by </{name}>")
        content = self.source[self.position : closing.start()]
        self.position = closing.end()
        return content

    def fill(self, element: Element, *, depth: int) -> None:
        opened_at = self.position
        while True:
            self.skip_blank()
            end = self.source.find("<", self.position)
            if end < 0:
                raise self.fault("unclosed", f"<{element.name}> is not closed by </{element.name}>", at=opened_at)
            if end > self.position:
                element.children.append(self.source[self.position : end].strip())
                self.position = end
                continue
            opening = OPENING.match(self.source, self.position)
            if opening is not None and opening[1]:
                self.close(element, opening)
                return
            element.children.append(self.element(depth=depth + 1))

    def close(self, element: Element, opening: re.Match[str]) -> None:
        if opening[2].lower() != element.name:
            raise self.fault("unclosed", f"</{opening[2]}> stands where <{element.name}> (line {element.line}) should be closed")
        self.position = opening.end()
        if self.is_self_closed():
            raise self.fault("not_mjml", f"</{element.name}/> is not a closing tag")
