"""Header fields of a mail: values that cannot break out of their line, addresses that are strictly addresses.

Names and subjects are written plainly where they are short ASCII, else as RFC 2047 encoded words of at most 75 characters, folded.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from nexusone.kernel.liquid.faults import RenderFault

ADDRESS_LENGTH_MAX = 254
LOCAL_PART_MAX = 64
# White space and every character that could end, hide or reorder a line; no-break spaces are kept.
UNPRINTABLE = re.compile("(?:(?![\xa0\u202f\u2007])[\\s\x00-\x20\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff])+")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(?:\.{ATOM})*")
DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|xn--[A-Za-z0-9-]{1,59})")
PLAIN_TEXT = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]{1,60}")
FIELD_NAME = re.compile(r"X-[A-Za-z0-9-]{1,60}")
LINE_LENGTH_MAX = 66
# 45 bytes make 60 characters of base64; with `=?utf-8?b?` and `?=` around them a word has 72.
WORD_BYTES_MAX = 45


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address, as in From."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all mails of one campaign share in their headers; built once, checked when it is bound to a mail.

    `list_id` is a host-like name such as `news.example.com`; `domain` ends the Message-IDs; `headers` are further X- fields.
    """

    sender: Mailbox
    domain: str
    list_id: str
    list_name: str = ""
    reply_to: Mailbox | None = None
    feedback_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def one_line(text: str) -> str:
    """Text without line breaks, control characters and doubled white space."""
    return UNPRINTABLE.sub(" ", text).strip(" ")


def address_spec(address: str) -> str:
    """A mail address, its domain in ASCII. Raises RenderFault for anything but local-part@domain."""
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        domain = ascii_domain(domain) if len(domain) < ADDRESS_LENGTH_MAX else ""
    is_local = at and len(local) <= LOCAL_PART_MAX and LOCAL_PART.fullmatch(local) and "=?" not in local
    if not is_local or not DOMAIN.fullmatch(domain) or len(local) + len(domain) >= ADDRESS_LENGTH_MAX:
        raise RenderFault(code="email.address_invalid", detail="the address is not one that mail can be sent to")
    return f"{local}@{domain}"


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def encoded_words(text: str) -> str:
    """RFC 2047: as many base64 words as it takes, split between characters, one per line."""
    words: list[bytes] = []
    word = b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(word) + len(encoded) > WORD_BYTES_MAX:
            words.append(word)
            word = b""
        word += encoded
    words.append(word)
    return "\r\n ".join(f"=?utf-8?b?{b64encode(part).decode('ascii')}?=" for part in words)


def folded(text: str) -> str:
    """Plain words, broken into lines where there is a space."""
    if len(text) <= LINE_LENGTH_MAX:
        return text
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= LINE_LENGTH_MAX:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def unstructured(text: str) -> bytes:
    """The value of a field of free text, such as Subject."""
    line = one_line(text)
    if PLAIN_TEXT.fullmatch(line) and "=?" not in line:
        return folded(line).encode("ascii")
    return encoded_words(line).encode("ascii") if line else b""


def mailbox(address: str, name: str = "") -> bytes:
    """`Name <address>`. Raises RenderFault for an address that is none."""
    spec = address_spec(address)
    phrase = one_line(name)
    if not phrase:
        return spec.encode("ascii")
    if PLAIN_NAME.fullmatch(phrase):
        return f'"{phrase}" <{spec}>'.encode("ascii")
    return f"{encoded_words(phrase)}\r\n <{spec}>".encode("ascii")


def shared_fields(envelope: Envelope) -> bytes:
    """The header lines that are the same in every mail. Raises RenderFault for values that cannot stand in a header."""
    if not DOMAIN.fullmatch(envelope.list_id) or not DOMAIN.fullmatch(envelope.domain):
        raise RenderFault(code="email.header_invalid", detail="list_id and domain are host names such as news.example.com")
    list_name = unstructured(envelope.list_name)
    lines = [b"From: " + mailbox(envelope.sender.address, envelope.sender.name)]
    if envelope.reply_to is not None:
        lines.append(b"Reply-To: " + mailbox(envelope.reply_to.address, envelope.reply_to.name))
    lines.append(b"List-Id: " + (list_phrase(list_name) if list_name else b"") + f"<{envelope.list_id}>".encode("ascii"))
    if envelope.feedback_id:
        lines.append(b"Feedback-ID: " + unstructured(envelope.feedback_id))
    for name, value in envelope.headers.items():
        if not FIELD_NAME.fullmatch(name):
            raise RenderFault(code="email.header_invalid", detail="further headers have names such as X-Campaign")
        lines.append(f"{name}: ".encode("ascii") + unstructured(value))
    return b"\r\n".join(lines) + b"\r\n"


def list_phrase(words: bytes) -> bytes:
    return words + b" " if words.startswith(b"=?") else b'"' + re.sub(rb'["\\<>]', b"", words) + b'" '
