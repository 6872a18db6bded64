"""What of a change may stand in the trail: masked like a log line, free of control characters, bounded. Pure."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nexusone.platform.telemetry.masking import mask

CHANGES_LENGTH_MAX = 32_768
TEXT_LENGTH_MAX = 500
# Line breaks too: one entry is one line wherever it is printed.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Change = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A personal value under its subject's own key: once that key is destroyed nobody reads it, and the hash still holds."""

    subject: str
    field: str
    ciphertext: bytes

    def as_json(self) -> dict[str, object]:
        """The form in which it stands in an entry."""
        return {"sealed": base64.b64encode(self.ciphertext).decode(), "subject": self.subject, "field": self.field}


def changes_between(before: Change | None, after: Change | None) -> dict[str, object]:
    """`{field: {"before": …, "after": …}}` of the fields that differ, masked; too long a change names its fields only."""
    old, new = before or {}, after or {}
    changes: dict[str, object] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        if name in old and name in new and old[name] == new[name]:
            continue
        sides = {side: values[name] for side, values in (("before", old), ("after", new)) if name in values}
        changes[printable(name)] = {side: _shown(value, name) for side, value in sides.items()}
    if len(json.dumps(changes)) > CHANGES_LENGTH_MAX:
        return {name: {"after": "[too long]"} for name in changes}
    return changes


def printable(text: str, *, length_max: int = TEXT_LENGTH_MAX) -> str:
    """The text with control, line-breaking and direction-changing characters spelled out (`\\x1b`), at most that long."""
    shown = CONTROL.sub(lambda found: _spelled(found[0]), text)
    return shown if len(shown) <= length_max else shown[: length_max - 1] + "…"


def _shown(value: object, name: str) -> object:
    if isinstance(value, Sealed):
        return value.as_json()
    if isinstance(value, Mapping):
        return {printable(str(key)): _shown(item, str(key)) for key, item in value.items()}
    return _printable_all(mask(value, name=name))


def _printable_all(value: object) -> object:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): _printable_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable_all(item) for item in value]
    return value


def _spelled(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
