"""What is said for one message: the envelope commands, the content in wire form, what the server's answers mean."""

import re
from dataclasses import dataclass

from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.providers.smtp.wire import Reply

SPEAKABLE = re.compile(r"[^\x00-\x1f\x7f<>]{0,320}")
LINE_END = re.compile(rb"\r\n|\r|\n")
REFERENCE = re.compile(r"queued as (\S+)|\bid=(\S+)", re.IGNORECASE)
REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Offers:
    """The extensions a server offers. `size_max` in bytes, 0 when it sets none."""

    pipelining: bool = False
    chunking: bool = False
    eight_bit: bool = False
    utf8: bool = False
    starttls: bool = False
    size_max: int = 0
    auth: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Piece:
    """One message in wire form: its place in the batch, MAIL and RCPT commands, content with CRLF line ends."""

    index: int
    mail: bytes
    rcpt: bytes
    content: bytes

    @property
    def chunked(self) -> bytes:
        """Everything that hands the message over in one write (RFC 3030)."""
        return b"%bBDAT %d LAST\r\n%b" % (self.mail + self.rcpt, len(self.content), self.content)

    @property
    def dotted(self) -> bytes:
        """The content as DATA wants it: leading dots doubled, closed by a lone dot."""
        stuffed = self.content.replace(b"\r\n.", b"\r\n..")
        return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"


def read_offers(hello: str) -> Offers:
    """Reads the answer to EHLO, one keyword per line after the first."""
    words = {line.split()[0].upper(): line.upper().split()[1:] for line in hello.split("\n")[1:] if line.strip()}
    size = words.get("SIZE", [])
    return Offers(
        pipelining="PIPELINING" in words,
        chunking="CHUNKING" in words,
        eight_bit="8BITMIME" in words,
        utf8="SMTPUTF8" in words,
        starttls="STARTTLS" in words,
        size_max=int(size[0]) if size and size[0].isdecimal() else 0,
        auth=frozenset(words.get("AUTH", [])),
    )


def prepare(message: OutgoingEmail, *, index: int, offers: Offers) -> Piece | HandOver:
    """Puts a message into wire form, or says why this server can never take it."""
    sender = _path(message.envelope_from, offers=offers)
    recipient = _path(message.recipient, offers=offers) if message.recipient else None
    if sender is None or recipient is None:
        return HandOver(outcome="failed", reason="the server cannot be given this address")
    content = _with_crlf(message.mime)
    if offers.size_max and len(content) > offers.size_max:
        return HandOver(outcome="failed", code=552, reason=f"{len(content)} bytes, the server takes {offers.size_max}")
    options = _mail_options(content, addresses=sender + recipient, offers=offers)
    return Piece(index=index, mail=b"MAIL FROM:<%b>%b\r\n" % (sender, options), rcpt=b"RCPT TO:<%b>\r\n" % recipient, content=content)


def refusal_of_envelope(mail: Reply, rcpt: Reply) -> HandOver | None:
    """What refused MAIL or RCPT means: MAIL is about the sender's account and may be mended, RCPT is about the recipient."""
    if mail.code // 100 != 2:
        return deferred(mail)
    return None if rcpt.code // 100 == 2 else _refused(rcpt)


def verdict(reply: Reply) -> HandOver | None:
    """What the answer to content means; None when it is no answer to content at all."""
    if reply.code // 100 == 2:
        found = REFERENCE.search(reply.text)
        reference = (found[1] or found[2]) if found else None
        return HandOver(outcome="sent", code=reply.code, reason=_words(reply), vendor_reference=reference)
    return _refused(reply) if reply.code // 100 in (4, 5) else None


def deferred(reply: Reply) -> HandOver:
    """Surely not taken, in the server's words."""
    return HandOver(outcome="deferred", code=reply.code, reason=_words(reply))


def _refused(reply: Reply) -> HandOver:
    return HandOver(outcome="failed", code=reply.code, reason=_words(reply)) if reply.code // 100 == 5 else deferred(reply)


def _words(reply: Reply) -> str:
    return reply.text[:REASON_CHARS_MAX]


def _path(address: str, *, offers: Offers) -> bytes | None:
    if not SPEAKABLE.fullmatch(address):
        return None
    if address.isascii():
        return address.encode()
    try:
        if offers.utf8:
            return address.encode()
        local, _, domain = address.rpartition("@")
        return local.encode("ascii") + b"@" + domain.encode("idna")
    except UnicodeError:
        return None


def _with_crlf(mime: bytes) -> bytes:
    # A lone CR or LF is where one server's end of message is another's text; none may go out.
    pairs = mime.count(b"\r\n")
    if mime.count(b"\n") != pairs or mime.count(b"\r") != pairs:
        mime = LINE_END.sub(b"\r\n", mime)
    return mime if mime.endswith(b"\r\n") else mime + b"\r\n"


def _mail_options(content: bytes, *, addresses: bytes, offers: Offers) -> bytes:
    is_ascii = content.isascii()
    options = b"" if is_ascii or not offers.eight_bit else b" BODY=8BITMIME"
    if offers.utf8 and not (addresses.isascii() and (is_ascii or content.partition(b"\r\n\r\n")[0].isascii())):
        options += b" SMTPUTF8"
    return options
