"""Reads a raw message for people: headers decoded, text and HTML found, links listed. Never fails on a broken message."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from html.parser import HTMLParser

HEADER_BYTES_MAX = 65_536
URL = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True, slots=True)
class Reading:
    """A parsed message. `headers` keep their order and repetitions; `links` and `images` come once each, in order."""

    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    links: tuple[str, ...]
    images: tuple[str, ...]
    attachments: tuple[str, ...]


def read_headers(content: bytes) -> tuple[tuple[str, str], ...]:
    """The headers alone, decoded."""
    head = content[:HEADER_BYTES_MAX].partition(b"\r\n\r\n")[0]
    return _headers(message_from_bytes(head + b"\r\n\r\n"))


def read(content: bytes) -> Reading:
    """The whole message."""
    message = message_from_bytes(content)
    text: str | None = None
    html: str | None = None
    attachments: list[str] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            attachments.append(_decoded(part.get_filename() or kind))
        elif kind == "text/html" and html is None:
            html = _body(part)
        elif text is None:
            text = _body(part)
    finder = _LinkFinder()
    finder.feed(html or "")
    links = dict.fromkeys([*finder.links, *URL.findall(text or "")])
    return Reading(_headers(message), text, html, tuple(links), tuple(dict.fromkeys(finder.images)), tuple(attachments))


def first(headers: tuple[tuple[str, str], ...], name: str) -> str:
    """The first header of that name, or an empty text."""
    return next((value for key, value in headers if key.lower() == name), "")


class _LinkFinder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = {"a": ("href", self.links), "area": ("href", self.links), "img": ("src", self.images)}.get(tag)
        if wanted is not None:
            name, found = wanted
            found.extend(value for key, value in attrs if key == name and value)


def _headers(message: "Message[str, str]") -> tuple[tuple[str, str], ...]:
    return tuple((_decoded(name), _decoded(value)) for name, value in message.raw_items())


def _decoded(value: object) -> str:
    raw = re.sub(r"\r?\n(?=[ \t])", "", str(value)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        return raw


def _body(part: "Message[str, str]") -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
