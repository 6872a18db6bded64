"""What must not leave the process: secrets and personal data, found by the name of a field and by their own shape.

Over-masking is fine, leaking is not. Pure; used by logs, traces and crash reports alike.
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

SECRET, EMAIL, PHONE, PERSONAL = "[secret]", "[email]", "[phone]", "[personal]"
TEXT_LENGTH_MAX = 16_384
ITEMS_MAX = 200
DEPTH_MAX = 8

# A count of model tokens is no secret: `max_tokens=100` stays readable.
_HIDDEN_NAMES = (
    r"passw(?:or)?d|pwd|passphrase|passcode|jwt|[cx]srf|secret|token(?!s[\w-]*\\*[\"']?\s*[=:]\s*\d+\b)|api[_\- ]?key|authorization|cookie"
    r"|credential|(?:private|master|signing|encryption|access)[_-]?key|signature|recovery[_-]?code|session[_-]?id|dsn\b|(?<![a-z0-9])[th]?otp(?![a-z0-9])"
)
_PERSONAL_NAMES = (
    r"(?:e[_-]?mail|mail|phone|mobile|msisdn)s?(?:[_-]?(?:address|number|no))?(?:es|s)?|(?:first|last|full|given|family|maiden)[_-]?name"
    r"|surname|date[_-]?of[_-]?birth|birth[_-]?(?:day|date)|street|post(?:al)?[_-]?code|iban"
)
# A quoted value ends at its own kind of quote (JSON inside JSON has escaped ones) or, cut off, at the end of the text.
_VALUE = (
    r"""(?:(?P<slashes>\\+)".{0,4096}?(?<!\\)(?P=slashes)"|\\*"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
    r"""|\[(?:secret|personal|email|phone)\][^\s&;,"'<>)}\]]*|[^\s&;,"'<>)}\]]+)"""
)
_JOIN = r"""(\\*["']?\s*(?:=>|[=:]|%(?:25)*3D)\s*b?|\\*["']\s*,\s*b?(?=["']))"""

_HIDDEN_NAME = re.compile(_HIDDEN_NAMES, re.I)
_PERSONAL_NAME = re.compile(rf"(?:{_PERSONAL_NAMES})$", re.I)
_COUNT_NAME = re.compile(r"tokens(?:_\w+)?$", re.I)
_HIDDEN_PAIR = re.compile(rf"((?:{_HIDDEN_NAMES})[\w\-\]]{{0,64}}){_JOIN}{_VALUE}", re.I | re.S)
_PERSONAL_PAIR = re.compile(rf"((?:{_PERSONAL_NAMES})){_JOIN}{_VALUE}", re.I | re.S)
_HEADER_LINE = re.compile(r"((?:authorization|cookie)\s*:\s*)[^\r\n\"']+", re.I)
_SCHEME = re.compile(r"\b(bearer\s+|digest\s+|basic\s+(?=\S{12}))[\w\-.~+/=:%]{4,}", re.I)
_USERINFO = re.compile(r"(?<=://)[^\s/\"'<>]+@")
_TOKEN = re.compile(
    r"eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)*"
    r"|(?<![A-Za-z0-9])(?:nx_[\w-]{6,}|(?:sk|pk|rk|whsec|gh[opsu]|xox[a-z]|SG|glpat|shpat)[-_.][\w.-]{8,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{20,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*-----|$)"
)
_EMAIL = re.compile(r"[\w.%+'-]{1,256}(?:@|%(?:25)*40)(?:[\w-]+\.)+[\w-]{2,}")
_PHONE = re.compile(
    r"(?<!\w)(?:(?:\+|%2B)[1-9]|00[1-9])(?:[ ().\-/]{0,2}\d){6,14}(?![\w-])"
    r"|(?<![\w.-])(?:\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{2,5}|\d{3}[-. ]\d{3}[-. ]\d{4}|0\d{2,4}[ /-]\d{5,8})(?![\w-])",
    re.I,
)


# Looking for these letters first makes a harmless line ten times cheaper: no pattern matches without one of its own.
_HIDDEN_HINTS: tuple[str, ...] = ("pass", "pwd", "jwt", "srf", "secret", "token", "key", "authorization", "cookie", "credential")
_HIDDEN_HINTS += ("signature", "code", "session", "dsn", "otp")
_PERSONAL_HINTS = ("mail", "phone", "mobile", "msisdn", "name", "birth", "street", "post", "iban")
_TOKEN_HINTS = ("eyj", "nx_", "sk", "pk", "rk", "whsec", "gh", "xox", "sg", "glpat", "shpat", "akia", "aiza", "-----begin")
_SCHEME_HINTS = ("bearer", "digest", "basic")
_JOIN_HINTS = ("=", ":", ",", "3d")
# A word, a UUID, an instant: most of what a line carries.
_HARMLESS = re.compile(r"[a-z]{1,24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]{0,7}(?:Z|\+00:00)")
_SEVEN_DIGITS = re.compile(r"\d(?:[ ().\-/]{0,3}\d){6}")


def mask_text(text: str) -> str:
    """The text without secrets, e-mail addresses and phone numbers, at most 16,384 characters of it."""
    if _HARMLESS.fullmatch(text):
        return text
    # Cut late, so that a secret astride the cut is still seen whole; cut early too, so that huge texts cost little.
    masked = text[: 2 * TEXT_LENGTH_MAX]
    letters = masked.lower()
    has_pairs = _has(letters, _JOIN_HINTS)
    if _has(letters, _TOKEN_HINTS):
        masked = _TOKEN.sub(SECRET, masked)
    if _has(letters, _SCHEME_HINTS):
        masked = _SCHEME.sub(rf"\1{SECRET}", _HEADER_LINE.sub(rf"\1{SECRET}", masked))
    if has_pairs and _has(letters, _HIDDEN_HINTS):
        masked = _HIDDEN_PAIR.sub(rf"\1\2{SECRET}", _HEADER_LINE.sub(rf"\1{SECRET}", masked))
    if "@" in letters or "40" in letters:
        masked = _EMAIL.sub(EMAIL, _USERINFO.sub(f"{SECRET}@", masked))
    if has_pairs and _has(letters, _PERSONAL_HINTS):
        masked = _PERSONAL_PAIR.sub(rf"\1\2{PERSONAL}", masked)
    if _SEVEN_DIGITS.search(letters):
        masked = _PHONE.sub(PHONE, masked)
    return masked if len(masked) <= TEXT_LENGTH_MAX else masked[:TEXT_LENGTH_MAX] + "…"


def _has(letters: str, hints: tuple[str, ...]) -> bool:
    return any(map(letters.__contains__, hints))


@lru_cache(maxsize=1024)
def mask_name(name: str) -> str:
    """The name of a field, masked like a text; remembered, since the same names come again and again."""
    return mask_text(name)


def mask(value: object, *, name: str = "", depth: int = DEPTH_MAX) -> object:
    """The value as plain data (text, numbers, lists, dicts) with everything masked that its name or its shape gives away."""
    if value is None or isinstance(value, bool):
        return value
    hidden = _hidden_by_name(name) if name else None
    if hidden and not (isinstance(value, int | float) and _COUNT_NAME.search(name)):
        return hidden
    if isinstance(value, int | float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, UUID | date | Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return mask_text(bytes(value[: 2 * TEXT_LENGTH_MAX]).decode(errors="backslashreplace"))
    if isinstance(value, str):
        return mask_text(value)
    return _mask_nested(value, depth)


def _mask_nested(value: object, depth: int) -> object:
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:ITEMS_MAX]
        return {mask_name(_text(key)): mask(item, name=_text(key), depth=depth - 1) for key, item in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return _mask_items(list(value)[:ITEMS_MAX], depth)
    return mask_text(repr(value))


def _mask_items(items: Iterable[object], depth: int) -> list[object]:
    listed = list(items)
    # Headers travel as (name, value) pairs.
    if len(listed) == 2 and isinstance(listed[0], str | bytes):
        return [mask(listed[0]), mask(listed[1], name=_text(listed[0]), depth=depth - 1)]
    return [mask(item, depth=depth - 1) for item in listed]


@lru_cache(maxsize=1024)
def _hidden_by_name(name: str) -> str | None:
    if _HIDDEN_NAME.search(name):
        return SECRET
    return PERSONAL if _PERSONAL_NAME.search(name) else None


def _text(key: object) -> str:
    return key.decode(errors="backslashreplace") if isinstance(key, bytes) else str(key)
