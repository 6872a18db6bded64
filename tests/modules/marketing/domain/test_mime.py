"""The fast mail parses equal to the standard library's, and no value breaks out of its place."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.liquid.faults import RenderFault
from nexusone.modules.marketing.domain.encodings import normalised
from nexusone.modules.marketing.domain.headers import Envelope, Mailbox, address_spec, mailbox, one_line, unstructured
from nexusone.modules.marketing.domain.liquid import Program
from nexusone.modules.marketing.domain.message_ids import read_message_id
from nexusone.modules.marketing.domain.mime import CompiledEmail, Mailing, RecipientFields
from nexusone.modules.marketing.domain.tokens import DeliveryIds, Purpose, SigningKey, read
from nexusone.modules.marketing.domain.tracking import Tracking
from nexusone.modules.marketing.domain.variants import Variant

KEY = SigningKey(3, b"k" * 32)
TRACKING = Tracking("https://t.example.com", KEY)
ENVELOPE = Envelope(
    sender=Mailbox("news@example.com", "Zoë & Söhne"),
    domain="mail.example.com",
    list_id="news.example.com",
    list_name="News",
    reply_to=Mailbox("hello@example.com"),
    feedback_id="c1:w1:campaign:nexus",
    headers={"X-Campaign": "c1"},
)
MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
IDS = DeliveryIds(UUID(int=1), UUID(int=2), UUID(int=3), 0)
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>"
    "Hello {{ contact.first_name | default: 'friend' }},\n{{ contact.attributes.note }} = 100%"
    "{% if contact.vip %}<b>Dear {{ contact.first_name }}</b>{% elsif contact.country == 'DE' %}Grüß Gott{% else %}Hi{% endif %}"
    "{% for tag in contact.tags %}<i>{{ tag | upcase }}</i>{% endfor %}{% assign s = contact.first_name | append: '!' %}{{ s }}</mj-text>"
    '<mj-button href="https://shop.example.com/?a=1&amp;b={{ contact.first_name | url_encode }}">Buy</mj-button>'
    "</mj-column></mj-section></mj-body></mjml>"
)
TEXT = (
    "Hello {{ contact.first_name }}\n{{ contact.attributes.note }}\n{% if contact.vip %}{{ s }}VIP{% endif %} \n"
    "https://shop.example.com/\n{{ unsubscribe_url }}"
)
SUBJECT = "For {{ contact.first_name }}: offers"


def mailing(*, subject: str = SUBJECT, mjml: str = MJML, text: str = TEXT, locale: str = "en", tracking: Tracking = TRACKING) -> Mailing:
    compiled = CompiledEmail(Variant(subject=subject, mjml=mjml, preheader="{{ contact.first_name }}", text=text), locale=locale)
    return compiled.bind(
        envelope=ENVELOPE, tracking=tracking, workspace={"name": "Acme", "postal_address": "Street 1"}, campaign={"name": "Spring"}
    )


COMPILED = CompiledEmail(Variant(subject=SUBJECT, mjml=MJML, preheader="{{ contact.first_name }}", text=TEXT), locale="en")
GENERATED = CompiledEmail(Variant(subject=SUBJECT, mjml=MJML), locale="en")
JAPANESE = CompiledEmail(
    Variant(subject=SUBJECT, mjml=MJML.replace("Hello", "こんにちは" * 700), text="こんにちは{{ contact.first_name }}"), locale="ja"
)


def recipient(name: str = "", **contact: object) -> RecipientFields:
    return RecipientFields(delivery=IDS, address="jo@example.org", name=name, contact=contact)


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body_of(message: EmailMessage, kind: str) -> str:
    part = next(part for part in message.walk() if part.get_content_subtype() == kind)
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def by_the_library(values: dict[str, object], compiled: CompiledEmail, name: str) -> EmailMessage:
    """The same mail by the standard library, from plain renderings of the same programs."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = Address("Zoë & Söhne", addr_spec="news@example.com")
    message["To"] = Address(one_line(name), addr_spec="jo@example.org")
    message["Subject"] = one_line(Program(SUBJECT, is_html=False).render(values))
    message["Date"] = MOMENT
    message.set_content(writable(Program(compiled.text, is_html=False).render(values)))
    message.add_alternative(writable(Program(compiled.html, is_html=True).render(values)), subtype="html")
    return message


def writable(text: str) -> str:
    return normalised(text).encode("utf-8", "replace").decode("utf-8")


anything = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["L", "N", "Zs", "P", "Cc", "So"]), max_size=200),
    st.sampled_from(
        ["=?utf-8?q?x?=", "a\r\nBcc: x@y.example", "x" * 3000, "😀" * 40, ".\r\n.", "=", " ", "\t", "--=_", "a=\n b", "é" * 80]
    ),
)


@settings(max_examples=120, deadline=None)
@given(first_name=anything, note=anything, name=anything, vip=st.booleans(), tags=st.lists(anything, max_size=3), which=st.integers(0, 2))
def test_the_fast_mail_parses_equal_to_the_librarys(first_name: str, note: str, name: str, vip: bool, tags: list[str], which: int) -> None:
    compiled = (COMPILED, GENERATED, JAPANESE)[which]
    bound = compiled.bind(envelope=ENVELOPE, tracking=TRACKING, workspace={"name": "Acme"}, campaign={"name": "Spring"})
    person = recipient(name, first_name=first_name, vip=vip, tags=tags, country="DE", attributes={"note": note})
    if len(one_line(f"For {first_name}: offers")) > 500:
        with pytest.raises(RenderFault, match="subject"):
            bound.render(person, moment=MOMENT)
        return
    raw = bound.render(person, moment=MOMENT)
    fast, slow = parsed(raw), by_the_library(bound.values(person, MOMENT), compiled, name)
    assert all(not part.defects for part in fast.walk())
    assert [body_of(fast, kind) for kind in ("plain", "html")] == [body_of(parsed(slow.as_bytes()), kind) for kind in ("plain", "html")]
    assert str(fast["Subject"]) == one_line(writable(f"For {first_name}: offers"))
    shown = one_line(writable(name))
    assert decoded_to(raw) in {f'"{shown}" <jo@example.org>', f"{shown} <jo@example.org>", f"{shown}jo@example.org"}
    assert str(fast["From"]) == str(slow["From"])
    assert fast["Date"].datetime == slow["Date"].datetime
    check_lines(raw)


def decoded_to(raw: bytes) -> str:
    """The To field by RFC 2047; the structured parser keeps the white space between the words of a long name."""
    folded = email.message_from_bytes(raw, policy=email.policy.compat32)["To"]
    return str(make_header(decode_header(folded))).replace("\r\n", "")


def check_lines(raw: bytes) -> None:
    """Only CRLF ends lines, no line is longer than mail allows, no header was added."""
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert re.findall(rb"(?m)^([A-Za-z-]+):", head) == [
        b"From", b"Reply-To", b"List-Id", b"Feedback-ID", b"X-Campaign", b"To", b"Subject", b"Date", b"Message-ID",
        b"List-Unsubscribe", b"List-Unsubscribe-Post", b"MIME-Version", b"Content-Type",
    ]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(anything)
def test_no_value_breaks_out_of_a_header(value: str) -> None:
    for written in (unstructured(value), mailbox("jo@example.org", value)):
        assert written.isascii()
        for line in written.split(b"\r\n")[1:]:
            assert line.startswith(b" ")
            assert line.strip()
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", written)
        assert all(len(line) <= 78 for line in written.split(b"\r\n"))
    message = parsed(b"Subject: " + unstructured(value) + b"\r\n\r\n")
    assert list(message.keys()) == ["Subject"]
    assert str(message["Subject"]) == one_line(writable(value))


@given(anything)
def test_a_text_is_never_an_address_unless_it_is_one(value: str) -> None:
    try:
        spec = address_spec(value)
    except RenderFault:
        return
    assert re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", spec)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jo",
        "@example.org",
        "jo@",
        "jo@localhost",
        "a b@example.org",
        "jo@example.org\r\nBcc: x@y.z",
        "jo@example.org,x@y.example",
        "<jo@example.org>",
        '"jo"@example.org',
        "jo..x@example.org",
        ".jo@example.org",
        "jo@-example.org",
        "jo@exa_mple.org",
        "jö@example.org",
        "jo@[127.0.0.1]",
        "jo@example.org>",
        "x" * 65 + "@example.org",
        "jo@" + "a" * 250 + ".org",
        "=?utf-8?q?a?=@example.org",
        "jo@ex\x00.org",
    ],
)
def test_what_is_no_address_gets_no_mail(address: str) -> None:
    with pytest.raises(RenderFault) as caught:
        mailing().render(RecipientFields(delivery=IDS, address=address), moment=MOMENT)
    assert caught.value.code == "email.address_invalid"


def test_an_international_domain_is_written_in_ascii() -> None:
    assert address_spec("jo@bücher.example") == "jo@xn--bcher-kva.example"


def test_a_mail_carries_what_bulk_mail_must_carry() -> None:
    raw = mailing().render(recipient(first_name="Jo"), moment=MOMENT)
    message = parsed(raw)
    unsubscribe = str(message["List-Unsubscribe"]).strip("<>")
    assert unsubscribe.startswith("https://t.example.com/u/")
    token = read(unsubscribe.rpartition("/")[2], {3: KEY})
    assert token is not None
    assert (token.purpose, token.delivery) == (Purpose.UNSUBSCRIBE, IDS)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(message["List-Id"]) == '"News" <news.example.com>'
    assert read_message_id(str(message["Message-ID"])) == IDS
    assert unsubscribe in body_of(message, "html")
    assert unsubscribe in body_of(message, "plain")
    assert "Acme, Street 1" in body_of(message, "html")
    assert message.get_content_type() == "multipart/alternative"


def test_the_same_delivery_and_moment_give_the_same_bytes() -> None:
    person = recipient(first_name="Jo")
    assert mailing().render(person, moment=MOMENT) == mailing().render(person, moment=MOMENT)


def test_links_lead_through_tracking_with_their_number() -> None:
    html = body_of(parsed(mailing().render(recipient(first_name="Jo"), moment=MOMENT)), "html")
    tokens = [read(found, {3: KEY}) for found in re.findall(r"https://t\.example\.com/t/c/([\w-]+)", html)]
    assert [token.link for token in tokens if token is not None] == [0]
    opened = re.search(r"https://t\.example\.com/t/o/([\w-]+)", html)
    assert opened is not None
    token = read(opened[1], {3: KEY})
    assert token is not None
    assert token.purpose is Purpose.OPEN


def test_without_tracking_links_are_their_own_addresses() -> None:
    quiet = Tracking("https://t.example.com", KEY, is_tracking_opens=False, is_tracking_clicks=False)
    html = body_of(parsed(mailing(tracking=quiet).render(recipient(first_name="J&o"), moment=MOMENT)), "html")
    assert 'href="https://shop.example.com/?a=1&amp;b=J%26o"' in html
    assert "/t/" not in html


def test_no_personal_value_is_in_any_tracking_address() -> None:
    raw = mailing().render(recipient(first_name="canary-name"), moment=MOMENT)
    addresses = re.findall(r"https://t\.example\.com/\S+", body_of(parsed(raw), "html"))
    assert addresses
    assert not [address for address in addresses if "canary" in address or "jo@" in address]


def test_mostly_ascii_is_quoted_printable_and_japanese_is_base64() -> None:
    assert "quoted-printable" in encodings_of(COMPILED)
    assert "base64" in encodings_of(JAPANESE)


def encodings_of(compiled: CompiledEmail) -> set[str]:
    bound = compiled.bind(envelope=ENVELOPE, tracking=TRACKING, workspace={}, campaign={})
    message = parsed(bound.render(recipient(first_name="Jo"), moment=MOMENT))
    return {str(part["Content-Transfer-Encoding"]) for part in message.iter_parts()}


@pytest.mark.parametrize("subject", ["{{ contact.missing }}", "{{ contact.first_name }}" * 8])
def test_an_empty_or_endless_subject_is_a_fault_of_that_mail(subject: str) -> None:
    with pytest.raises(RenderFault) as caught:
        mailing(subject=subject).render(recipient(first_name="x" * 100), moment=MOMENT)
    assert caught.value.code == "email.subject_invalid"


def test_an_output_bomb_in_values_is_a_fault_of_that_mail() -> None:
    with pytest.raises(RenderFault) as caught:
        mailing().render(recipient(first_name="Jo", attributes={"note": "x" * 300_000}), moment=MOMENT)
    assert caught.value.code == "liquid.output_limit"


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(sender=Mailbox("news@example.com"), domain="example.com", list_id="x\r\nBcc: a@b.c"),
        Envelope(sender=Mailbox("news"), domain="example.com", list_id="news.example.com"),
        Envelope(sender=Mailbox("news@example.com"), domain="example com", list_id="news.example.com"),
        Envelope(sender=Mailbox("news@example.com"), domain="example.com", list_id="news.example.com", headers={"Bcc": "a@b.c"}),
        Envelope(sender=Mailbox("news@example.com"), domain="example.com", list_id="news.example.com", headers={"X-A: b\r\nBcc": "a"}),
    ],
)
def test_an_envelope_that_cannot_be_written_is_refused(envelope: Envelope) -> None:
    with pytest.raises(RenderFault):
        COMPILED.bind(envelope=envelope, tracking=TRACKING, workspace={}, campaign={})
