"""The vendor's nested forms: `line_items[0][price_data][currency]=eur`."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

STEP = re.compile(r"\[([^\]]*)\]")


def read_form(body: bytes) -> dict[str, Any]:
    """The form as nested objects; numbered steps become lists, everything else stays text."""
    made: dict[str, Any] = _listed(_nested(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    return made


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        steps = [name.partition("[")[0], *STEP.findall(name)]
        place = made
        for step in steps[:-1]:
            place = place.setdefault(step, {})
        place[steps[-1] or str(len(place))] = value
    return made


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = {name: _listed(part) for name, part in value.items()}
    if made and all(name.isdigit() for name in made):
        return [made[name] for name in sorted(made, key=int)]
    return made
