"""Mail as bytes, fast: compiled once per template version and locale, bound once per campaign, filled per recipient."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256

from nexusone.kernel.liquid.faults import RenderFault, TemplateRejected
from nexusone.kernel.liquid.sandbox import NOW

from .encodings import base64_lines, is_smaller_in_base64, plain, quoted_printable
from .footers import text_footer
from .headers import Envelope, mailbox, one_line, shared_fields, unstructured
from .links import Link, LinkTable, track_html, track_text, with_pixel
from .liquid import Program
from .message_ids import message_id
from .mjml import compile_mjml
from .plaintext import text_of_html
from .segments import Segments
from .tokens import DeliveryIds
from .tracking import Addresses, Tracking
from .variants import Variant

SUBJECT_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class RecipientFields:
    """One recipient: where the mail goes, and `contact` as templates see it (first_name, locale, attributes, …)."""

    delivery: DeliveryIds
    address: str
    name: str = ""
    contact: Mapping[str, object] = field(default_factory=dict)


class Part:
    """One body of a mail, in the transfer encoding that suits it."""

    __slots__ = ("_segments", "head", "is_base64")

    def __init__(self, program: Program, subtype: str) -> None:
        self.is_base64 = is_smaller_in_base64(program.source)
        self._segments = Segments(program, plain if self.is_base64 else quoted_printable)
        encoding = "base64" if self.is_base64 else "quoted-printable"
        self.head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'.encode("ascii")

    def render(self, values: Mapping[str, object], encoded: dict[str, bytes]) -> bytes:
        """The encoded body; `encoded` keeps what was encoded for another part of the same mail in the same encoding."""
        body = self._segments.render(values, encoded)
        return base64_lines(body) if self.is_base64 else body


@contextmanager
def pointing_at(pointer: str) -> Iterator[None]:
    try:
        yield
    except TemplateRejected as rejection:
        raise rejection.at(pointer) from rejection


def generated_text(html: str) -> str:
    """A text part from HTML; blocks that cannot be told apart outside of their markup leave only the way to unsubscribe."""
    text = text_of_html(html)
    try:
        Program(text, is_html=False)
    except TemplateRejected:
        return "{{ unsubscribe_url }}"
    return text


class CompiledEmail:
    """A variant ready to be sent: programs, parts and links. Keep it per (template version, locale); it never changes."""

    def __init__(self, variant: Variant, *, locale: str, first_link: int = 0) -> None:
        """Links are numbered from `first_link`. Raises TemplateRejected, pointing at the field of the variant."""
        self.locale = locale
        table = LinkTable(first=first_link)
        with pointing_at("/mjml"):
            tracked = track_html(compile_mjml(variant.mjml, locale=locale, preheader=variant.preheader), table)
            self.html = with_pixel(tracked).strip() + "\n"
            html = Program(self.html, is_html=True)
        with pointing_at("/text"):
            written = track_text(variant.text, table) if variant.text else generated_text(tracked)
            self.text = text_footer(written, locale=locale).strip() + "\n"
            text = Program(self.text, is_html=False)
        with pointing_at("/subject"):
            self._subject = Segments(Program(variant.subject, is_html=False), plain)
        self.links: tuple[Link, ...] = tuple(table.links)
        self._static_subject = subject_field(variant.subject) if "{" not in variant.subject else None
        self._text, self._html = Part(text, "plain"), Part(html, "html")

    def bind(self, *, envelope: Envelope, tracking: Tracking, workspace: Mapping[str, object], campaign: Mapping[str, object]) -> "Mailing":
        """The mail of one campaign; `workspace` and `campaign` are what templates see under those names. Raises RenderFault."""
        return Mailing(self, envelope=envelope, tracking=tracking, shared={"workspace": workspace, "campaign": campaign})

    def subject(self, values: Mapping[str, object]) -> bytes:
        """The encoded subject for one recipient."""
        return self._static_subject or subject_field(self._subject.render(values, {}).decode("utf-8"))

    def body(self, values: Mapping[str, object], boundary: bytes) -> bytes:
        """Both parts, with the content type that announces them."""
        line = b"--" + boundary
        encoded: dict[str, bytes] = {}
        text = self._text.render(values, encoded)
        html = self._html.render(values, encoded if self._html.is_base64 == self._text.is_base64 else {})
        return b"".join(
            (
                b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="', boundary, b'"\r\n\r\n',
                line, b"\r\n", self._text.head, text, b"\r\n",
                line, b"\r\n", self._html.head, html, b"\r\n",
                line, b"--\r\n",
            )
        )  # fmt: skip


class Mailing:
    """A compiled mail in the name of one campaign."""

    __slots__ = ("_addresses", "_compiled", "_domain", "_shared", "_shared_fields")

    def __init__(self, compiled: CompiledEmail, *, envelope: Envelope, tracking: Tracking, shared: Mapping[str, object]) -> None:
        self._compiled, self._shared = compiled, dict(shared)
        self._addresses = Addresses(tracking, compiled.links)
        self._shared_fields, self._domain = shared_fields(envelope), envelope.domain

    def message_id(self, delivery: DeliveryIds) -> str:
        """The Message-ID that `render` writes for that delivery, with its angle brackets."""
        return message_id(delivery, domain=self._domain)

    def values(self, recipient: RecipientFields, moment: datetime) -> dict[str, object]:
        """What the template sees for one recipient."""
        values: dict[str, object] = {**self._shared, "contact": recipient.contact, NOW: moment}
        self._addresses.fill(values, recipient.delivery)
        return values

    def render(self, recipient: RecipientFields, *, moment: datetime) -> bytes:
        """The whole message. The same recipient and moment (aware, its seconds count) give the same bytes. Raises RenderFault."""
        values = self.values(recipient, moment)
        identifier = self.message_id(recipient.delivery)
        # `=_` cannot occur in quoted-printable or base64, so no content can end a part.
        boundary = b"=_" + sha256(identifier.encode("ascii")).hexdigest()[:32].encode("ascii")
        return b"".join(
            (
                self._shared_fields,
                b"To: ", mailbox(recipient.address, recipient.name),
                b"\r\nSubject: ", self._compiled.subject(values),
                b"\r\nDate: ", date_field(int(moment.timestamp())),
                b"\r\nMessage-ID: ", identifier.encode("ascii"),
                b"\r\nList-Unsubscribe: <", str(values["unsubscribe_url"]).encode("ascii"),
                b">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                self._compiled.body(values, boundary),
            )
        )  # fmt: skip


@lru_cache(maxsize=16)
def date_field(timestamp: int) -> bytes:
    return format_datetime(datetime.fromtimestamp(timestamp, UTC)).encode("ascii")


def subject_field(subject: str) -> bytes:
    line = one_line(subject)
    if not line or len(line) > SUBJECT_LENGTH_MAX:
        raise RenderFault(code="email.subject_invalid", detail=f"the subject is empty or longer than {SUBJECT_LENGTH_MAX} characters")
    return unstructured(line)
