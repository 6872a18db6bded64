"""Makes a value that validates against a JSON Schema, with the copywriter's words in its strings."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

from nexusone.providers.openai.simulation.copywriter import Copywriter
from nexusone.providers.openai.simulation.numbers import NoSuchNumber, fitting_integer, fitting_number
from nexusone.providers.openai.simulation.strings import NoSuchText, fitting_text

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
LIST_LENGTH = 3
# From this depth on only what is required is made, so that a schema that contains itself comes to an end.
DEPTH_FULL = 6
DEPTH_MAX = 40
NODES_MAX = 20_000
MERGED = frozenset({"anyOf", "oneOf", "allOf", "$ref"})


class UnsupportedSchema(ValueError):
    """No value could be made: the schema contradicts itself, never ends, or says more than is understood here."""


def answer_for(schema: Mapping[str, object], *, writer: Copywriter) -> object:
    """A value that validates. Raises UnsupportedSchema."""
    return _Shaper(schema, writer).make(schema, name="answer", index=0, depth=0)


def wrong_answer_for(schema: Mapping[str, object]) -> object:
    """A value that does not validate against a schema of an object: a required property is missing."""
    required = schema.get("required")
    if isinstance(required, list) and required:
        return {"unexpected": "This is not the shape that was asked for."}
    return ["This is not the shape that was asked for."]


class _Shaper:
    def __init__(self, root: Mapping[str, object], writer: Copywriter) -> None:
        self._root, self._writer, self._nodes = root, writer, 0

    def make(self, schema: object, *, name: str, index: int, depth: int) -> object:
        self._nodes += 1
        if schema is False or depth > DEPTH_MAX or self._nodes > NODES_MAX:
            raise UnsupportedSchema(f"no value for '{name}'")
        node: Mapping[str, object] = schema if isinstance(schema, Mapping) else {}
        if MERGED & node.keys():
            return self._combined(node, name=name, index=index, depth=depth)
        if "const" in node:
            return node["const"]
        choices = node.get("enum")
        if isinstance(choices, list) and choices:
            return self._chosen(choices, name=name, index=index)
        return self._of_kind(node, name=name, index=index, depth=depth)

    def _combined(self, node: Mapping[str, object], *, name: str, index: int, depth: int) -> object:
        base = {key: value for key, value in node.items() if key not in MERGED}
        if isinstance(reference := node.get("$ref"), str):
            merged = _merged(base, self._resolve(reference))
            return self.make(_merged(merged, _only(node, "anyOf", "oneOf", "allOf")), name=name, index=index, depth=depth + 1)
        if isinstance(parts := node.get("allOf"), list):
            for part in parts:
                base = _merged(base, part)
            return self.make(_merged(base, _only(node, "anyOf", "oneOf")), name=name, index=index, depth=depth + 1)
        options = node.get("anyOf") or node.get("oneOf")
        if not isinstance(options, list) or not options:
            raise UnsupportedSchema(f"'{name}' has no options")
        return self._first_that_works(base, options, name=name, index=index, depth=depth)

    def _first_that_works(self, base: Mapping[str, object], options: Sequence[object], *, name: str, index: int, depth: int) -> object:
        for option in sorted(options, key=lambda option: _rank(option, is_deep=depth >= DEPTH_FULL)):
            try:
                return self.make(_merged(base, option), name=name, index=index, depth=depth + 1)
            except UnsupportedSchema:
                continue
        raise UnsupportedSchema(f"no option of '{name}' can be made")

    def _of_kind(self, node: Mapping[str, object], *, name: str, index: int, depth: int) -> object:
        kind = _kind(node, is_deep=depth >= DEPTH_FULL)
        if kind == "object":
            return self._object(node, index=index, depth=depth)
        if kind == "array":
            return self._array(node, name=name, depth=depth)
        if kind == "null":
            return None
        if kind == "boolean":
            return self._digest(name, index) % 3 != 0
        try:
            if kind == "integer":
                return fitting_integer(node, name=name, digest=self._digest(name, index))
            if kind == "number":
                return fitting_number(node, name=name, digest=self._digest(name, index))
            return fitting_text(node, name=name, variant=index, writer=self._writer)
        except (NoSuchNumber, NoSuchText) as error:
            raise UnsupportedSchema(f"'{name}': {error}") from error

    def _object(self, node: Mapping[str, object], *, index: int, depth: int) -> dict[str, object]:
        properties = _mapping(node.get("properties"))
        required = [name for name in _list(node.get("required")) if isinstance(name, str)]
        wanted = list(dict.fromkeys([*properties, *required])) if depth < DEPTH_FULL else required
        most, least = node.get("maxProperties"), node.get("minProperties")
        if isinstance(most, int) and len(wanted) > most:
            wanted = required
        others = node.get("additionalProperties", True)
        if isinstance(least, int):
            wanted += [name for name in properties if name not in wanted][: max(0, least - len(wanted))]
        if others is not False and isinstance(least, int):
            wanted += [f"item_{number}" for number in range(1, least - len(wanted) + 1)]
        elif not properties and isinstance(others, Mapping) and depth < DEPTH_FULL and not isinstance(most, int):
            wanted += ["item_1", "item_2"]
        return {name: self.make(properties.get(name, others), name=name, index=index, depth=depth + 1) for name in wanted}

    def _array(self, node: Mapping[str, object], *, name: str, depth: int) -> list[object]:
        least = _count(node.get("minItems"), otherwise=0)
        most = _count(node.get("maxItems"), otherwise=max(least, LIST_LENGTH))
        first = _list(node.get("prefixItems"))
        rest = node.get("items", True)
        if rest is False:
            most = min(most, len(first))
        length = least if depth >= DEPTH_FULL else min(max(least, len(first), LIST_LENGTH), most)
        made: list[object] = []
        seen: set[str] = set()
        for index in range(length * 4 + 20):
            if len(made) == length:
                break
            schema = first[len(made)] if len(made) < len(first) else rest
            item = self.make(schema, name=name, index=index, depth=depth + 1)
            key = json.dumps(item, sort_keys=True)
            if node.get("uniqueItems") is not True or key not in seen:
                seen.add(key)
                made.append(item)
        if len(made) < least:
            raise UnsupportedSchema(f"'{name}' cannot have {least} different items")
        return made

    def _chosen(self, choices: list[object], *, name: str, index: int) -> object:
        if self._writer.brief.language in choices:
            return self._writer.brief.language
        return choices[(self._digest(name, 0) + index) % len(choices)]

    def _digest(self, name: str, index: int) -> int:
        return int(sha256(f"{self._writer.brief.seed}/{name}/{index}".encode()).hexdigest()[:8], 16)

    def _resolve(self, reference: str) -> object:
        found: object = self._root
        if not reference.startswith("#"):
            raise UnsupportedSchema(f"the reference {reference} leads elsewhere")
        for step in reference[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise UnsupportedSchema(f"the reference {reference} leads nowhere")
            found = found[key]
        return found


def _merged(base: Mapping[str, object], other: object) -> dict[str, object]:
    """Both at once: properties and required join, narrower limits win, anything else is the other's."""
    if other is False:
        raise UnsupportedSchema("nothing is allowed")
    merged = dict(base)
    for key, value in _mapping(other).items():
        held = merged.get(key)
        if key == "properties" and isinstance(held, Mapping):
            merged[key] = {**held, **_mapping(value)}
        elif key == "required" and isinstance(held, list):
            merged[key] = list(dict.fromkeys([*held, *_list(value)]))
        elif key.startswith(("min", "exclusiveMin")) and isinstance(held, int | float) and isinstance(value, int | float):
            merged[key] = max(held, value)
        elif key.startswith(("max", "exclusiveMax")) and isinstance(held, int | float) and isinstance(value, int | float):
            merged[key] = min(held, value)
        else:
            merged[key] = value
    return merged


def _only(node: Mapping[str, object], *keys: str) -> dict[str, object]:
    return {key: node[key] for key in keys if key in node}


def _rank(option: object, *, is_deep: bool) -> int:
    """Something before nothing; deep down, what surely ends before what may go on."""
    node = _mapping(option)
    is_null = node.get("type") == "null" or ("const" in node and node["const"] is None)
    if not is_deep:
        return 1 if is_null else 0
    if is_null:
        return 0
    return 2 if "$ref" in node or node.get("type") in ("object", "array") or "properties" in node else 1


def _kind(node: Mapping[str, object], *, is_deep: bool) -> str:
    kinds = node.get("type")
    if isinstance(kinds, list):
        usable = [kind for kind in kinds if kind in TYPES]
        if is_deep and "null" in usable:
            return "null"
        return next((str(kind) for kind in usable if kind != "null"), "null")
    if isinstance(kinds, str):
        if kinds not in TYPES:
            raise UnsupportedSchema(f"'{kinds}' is not a type")
        return kinds
    if "properties" in node or "required" in node or isinstance(node.get("additionalProperties"), Mapping):
        return "object"
    if "items" in node or "prefixItems" in node or "minItems" in node:
        return "array"
    if "minimum" in node or "maximum" in node or "multipleOf" in node or "exclusiveMinimum" in node or "exclusiveMaximum" in node:
        return "number"
    return "string"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _count(value: object, *, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise
