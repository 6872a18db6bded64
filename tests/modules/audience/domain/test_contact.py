import json
import random
import zoneinfo

import phonenumbers
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.audience.domain.contact import ATTRIBUTES_BYTES_MAX, Fault, NormalisedContact, normalise
from nexusone.modules.audience.domain.email_address import normalise_email
from nexusone.modules.audience.domain.phone import normalise_phone
from nexusone.modules.audience.domain.territories import COUNTRIES

# Regions that CLDR knows and ISO 3166-1 does not assign.
NOT_ISO = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}


def _contact(**raw: object) -> NormalisedContact:
    made = normalise({"external_id": "u1", **raw})
    assert isinstance(made, NormalisedContact), made
    return made


def _codes(**raw: object) -> list[tuple[str, str]]:
    made = normalise({"external_id": "u1", **raw})
    assert isinstance(made, list), made
    return [(fault.field, fault.code) for fault in made]


def test_fields_are_stored_in_one_spelling() -> None:
    made = _contact(
        external_id="  u1 ", email=" Ada.Lovelace@EXAMPLE.com ", phone="0151 / 1234-5678", first_name="Zoe\u0308", locale="pt_br",
        timezone="europe/berlin", country="de", attributes={"name": "Zoe\u0308", "n": 1, "x": 1.5, "t": True, "none": None},
    )  # fmt: skip
    assert made == NormalisedContact(
        "u1", "ada.lovelace@example.com", "+4915112345678", "Zoë", None, "pt-BR", "Europe/Berlin", "DE",
        {"name": "Zoë", "n": 1, "x": 1.5, "t": True, "none": None},
    )  # fmt: skip


@given(st.dictionaries(st.sampled_from(["external_id", "email", "phone", "first_name", "locale", "timezone", "country"]), st.text()))
def test_what_is_normalised_stays_as_it_is(raw: dict[str, object]) -> None:
    once = _contact_or_faults(raw)
    if isinstance(once, NormalisedContact):
        again = normalise(once._asdict(), identifier_needed=False)
        assert again == once


def _contact_or_faults(raw: dict[str, object]) -> NormalisedContact | list[Fault]:
    return normalise(raw, identifier_needed=False)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a@b.de", "a@b.de"), ("A+tag@B.De", "a+tag@b.de"), ("o'hara@x.co.uk", "o'hara@x.co.uk"), ("a@bücher.de", "a@xn--bcher-kva.de"),
        ("a@XN--BCHER-KVA.de", "a@xn--bcher-kva.de"), ("a@почта.рф", "a@xn--80a1acny.xn--p1ai"), ("a@ｅxample.com", "a@example.com"),
        ("a" * 64 + "@b.de", "a" * 64 + "@b.de"),
    ],
)  # fmt: skip
def test_addresses_are_stored_in_one_spelling(text: str, stored: str) -> None:
    assert normalise_email(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@b.de", "a@", "a@b", "a@@b.de", "a@b@c.de", ".a@b.de", "a.@b.de", "a..b@c.de", "a b@c.de", "a@b..de",
        "a@-b.de", "a@b-.de",
        "a@b.123", "a@[127.0.0.1]", '"a b"@c.de', "a@b.de\nBcc: x@y.de", "a\0@b.de", "a@b\u202e.de", "a\u200b@b.de",
        "аda@b.de", "a@аpple.com",
        "a@xn--pple-43d.com", "a@xn--a.com", "a" * 65 + "@b.de", "a@" + "b" * 64 + ".de", "a@" + "b." * 130 + "de", "a＠b.de",
        "a@b.de,c@d.de",
        "<a@b.de>", "a@b_c.de", "a@ex ample.com", "a@\ud800.de", "jörg@b.de",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    assert normalise_email(text) is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_address_check(text: str) -> None:
    for candidate in (text, f"{text}@example.com", f"ada@{text}.com"):
        stored = normalise_email(candidate)
        assert stored is None or (stored.isascii() and stored == stored.lower() and normalise_email(stored) == stored)


def test_the_short_way_to_a_phone_number_agrees_with_the_full_parse() -> None:
    source = random.Random(7)
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for _ in range(60):
            text = f"+{code}" + "".join(source.choices("0123456789", k=source.randint(4, 12)))
            number = phonenumbers.parse(text) if len(text) <= 16 else None
            possible = number and phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
            expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number and possible else None
            assert normalise_phone(text, country=None) == expected or len(text) > 16


@pytest.mark.parametrize(
    ("text", "country", "stored"),
    [
        ("+49 (151) 1234-5678", None, "+4915112345678"), ("0151 12345678", "DE", "+4915112345678"),
        ("0049 151 12345678", "DE", "+4915112345678"),
        ("+39 06 1234567", "DE", "+39061234567"), ("(202) 555-0123", "US", "+12025550123"), ("\uff0b4915112345678", None, "+4915112345678"),
        ("112", "DE", None), ("1-800-FLOWERS", "US", None), ("+49", None, None), ("0151 12345678", None, None),
        ("call +4915112345678", "DE", None),
        ("+4915112345678 ext. 7", "DE", None), ("+999123456789", None, None), ("+٤٩15112345678", None, "+4915112345678"),
        ("+" * 30, "DE", None),
    ],
)  # fmt: skip
def test_phone_numbers_are_stored_in_e164(text: str, country: str | None, stored: str | None) -> None:
    assert normalise_phone(text, country=country) == stored


def test_a_national_number_needs_a_country() -> None:
    assert _codes(phone="0151 12345678") == [("phone", "phone_needs_country")]
    assert _codes(phone="0151 12345678", country="XX") == [("country", "country_unknown"), ("phone", "phone_needs_country")]
    assert _codes(phone="+4", country="DE") == [("phone", "phone_invalid")]


def test_countries_are_those_of_iso_3166() -> None:
    known = {code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()}
    assert known - NOT_ISO == COUNTRIES
    assert len(COUNTRIES) == 249


def test_zones_are_those_that_can_be_loaded() -> None:
    assert _contact(timezone="america/argentina/buenos_aires").timezone == "America/Argentina/Buenos_Aires"
    assert _codes(timezone="../../etc/passwd") == [("timezone", "timezone_unknown")]
    assert _codes(timezone="Factory") == [("timezone", "timezone_unknown")]
    assert zoneinfo.ZoneInfo(_contact(timezone="utc").timezone or "").key == "UTC"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("external_id", "x" * 201, "too_long"), ("first_name", "a\nb", "not_printable"), ("last_name", "a\u202eb", "not_printable"),
        ("first_name", "a\0b", "not_printable"), ("external_id", "\ud800", "not_printable"), ("first_name", "a\x85b", "not_printable"),
        ("email", 7, "not_text"), ("locale", "german", "locale_invalid"), ("locale", "de-", "locale_invalid"),
        ("country", "Germany", "country_unknown"),
        ("country", "EU", "country_unknown"), ("phone", True, "not_text"), ("shoe_size", "44", "unknown_field"),
        ("attributes", [1], "not_an_object"),
    ],
)  # fmt: skip
def test_fields_are_refused_with_a_stable_code(field: str, value: object, code: str) -> None:
    assert _codes(**{field: value}) == [(field, code)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**63, [1], {"a": 1}, "a\0", "\ud800", "\u202e", b"x"])
def test_attributes_hold_only_plain_values(value: object) -> None:
    assert _codes(attributes={"a": value}) == [("attributes.a", "value_invalid")]


@pytest.mark.parametrize("key", ["", "A", "1a", "a-b", "a b", "a'; drop table contact; --", "a" * 64, "ä", "a\n", 7])
def test_attribute_names_are_plain(key: object) -> None:
    made = normalise({"external_id": "u1", "attributes": {key: 1}})
    assert isinstance(made, list)
    assert [fault.code for fault in made] == ["name_invalid"]


def test_attributes_have_limits() -> None:
    assert _codes(attributes={f"a{at}": 1 for at in range(101)}) == [("attributes", "too_many")]
    assert _codes(attributes={"a": "x" * ATTRIBUTES_BYTES_MAX}) == [("attributes", "too_large")]
    assert _codes(attributes={"a": "ä" * (ATTRIBUTES_BYTES_MAX // 2)}) == [("attributes", "too_large")]
    assert _contact(attributes={"a": "x" * 8000}).attributes


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
        st.text(max_size=900) | st.integers() | st.floats() | st.booleans(),
        max_size=12,
    )
)
def test_attributes_that_are_taken_fit_into_their_limit(raw: dict[str, object]) -> None:
    made = normalise({"external_id": "u1", "attributes": raw})
    if isinstance(made, NormalisedContact):
        assert len(json.dumps(made.attributes, ensure_ascii=False, allow_nan=False).encode()) <= ATTRIBUTES_BYTES_MAX


def test_a_new_contact_needs_an_identifier_and_a_change_does_not() -> None:
    assert normalise({"first_name": "Ada", "email": "  "}) == [
        Fault("external_id", "identifier_missing", "a contact needs an external_id, an email or a phone")
    ]
    assert isinstance(normalise({"first_name": "Ada"}, identifier_needed=False), NormalisedContact)


def test_all_faults_are_named_at_once() -> None:
    assert _codes(email="x", timezone="y", attributes={"A": 1}) == [
        ("email", "email_invalid"), ("timezone", "timezone_unknown"), ("attributes.A", "name_invalid"),
    ]  # fmt: skip
