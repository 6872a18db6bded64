"""What templates of a run see, what they become, and by which ids its work is known."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from nexusone.kernel.liquid.program import Program
from nexusone.modules.ai.domain.pipeline_rules import list_source, when_source

PROGRAMS_MAX = 512
KEY_CHARACTERS_MAX = 100
WHOLE = -1
"""The item of the row that stands for a step altogether."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a step's row says to later templates."""

    step: str
    item: int
    state: str
    is_fan: bool
    key: str | None
    output: Mapping[str, Any] | None


def values_of(inputs: Mapping[str, object], rows: Iterable[Ended], *, feedback: str, each: object = None) -> dict[str, object]:
    """The names of templates: `inputs`, `steps`, `each`, `feedback`."""
    steps: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row.item):
        if row.item == WHOLE:
            steps[row.step] = {"state": row.state, **(_fan() if row.is_fan else _view(row))}
            continue
        whole = steps[row.step]
        view = {"state": row.state, "key": row.key, **_view(row)}
        whole["outputs"].append(view["output"])
        whole["all"].append(view)
        whole["asset_ids"] += view["asset_ids"]
        if row.key is not None:
            whole["by"][row.key] = view
    return {"inputs": dict(inputs), "steps": steps, "feedback": feedback, "each": each}


def _fan() -> dict[str, Any]:
    return {"outputs": [], "all": [], "by": {}, "asset_ids": []}


def _view(row: Ended) -> dict[str, Any]:
    made: dict[str, Any] = {"output": None, "asset_ids": [], **(row.output or {})}
    made["asset_id"] = made["asset_ids"][0] if made["asset_ids"] else None
    return made


def resolved(template: object, values: Mapping[str, object]) -> Any:
    """The same structure with every template in it replaced by what it stands for. Raises: RenderFault."""
    match template:
        case str():
            return _program(template).value(values)
        case Mapping():
            return {name: resolved(inner, values) for name, inner in template.items()}
        case list() | tuple():
            return [resolved(inner, values) for inner in template]
        case _:
            return template


def resolved_text(template: str, values: Mapping[str, object]) -> str:
    """What it becomes as a text; objects and lists as JSON. Raises: RenderFault."""
    value = _program(template).value(values)
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def holds(condition: str, values: Mapping[str, object]) -> bool:
    """Whether a condition is true, as Liquid sees truth. Raises: RenderFault."""
    return _program(when_source(condition)).render(values) == "1"


def listed(expression: str, values: Mapping[str, object]) -> list[Any] | None:
    """The list that an expression stands for; None where it is something else. Raises: RenderFault."""
    value = _program(list_source(expression)).value(values)
    return list(value) if isinstance(value, list | tuple) else None


def item_keys(items: list[Any]) -> list[str]:
    """What each item is called: a text by itself, an object by its key, id, sku or name, else its number; all different."""
    keys: list[str] = []
    for number, item in enumerate(items):
        named = next((item[name] for name in ("key", "id", "sku", "name") if name in item), None) if isinstance(item, Mapping) else item
        key = str(named)[:KEY_CHARACTERS_MAX] if isinstance(named, str | int) else str(number)
        keys.append(key if key and key not in keys else f"{key[: KEY_CHARACTERS_MAX - 5]}#{number}")
    return keys


def content_hash(content: object) -> bytes:
    """SHA-256 of the canonical JSON of it."""
    return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode()).digest()


def work_id(run_id: UUID, step: str, item: int, tries: int, *, at: datetime) -> UUID:
    """The one id (UUIDv7) of what a try makes: asked for again after a crash it is the same, so nothing is made twice."""
    digest = sha256(f"{run_id}:{step}:{item}:{tries}".encode()).digest()
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=(milliseconds & (2**48 - 1)) << 80 | 7 << 76 | (digest[0] << 8 | digest[1]) % 4096 << 64 | 2 << 62 | _bits(digest))


def try_number(begins: int, tries: int) -> int:
    """The number of a try among all that a step ever has: items that are made anew count anew, but in a later begin of their run."""
    return begins * 1_000_000 + tries


def _bits(digest: bytes) -> int:
    return int.from_bytes(digest[2:10], "big") & (2**62 - 1)


@lru_cache(maxsize=PROGRAMS_MAX)
def _program(source: str) -> Program:
    return Program(source, is_html=False)
