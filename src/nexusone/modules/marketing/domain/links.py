"""Links of a compiled mail: numbered in order, each replaced by a hole that a tracking address fills per recipient.

`{{ tracking.l0 }}` is the hole of link 0, `{{ tracking.open }}` that of the open pixel. A link whose Liquid needs nothing but the
context is tracked and resolved again on the click; one that needs a loop's variable keeps its own address, checked as it renders.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape, unescape

from nexusone.kernel.liquid.faults import RenderFault, TemplateRejected, rejected
from nexusone.kernel.liquid.filters import WEB_ADDRESS

from .html_cleaning import TAG_TEXT, is_safe_address
from .liquid import TRACKING, Program
from .masking import Masked, mask
from .mjml import before_body_end

LINKS_MAX = 500
CONTEXT = frozenset({"contact", "workspace", "campaign"})
ADDRESS_ATTRIBUTE = re.compile(r"(\s(href|src|background|action|poster|xlink:href)\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
LINK_ELEMENTS = ("<a ", "<area ", "<v:roundrect ", "<v:rect ")
WEB = re.compile(r"https?://", re.IGNORECASE)
TEXT_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]", re.IGNORECASE)
UNSUBSCRIBE = re.compile(r"\{\{-?\s*unsubscribe_url\s*-?\}\}")
ATTRIBUTE_VALUE = re.compile(r"\A\{\{(-?)(.*?)(-?)\}\}\Z", re.DOTALL)
PIXEL = (
    f'{{% if {TRACKING}.open %}}<img src="{{{{ {TRACKING}.open }}}}" width="1" height="1" alt="" '
    'style="display:block;width:1px;height:1px;border:0;">{% endif %}'
)


@dataclass(frozen=True)
class Link:
    """One tracked link: its number in the mail and its target, Liquid without HTML escapes."""

    index: int
    target: str

    @property
    def is_static(self) -> bool:
        """Whether every recipient gets the same address."""
        return "{{" not in self.target and "{%" not in self.target

    @cached_property
    def _program(self) -> Program:
        return Program(self.target, is_html=False)

    def resolve(self, values: Mapping[str, object]) -> str | None:
        """Where the link leads for one recipient; None where that is no http or https address."""
        try:
            address = self.target if self.is_static else self._program.render(values).strip()
        except RenderFault:
            return None
        is_web = WEB.match(address) and WEB_ADDRESS.match(address) and address.isprintable()
        return address if is_web else None


@dataclass(slots=True)
class LinkTable:
    """The links found so far, in order, numbered from `first`."""

    links: list[Link] = field(default_factory=list)
    first: int = 0

    def add(self, target: str) -> str:
        """Takes a link up and gives its hole."""
        if len(self.links) >= LINKS_MAX:
            raise rejected("links.too_many", f"a mail has at most {LINKS_MAX} links")
        link = Link(index=self.first + len(self.links), target=target)
        self.links.append(link)
        return hole(link)

    def find(self, target: str) -> str | None:
        """The hole of the first link with that target."""
        return next((hole(link) for link in self.links if link.target == target), None)


def hole(link: Link) -> str:
    return f"{{{{ {TRACKING}.l{link.index} }}}}"


def track_html(html: str, table: LinkTable) -> str:
    """Puts holes where links are; addresses that are not safe become `#`, and Liquid inside a tag can never leave its attribute."""
    masked = mask(html)

    def rewritten_tag(tag: re.Match[str]) -> str:
        is_link = tag[0].lower().startswith(LINK_ELEMENTS)
        linked = ADDRESS_ATTRIBUTE.sub(lambda found: f'{found[1]}"{address_of(found, is_link)}"', tag[0])
        return masked.word.sub(lambda word: ATTRIBUTE_VALUE.sub(r"{{\1\2 | attribute \3}}", masked.unmask(word[0])), linked)

    def address_of(found: re.Match[str], is_link: bool) -> str:
        written = unescape(found[3].strip("\"'")).strip()
        if is_link and found[2].lower() == "href":
            return link_address(written, masked, table)
        return guarded(written, masked)

    return masked.unmask(TAG_TEXT.sub(rewritten_tag, masked.text))


def with_pixel(html: str) -> str:
    """Adds the open pixel, which shows only where `tracking.open` is filled."""
    return before_body_end(html, PIXEL)


def link_address(written: str, masked: Masked, table: LinkTable) -> str:
    target = masked.unmask(written)
    if "unsubscribe_url" in target or not (WEB.match(written) or masked.word.match(written)):
        return guarded(written, masked)
    return table.add(target) if is_trackable(target) else guarded(written, masked)


def is_trackable(target: str) -> bool:
    try:
        return Program(target, is_html=False).variables() <= CONTEXT
    except TemplateRejected:
        return False


def guarded(written: str, masked: Masked) -> str:
    """An address as it may stand in HTML; one that begins with Liquid is checked when it renders."""
    if not is_safe_address(written):
        return "#"
    if not masked.word.match(written) or UNSUBSCRIBE.fullmatch(masked.unmask(written)):
        return escape(written)
    return f"{{% capture address %}}{escape(written)}{{% endcapture %}}{{{{ address | web_address }}}}"


def track_text(text: str, table: LinkTable) -> str:
    """Puts holes where a text part names web addresses; one that the HTML part links to shares its number."""
    masked = mask(text)

    def tracked(found: re.Match[str]) -> str:
        target = masked.unmask(found[0])
        if not is_trackable(target):
            return found[0]
        return table.find(target) or table.add(target)

    return masked.unmask(TEXT_ADDRESS.sub(tracked, masked.text))
