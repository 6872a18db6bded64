"""What a contact is made of: its fields, how they are spelled when stored, and what is refused."""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple
from zoneinfo import available_timezones

from nexusone.kernel.contract import UNPRINTABLE
from nexusone.kernel.locale import canonical_locale
from nexusone.modules.audience.domain.email_address import EMAIL_LENGTH_MAX, normalise_email
from nexusone.modules.audience.domain.phone import normalise_phone
from nexusone.modules.audience.domain.territories import COUNTRIES

AttributeValue = str | int | float | bool | None

IDENTIFIERS: Final = ("external_id", "email", "phone")
TEXT_FIELDS: Final = ("external_id", "email", "phone", "first_name", "last_name", "locale", "timezone", "country")
TEXT_LENGTH_MAX = 200
ATTRIBUTES_MAX = 100
ATTRIBUTES_BYTES_MAX = 8192
INTEGER_MAX = 2**63 - 1
ATTRIBUTE_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")

_UNPRINTABLE_IN_LINE = re.compile(UNPRINTABLE.pattern + r"|[\t\n\r\x80-\x9f\u2028\u2029]")


class Fault(NamedTuple):
    """What is wrong with one field (`attributes.plan` for an attribute), as a stable code and a sentence."""

    field: str
    code: str
    detail: str


class NormalisedContact(NamedTuple):
    """A contact's fields as they are stored; None and absent attributes mean the same: nothing is known."""

    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: dict[str, AttributeValue]


class _Bad(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


def normalise(raw: Mapping[str, object], *, identifier_needed: bool = True) -> NormalisedContact | list[Fault]:
    """The contact as it is stored, or every fault of it. Blank text counts as absent.

    `raw` maps TEXT_FIELDS to text and `attributes` to a mapping; other names are faults. A change to a contact that
    exists passes `identifier_needed=False`.
    """
    faults: list[Fault] = []
    fields: dict[str, str | None] = {}
    for name, value in raw.items():
        reader = _READERS.get(name)
        if value is None or value == "" or (reader is None and name in _APART):
            continue
        if reader is None:
            faults.append(Fault(name, "unknown_field", f"{name[:100]!r} is not a field of a contact"))
        elif not isinstance(value, str):
            faults.append(Fault(name, "not_text", "this field holds text"))
        else:
            try:
                fields[name] = reader(value)
            except _Bad as bad:
                faults.append(Fault(name, bad.code, bad.detail))
    fields["phone"] = _read_phone(raw.get("phone"), country=fields.get("country"), faults=faults)
    attributes = _read_attributes(raw.get("attributes"), faults=faults)
    get = fields.get
    external_id, email, phone = get("external_id"), get("email"), fields["phone"]
    if identifier_needed and not faults and external_id is None and email is None and phone is None:
        faults.append(Fault("external_id", "identifier_missing", "a contact needs an external_id, an email or a phone"))
    if faults:
        return faults
    return NormalisedContact(
        external_id, email, phone, get("first_name"), get("last_name"), get("locale"), get("timezone"), get("country"), attributes
    )


def attribute_value(value: object) -> AttributeValue:
    """The value if an attribute may hold it, text in NFC. Raises ValueError, with the sentence, if not."""
    if isinstance(value, str):
        if value.isascii() and value.isprintable():
            return value
        if UNPRINTABLE.search(value):
            raise ValueError("control and direction-changing characters are not allowed")
        return unicodedata.normalize("NFC", value)
    if value is None or isinstance(value, bool):
        return value
    if (isinstance(value, int) and abs(value) <= INTEGER_MAX) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, int | float):
        raise ValueError("a number must be finite, and a whole one within 64 bits")
    raise ValueError("an attribute holds text, a number, true, false or null")


def _line(text: str) -> str | None:
    trimmed = text.strip()
    if len(trimmed) > TEXT_LENGTH_MAX:
        raise _Bad("too_long", f"at most {TEXT_LENGTH_MAX} characters are kept here, not {len(trimmed)}")
    if trimmed.isascii() and trimmed.isprintable():
        return trimmed or None
    if _UNPRINTABLE_IN_LINE.search(trimmed):
        raise _Bad("not_printable", "control, line-breaking and direction-changing characters are not allowed")
    return unicodedata.normalize("NFC", trimmed) or None


def _email(text: str) -> str | None:
    address = normalise_email(text)
    if address is None:
        if not text.strip():
            return None
        raise _Bad("email_invalid", f"not an e-mail address of at most {EMAIL_LENGTH_MAX} characters such as ada@example.com")
    return address


# The caches hold valid spellings only: an exception is not cached.
@lru_cache(maxsize=4096)
def _locale(text: str) -> str | None:
    trimmed = text.strip()
    try:
        return canonical_locale(trimmed) if trimmed else None
    except ValueError:
        raise _Bad("locale_invalid", "not a language tag such as de or pt-BR") from None


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() - {"Factory", "localtime"}}


@lru_cache(maxsize=4096)
def _timezone(text: str) -> str | None:
    trimmed = text.strip()
    if not trimmed:
        return None
    name = _zones().get(trimmed.lower())
    if name is None:
        raise _Bad("timezone_unknown", "not a time zone such as Europe/Berlin")
    return name


@lru_cache(maxsize=4096)
def _country(text: str) -> str | None:
    code = text.strip().upper()
    if not code:
        return None
    if code not in COUNTRIES:
        raise _Bad("country_unknown", "not a country of ISO 3166-1 as two letters, such as DE")
    return code


_READERS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "external_id": _line,
    "email": _email,
    "first_name": _line,
    "last_name": _line,
    "locale": _locale,
    "timezone": _timezone,
    "country": _country,
}
_APART: Final = frozenset({"phone", "attributes"})


def _read_phone(value: object, *, country: str | None, faults: list[Fault]) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        faults.append(Fault("phone", "not_text", "this field holds text"))
        return None
    trimmed = value.strip()
    number = normalise_phone(trimmed, country=country) if trimmed else None
    if number is None and trimmed:
        if country is None and not trimmed.startswith("+"):
            faults.append(Fault("phone", "phone_needs_country", "a number without its +country code needs a valid country"))
        else:
            faults.append(Fault("phone", "phone_invalid", "not a telephone number such as +4930123456"))
    return number


def _read_attributes(raw: object, *, faults: list[Fault]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    if raw is None:
        return attributes
    if not isinstance(raw, Mapping):
        faults.append(Fault("attributes", "not_an_object", "attributes are names with values"))
        return attributes
    if len(raw) > ATTRIBUTES_MAX:
        faults.append(Fault("attributes", "too_many", f"at most {ATTRIBUTES_MAX} attributes, not {len(raw)}"))
        return attributes
    bytes_max = 2
    for key, value in raw.items():
        if not isinstance(key, str) or not ATTRIBUTE_KEY.fullmatch(key):
            faults.append(Fault(f"attributes.{str(key)[:100]}", "name_invalid", "a name is lower-case letters, digits and _"))
            continue
        try:
            kept = attributes[key] = attribute_value(value)
        except ValueError as bad:
            faults.append(Fault(f"attributes.{key}", "value_invalid", str(bad)))
            continue
        # One character is at most four bytes or a six-byte escape; a number at most thirty characters.
        bytes_max += len(key) + (6 * len(kept) if isinstance(kept, str) else 30) + 6
    # Measured in full only where the estimate does not settle it.
    if bytes_max > ATTRIBUTES_BYTES_MAX and len(json.dumps(attributes, ensure_ascii=False).encode()) > ATTRIBUTES_BYTES_MAX:
        faults.append(Fault("attributes", "too_large", f"attributes take at most {ATTRIBUTES_BYTES_MAX} bytes as JSON"))
    return attributes
