"""HTML that a marketer wrote inside MJML, cleaned: known elements and attributes, addresses of the web, styles that load nothing odd.

Liquid stands in it as words in attributes and as comments elsewhere; words in any other place are dropped with what they stood in.
"""

import re
from html import unescape

import nh3

from nexusone.kernel.liquid.faults import rejected

from .masking import Masked

# The cleaner's cost grows with the square of the nesting: 2,000 tags take 20 ms at worst, 50,000 would take 10 s.
TAGS_MAX = 2_000
DEPTH_MAX = 60
VOID = frozenset({"br", "col", "hr", "img"})
CLEAN_TAG = re.compile(r"<(/?)([a-z0-9]+)")
SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms"})
GLOBAL_ATTRIBUTES = {"align", "aria-hidden", "aria-label", "class", "dir", "id", "lang", "role", "style", "title", "valign"}
TABLE_ATTRIBUTES = {"bgcolor", "border", "cellpadding", "cellspacing", "colspan", "height", "rowspan", "width"}
ATTRIBUTES = {
    "*": GLOBAL_ATTRIBUTES,
    "a": {"href", "name", "target", "rel"},
    "img": {"src", "alt", "width", "height", "border"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "hr": {"size", "width"},
    **dict.fromkeys(("table", "tbody", "thead", "tfoot", "tr", "td", "th", "col", "colgroup"), TABLE_ATTRIBUTES),
}
ELEMENTS = set(ATTRIBUTES) - {"*"} | {
    "abbr",
    "b",
    "big",
    "blockquote",
    "br",
    "center",
    "code",
    "del",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "i",
    "ins",
    "kbd",
    "li",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "u",
    "ul",
}
ODD_STYLE = re.compile(r"expression\s*\(|javascript:|vbscript:|behaviou?r\s*:|-moz-binding|@import|[\\<>]|/\*", re.IGNORECASE)
STYLE_ADDRESS = re.compile(r"url\(\s*[\"']?\s*(?!https?://)", re.IGNORECASE)
SCHEME = re.compile(r"\s*([a-z][a-z0-9+.\-]*)\s*:", re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<!(?!--)[^>]*>?|<\?[^>]*>?", re.DOTALL)
TAG_TEXT = re.compile(r"<[a-zA-Z/][^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>?")
INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\ufeff]+")


def is_safe_style(style: str) -> bool:
    """Whether inline CSS loads nothing but web addresses and runs nothing."""
    plain = unescape(style)
    return not ODD_STYLE.search(plain) and not STYLE_ADDRESS.search(plain)


def is_safe_address(address: str) -> bool:
    """Whether an address, as a browser would read it, has a known scheme or none."""
    scheme = SCHEME.match(INVISIBLE.sub("", unescape(address)))
    return scheme is None or scheme[1].lower() in SCHEMES


def keep_attribute(_element: str, name: str, value: str) -> str | None:
    if name == "style" and not is_safe_style(value):
        return None
    if name in ("href", "src") and not is_safe_address(value):
        return None
    return value


CLEANER = nh3.Cleaner(
    tags=ELEMENTS,
    attributes=ATTRIBUTES,
    attribute_filter=keep_attribute,
    strip_comments=False,
    link_rel=None,
    url_schemes=set(SCHEMES),
    clean_content_tags={"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "xmp", "title"},
)


def clean_html(html: str, masked: Masked, *, is_table: bool, line: int) -> str:
    """Cleans a fragment; rows of a table are read as such. Its Liquid comes back as comments in text, as words in attributes."""
    bare = COMMENT.sub("", html)
    if bare.count("<") > TAGS_MAX:
        raise rejected("mjml.too_much_html", f"there are more than {TAGS_MAX:,} HTML tags in one block", line=line)
    if not is_table:
        return CLEANER.clean(commented(bare, masked))
    cleaned = CLEANER.clean(f"<table>{commented(bare, masked)}</table>")
    if not cleaned.startswith("<table>") or not cleaned.endswith("</table>"):
        raise rejected("mjml.table", "<mj-table> holds whole rows, such as <tr><td>…</td></tr>, and nothing beside them", line=line)
    return cleaned.removeprefix("<table>").removesuffix("</table>")


def commented(html: str, masked: Masked) -> str:
    """Liquid between tags becomes a comment, which may stand anywhere, even between the rows of a table."""
    pieces: list[str] = []
    position = 0
    for tag in TAG_TEXT.finditer(html):
        pieces += (masked.word.sub(r"<!--\g<0>-->", html[position : tag.start()]), tag[0])
        position = tag.end()
    pieces.append(masked.word.sub(r"<!--\g<0>-->", html[position:]))
    return "".join(pieces)


def depth_of(cleaned: str) -> int:
    """How deep the elements of cleaned HTML are nested."""
    depth = deepest = 0
    for tag in CLEAN_TAG.finditer(cleaned):
        if tag[2] not in VOID:
            depth += -1 if tag[1] else 1
            deepest = max(deepest, depth)
    return deepest
