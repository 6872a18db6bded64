"""MJML to HTML for mail clients: read strictly, cleaned, compiled, with its Liquid untouched.

The compiler sees neither Liquid nor a marketer's HTML, only words in their place: it copies attribute values unescaped and
overflows its stack on deep nesting. So cleaning happens on what goes in, and what comes out keeps Outlook's conditional comments.
"""

import re
from collections.abc import Iterator
from html import escape, unescape

import mrml

from nexusone.kernel.liquid.faults import rejected
from nexusone.kernel.locale import is_right_to_left

from .footers import unsubscribe_label
from .html_cleaning import DEPTH_MAX, clean_html, depth_of, is_safe_address, is_safe_style
from .masking import Masked, free_prefix, mask
from .mjml_markup import Element, read_mjml

ADDRESSES = frozenset({"href", "src", "background-url", "thumbnails-src", "icon-wrapped-url", "icon-unwrapped-url"})
# Values that the compiler never computes with: it gets a word and the value comes back escaped.
CARRIED = ADDRESSES | {"alt", "title", "name-text", "rel", "srcset"}
TAGS_MAX = 10_000
FONT_ADDRESS = re.compile(r"https://[^\s\"'<>()\\]+")
PLAIN_VALUE = re.compile(r"[^\"<>&\\]*")
UNSUBSCRIBE_LINK = re.compile(r"<a\s[^>]*?href=[\"']\s*\{\{-?\s*unsubscribe_url\b")
ADDRESS_USED = re.compile(r"\bworkspace\s*\.\s*postal_address\b")
FOOTER_STYLE = "padding:16px 24px;font-family:Helvetica,Arial,sans-serif;font-size:12px;line-height:18px;text-align:center;color:#666666;"
# No include is ever loaded, and no font is fetched that the template does not name.
PARSING = mrml.ParserOptions(include_loader=mrml.noop_loader())
RENDERING = mrml.RenderOptions(fonts={})


def compile_mjml(mjml: str, *, locale: str, preheader: str = "") -> str:
    """HTML with Liquid in it. `locale` sets language and direction; `preheader` is Liquid text and replaces an `<mj-preview>`.

    An unsubscribe link in the language of `locale` is appended where the template has none, and the sender's postal address.
    Raises TemplateRejected with line numbers. What comes out is finished by `links.track_html`, which also makes the values of
    attributes safe.
    """
    masked = mask(mjml, is_markup=True)
    root = read_mjml(masked.text)
    carrier = Carrier(masked, free_prefix(f"{mjml} {masked.text} {preheader}"))
    prepare(root, carrier, locale=locale, preheader=preheader)
    html = transpile("".join(carrier.serialised(root)))
    return with_footer(carrier.unload(masked.unmask(html)), locale=locale)


def transpile(mjml: str) -> str:
    try:
        output = mrml.to_html(mjml, PARSING, RENDERING)
    except OSError as error:
        raise rejected("mjml.invalid", f"the template is not valid MJML: {error}") from error
    return output.content


class Carrier:
    """Carries cleaned HTML and attribute values around the compiler."""

    def __init__(self, masked: Masked, prefix: str) -> None:
        self.masked, self.prefix = masked, prefix
        self.loads: list[str] = []
        self.preheader = ""
        self.tags = 0
        self.is_inlining = False

    def load(self, value: str) -> str:
        self.loads.append(self.masked.unmask(value))
        return f"{self.prefix}c{len(self.loads) - 1}z"

    def unload(self, html: str) -> str:
        word = rf"{self.prefix}c(\d+)z"
        return re.sub(rf"<!--{word}-->|{word}", lambda found: self.loads[int(found[1] or found[2])], html)

    def serialised(self, element: Element) -> Iterator[str]:
        yield f"<{element.name}{''.join(self.attributes(element))}>"
        if element.content is not None:
            yield self.content(element)
        for child in element.children:
            if isinstance(child, Element):
                yield from self.serialised(child)
            else:
                yield self.between(child, element)
        yield f"</{element.name}>"

    def attributes(self, element: Element) -> Iterator[str]:
        for name, value in element.attributes.items():
            if name.startswith("on") or name == "base-url":
                raise rejected("mjml.attribute", f"the attribute {name} is not available", line=element.line)
            if name in ADDRESSES and not is_safe_address(value):
                raise rejected("mjml.address", f"{name} may point to http, https, mailto and tel only", line=element.line)
            if element.name == "mj-font" and name == "href" and not FONT_ADDRESS.fullmatch(value):
                raise rejected("mjml.address", "a font is loaded from an https address", line=element.line)
            if name in CARRIED:
                yield f' {name}="{self.load(escape(value))}"'
            elif PLAIN_VALUE.fullmatch(value.replace('"', "'")) and is_safe_style(value):
                yield f' {name}="{value.replace(chr(34), chr(39))}"'
            else:
                raise rejected("mjml.attribute", f"the value of {name} has characters that are not available there", line=element.line)

    def content(self, element: Element) -> str:
        content = element.content or ""
        if element.name == "mj-preview" and self.preheader:
            return self.load(self.preheader)
        if not content.strip():
            return ""
        if element.name in ("mj-title", "mj-preview"):
            return self.load(escape(unescape(content)))
        if element.name == "mj-style":
            return self.style(element, content)
        cleaned = clean_html(content, self.masked, is_table=element.name == "mj-table", line=element.line)
        self.tags += content.count("<")
        if self.tags > TAGS_MAX:
            raise rejected("mjml.too_much_html", f"there are more than {TAGS_MAX:,} HTML tags in the template", line=element.line)
        if self.is_inlining and element.name in ("mj-text", "mj-table"):
            return self.inlined(element, cleaned)
        word = self.load(cleaned)
        # In a table a bare word would be moved out of it; elsewhere the compiler does not take a comment.
        return f"<!--{word}-->" if element.name in ("mj-raw", "mj-table") else word

    def inlined(self, element: Element, cleaned: str) -> str:
        """HTML that styles are to be written into has to pass through the compiler, whose stack is short."""
        if depth_of(cleaned) > DEPTH_MAX:
            raise rejected("mjml.too_much_html", f"HTML is nested more than {DEPTH_MAX} deep", line=element.line)
        return cleaned

    def style(self, element: Element, css: str) -> str:
        bare = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
        if self.masked.word.search(bare) or "<" in bare or not is_safe_style(bare.replace(">", " ")):
            raise rejected("mjml.style", "styles hold plain CSS: no Liquid, no imports, no scripts", line=element.line)
        return bare.replace("&", "")

    def between(self, text: str, parent: Element) -> str:
        """Liquid between elements, such as a loop around columns, reaches the output through `mj-raw`."""
        if self.masked.word.sub("", text).strip() or parent.name in ("mjml", "mj-head", "mj-attributes"):
            raise rejected("mjml.text", f"text inside <{parent.name}> belongs into <mj-text>", line=parent.line)
        comments = "".join(f"<!--{found[0]}-->" for found in self.masked.word.finditer(text))
        return f"<mj-raw><!--{self.load(comments)}--></mj-raw>"


def prepare(root: Element, carrier: Carrier, *, locale: str, preheader: str) -> None:
    """Sets language, direction and preheader on the tree, and refuses what has no place in a head."""
    root.attributes |= {"lang": locale, "dir": "rtl" if is_right_to_left(locale) else "ltr"}
    head, body = root.find("mj-head"), root.find("mj-body")
    if body is None:
        raise rejected("mjml.not_mjml", "there is no <mj-body>", line=root.line)
    if head is None:
        head = Element(name="mj-head", line=root.line)
        root.children.insert(0, head)
    if any(element.name == "mj-raw" for element in head.walk()):
        raise rejected("mjml.tag_unknown", "<mj-raw> is not available in <mj-head>", line=head.line)
    carrier.is_inlining = any(element.attributes.get("inline") for element in head.elements() if element.name == "mj-style")
    if is_right_to_left(locale):
        aligned = Element(name="mj-text", line=head.line, attributes={"align": "right"}, content="")
        head.children.insert(0, Element(name="mj-attributes", line=head.line, children=[aligned]))
    if preheader:
        head.children = [child for child in head.children if not isinstance(child, Element) or child.name != "mj-preview"]
        head.children.append(Element(name="mj-preview", line=head.line, content=""))
        liquid = mask(preheader)
        carrier.preheader = liquid.unmask(escape(liquid.text))


def with_footer(html: str, *, locale: str) -> str:
    """Appends what the law wants to be visible and the template lacks."""
    lines = []
    if not UNSUBSCRIBE_LINK.search(html):
        lines.append(f'<a href="{{{{ unsubscribe_url }}}}" style="color:#666666;">{unsubscribe_label(locale)}</a>')
    if not ADDRESS_USED.search(html):
        lines.append("{% if workspace.postal_address %}{{ workspace.name }}, {{ workspace.postal_address }}{% endif %}")
    return before_body_end(html, f'<div style="{FOOTER_STYLE}">{"<br>".join(lines)}</div>') if lines else html


def before_body_end(html: str, addition: str) -> str:
    """Puts HTML at the very end of the body."""
    content, tag, rest = html.rpartition("</body>")
    return f"{content}{addition}{tag}{rest}" if tag else html + addition
