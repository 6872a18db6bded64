"""Reading JSON strictly: no duplicate keys, no NUL, no lone surrogates, no endless depth, no infinities."""

import json
import math
import re
from typing import Any

from starlette.requests import Request

from nexusone.kernel.errors import InvalidRequest

DEPTH_MAX = 40
DIGITS_MAX = 400
# Below it a float is exactly the whole number that it shows.
EXACT_MAX = 2**53

# Strings are matched whole, so that brackets inside them do not count.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


class StrictRequest(Request):
    """A request whose `json()` refuses what parsers disagree about."""

    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            InvalidRequest: it has one of the faults named above, or is no JSON at all.
        """
        if not hasattr(self, "_strict_json"):
            self._strict_json = read_json(await self.body())
        return self._strict_json


def read_json(body: bytes) -> Any:
    """Parses JSON strictly; see the module.

    Raises:
        InvalidRequest: with the reason.
    """
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_bounded_int, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise InvalidRequest(reason="the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(reason=f"the body is not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise InvalidRequest(reason="the body is nested too deeply") from error
    if "\\u" in text:
        _check_text(value)
    elif "\x00" in text:
        raise InvalidRequest(reason="NUL characters are not allowed")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(reason=f"the key {twice[:80]!r} stands twice in one object")
    return made


def _no_constant(name: str) -> Any:
    raise InvalidRequest(reason=f"{name} is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise InvalidRequest(reason="a number has too many digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise InvalidRequest(reason="a number is too large")
    # JSON knows one kind of number: 24.0 is 24.
    return int(value) if abs(value) < EXACT_MAX and value.is_integer() else value


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= DEPTH_MAX:
        return
    depth = 0
    for token in _STRUCTURE.finditer(text):
        mark = token.group()
        if mark in ("{", "["):
            depth += 1
            if depth > DEPTH_MAX:
                raise InvalidRequest(reason="the body is nested too deeply")
        elif mark in ("}", "]"):
            depth -= 1


def _check_text(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if "\x00" in item or any("\ud800" <= character <= "\udfff" for character in item):
                raise InvalidRequest(reason="NUL characters and lone surrogates are not allowed")
        elif isinstance(item, dict):
            stack.extend(part for pair in item.items() for part in pair)
        elif isinstance(item, list):
            stack.extend(item)
