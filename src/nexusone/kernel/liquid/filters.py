"""The filters a template may use. Each is pure and bounded: no filter makes a text longer than TEXT_MAX or reads a clock.

A filter gets the surface it renders for, the value, then the arguments. What comes out is plain text, to be escaped on output
like any value, so that no chain of filters can put markup together; only `escape` and `newline_to_br` mark their result.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from urllib.parse import quote_plus

from liquid.exceptions import FilterArgumentError
from markupsafe import Markup, escape

TEXT_MAX = 64 * 1024
PARTS_MAX = 1_000
NUMBER_MAX = 10**15
SPELLED_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
DATE_FORMAT = re.compile(r"(?:[^%]|%[-_^]?[A-Za-z%]){1,100}")
WEB_ADDRESS = re.compile(r"(?:https?://[^\s/?#]|mailto:|tel:)", re.IGNORECASE)

Filter = Callable[..., object]
Number = int | float | Decimal


def as_text(value: object) -> str:
    """How a value reads: nothing for nil and for objects, `true` and `false`, lists joined; marked HTML as its plain text."""
    if isinstance(value, Markup):
        return value.unescape()
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | range):
        return "".join(as_text(part) for part in value[:PARTS_MAX])
    return str(value)


def fault(detail: str) -> FilterArgumentError:
    return FilterArgumentError(detail, token=None)


def number(value: object) -> Number:
    """A number, or the number that a text spells; anything else counts as 0."""
    if isinstance(value, bool):
        return 0
    counted: Number = value if isinstance(value, int | float | Decimal) else spelled_number(as_text(value).strip())
    if not -NUMBER_MAX <= float(counted) <= NUMBER_MAX:
        raise fault("a number is too large")
    return counted


def spelled_number(text: str) -> int | Decimal:
    if not SPELLED_NUMBER.fullmatch(text):
        return 0
    return Decimal(text) if "." in text else int(text)


def as_number(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    return value


def integer(value: object) -> int:
    return int(number(value))


def of_text(change: Callable[[str], str]) -> Filter:
    return lambda _is_html, value: change(as_text(value))


def of_numbers(compute: Callable[[Decimal, Decimal], Decimal]) -> Filter:
    def apply(_is_html: bool, left: object, right: object) -> object:
        a, b = number(left), number(right)
        result = compute(Decimal(str(a)), Decimal(str(b)))
        is_whole = isinstance(a, int) and isinstance(b, int)
        return int(result) if is_whole else float(result)

    return apply


def bounded(length: int) -> None:
    if length > TEXT_MAX:
        raise fault(f"a text grows beyond {TEXT_MAX // 1024} KiB")


def append(_is_html: bool, value: object, suffix: object) -> str:
    joined = as_text(value) + as_text(suffix)
    bounded(len(joined))
    return joined


def prepend(_is_html: bool, value: object, prefix: object) -> str:
    return append(_is_html, prefix, value)


def replace(_is_html: bool, value: object, old: object, new: object = "") -> str:
    text, sought, put = as_text(value), as_text(old), as_text(new)
    bounded(len(text) + text.count(sought) * len(put))
    return text.replace(sought, put)


def replace_first(_is_html: bool, value: object, old: object, new: object = "") -> str:
    replaced = as_text(value).replace(as_text(old), as_text(new), 1)
    bounded(len(replaced))
    return replaced


def split(_is_html: bool, value: object, separator: object) -> list[str]:
    text, mark = as_text(value), as_text(separator)
    parts = text.split(mark, PARTS_MAX) if mark else list(text[: PARTS_MAX + 1])
    if len(parts) > PARTS_MAX:
        raise fault(f"a text splits into more than {PARTS_MAX} parts")
    return parts if text else []


def join(_is_html: bool, value: object, glue: object = " ") -> str:
    if not isinstance(value, list | tuple | range):
        return as_text(value)
    parts = [as_text(part) for part in value[:PARTS_MAX]]
    bounded(sum(map(len, parts)) + len(parts) * len(as_text(glue)))
    return as_text(glue).join(parts)


def first(_is_html: bool, value: object) -> object:
    return value[0] if isinstance(value, list | tuple | range) and value else None


def last(_is_html: bool, value: object) -> object:
    return value[-1] if isinstance(value, list | tuple | range) and value else None


def size(_is_html: bool, value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | range | Mapping) else 0


def cut(_is_html: bool, value: object, start: object, length: object = 1) -> str:
    text = as_text(value)
    begin = integer(start)
    begin = max(begin + len(text), 0) if begin < 0 else begin
    return text[begin : begin + max(integer(length), 0)]


def truncate(_is_html: bool, value: object, length: object = 50, ending: object = "...") -> str:
    text, limit, tail = as_text(value), integer(length), as_text(ending)
    bounded(len(tail))
    return text if len(text) <= limit else text[: max(limit - len(tail), 0)] + tail


def truncate_words(_is_html: bool, value: object, count: object = 15, ending: object = "...") -> str:
    words, limit = as_text(value).split(), max(integer(count), 1)
    bounded(len(as_text(ending)))
    return " ".join(words) if len(words) <= limit else " ".join(words[:limit]) + as_text(ending)


def default(_is_html: bool, value: object, fallback: object = "", *, allow_false: object = False) -> object:
    if value is False:
        return value if allow_false is True else fallback
    is_blank = value is None or (isinstance(value, str | list | tuple | Mapping) and len(value) == 0)
    return fallback if is_blank else value


def rounded(_is_html: bool, value: object, digits: object = 0) -> object:
    places = min(max(integer(digits), 0), 10)
    result = round(Decimal(str(number(value))), places)
    return int(result) if places == 0 else float(result)


def divisor_of(value: object) -> Number:
    divisor = number(value)
    if divisor == 0:
        raise fault("a number is divided by 0")
    return divisor


def divided_by(_is_html: bool, value: object, divisor: object) -> object:
    left, right = number(value), divisor_of(divisor)
    return left // right if isinstance(left, int) and isinstance(right, int) else float(left) / float(right)


def modulo(_is_html: bool, value: object, divisor: object) -> object:
    left, right = number(value), divisor_of(divisor)
    return left % right if isinstance(left, int) and isinstance(right, int) else float(left) % float(right)


def moment_of(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromisoformat(as_text(value).strip())
    except ValueError:
        return None


def format_date(_is_html: bool, value: object, pattern: object) -> str:
    """`{{ contact.attributes.birthday | date: "%d.%m.%Y" }}` of ISO 8601 texts; what is no date stays as it is."""
    moment, spelled = moment_of(value), as_text(pattern)
    if moment is None or not spelled:
        return as_text(value)
    if not DATE_FORMAT.fullmatch(spelled):
        raise fault("a date format has at most 100 characters and directives such as %d")
    return moment.strftime(spelled)


def escape_html(is_html: bool, value: object) -> object:
    return escape(as_text(value)) if is_html else as_text(value)


def line_breaks(is_html: bool, value: object) -> object:
    text = as_text(value)
    return Markup("<br>\n").join(text.splitlines()) if is_html else text


def web_address(_is_html: bool, value: object) -> str:
    """An address that may stand in a link; `#` for any other."""
    address = as_text(value).strip()
    return address if WEB_ADDRESS.match(address) else "#"


FILTERS: dict[str, Filter] = {
    "abs": lambda _is_html, value: as_number(abs(number(value))),
    "append": append,
    "attribute": of_text(str),
    "at_least": lambda _is_html, value, floor: as_number(max(number(value), number(floor))),
    "at_most": lambda _is_html, value, ceiling: as_number(min(number(value), number(ceiling))),
    "capitalize": of_text(str.capitalize),
    "ceil": lambda _is_html, value: math.ceil(number(value)),
    "date": format_date,
    "default": default,
    "divided_by": divided_by,
    "downcase": of_text(str.lower),
    "escape": escape_html,
    "first": first,
    "floor": lambda _is_html, value: math.floor(number(value)),
    "join": join,
    "last": last,
    "lstrip": of_text(str.lstrip),
    "minus": of_numbers(lambda a, b: a - b),
    "modulo": modulo,
    "newline_to_br": line_breaks,
    "plus": of_numbers(lambda a, b: a + b),
    "prepend": prepend,
    "remove": replace,
    "remove_first": replace_first,
    "replace": replace,
    "replace_first": replace_first,
    "round": rounded,
    "rstrip": of_text(str.rstrip),
    "size": size,
    "slice": cut,
    "split": split,
    "squish": of_text(lambda text: " ".join(text.split())),
    "strip": of_text(str.strip),
    "strip_newlines": of_text(lambda text: "".join(text.splitlines())),
    "times": of_numbers(lambda a, b: a * b),
    "truncate": truncate,
    "truncatewords": truncate_words,
    "upcase": of_text(str.upper),
    "url_encode": of_text(lambda text: quote_plus(text, errors="replace")),
    "web_address": web_address,
}
