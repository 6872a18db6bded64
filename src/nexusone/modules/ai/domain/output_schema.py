"""Which output schemas are accepted: JSON Schema 2020-12 of an object, written out in full and bounded.

References and patterns are refused because they let a small schema cost unbounded work when an answer is checked
(references also could name an address to fetch); everything else is linear in schema and answer.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from nexusone.kernel.errors import FieldError

BYTES_MAX = 16 * 1024
DEPTH_MAX = 12
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFUSED_KEYWORDS = frozenset(
    (
        *("$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary"),
        *("pattern", "patternProperties"),
    )
)
KEYWORDS_OF_NAMED_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
KEYWORDS_OF_VALUES = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired"})

POINTER = "/output_schema"


def schema_faults(schema: Mapping[str, object]) -> tuple[FieldError, ...]:
    """What is wrong with a schema, with pointers into the request; empty where it can be used."""
    if len(json.dumps(schema, ensure_ascii=False).encode("utf-8", "replace")) > BYTES_MAX:
        return (_fault("", "too_large", f"the schema is larger than {BYTES_MAX} bytes"),)
    if depth_of(schema) > DEPTH_MAX:
        return (_fault("", "too_deep", f"the schema is nested deeper than {DEPTH_MAX} levels"),)
    if schema.get("$schema", DIALECT) != DIALECT:
        return (_fault("/$schema", "dialect", f"the dialect is {DIALECT}"),)
    if schema.get("type") != "object":
        return (_fault("/type", "not_an_object", 'the schema describes an object: "type" is "object"'),)
    refused = tuple(
        _fault(_pointer(path), "keyword_refused", f"{path[-1]} is not supported; write the schema out without it")
        for path in _keyword_paths(schema, ())
        if path[-1] in REFUSED_KEYWORDS
    )
    return refused or _dialect_faults(schema)


def depth_of(value: object) -> int:
    """How many objects and lists lie inside one another."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, Mapping | list):
            deepest = max(deepest, depth)
            stack.extend((inner, depth + 1) for inner in (item.values() if isinstance(item, Mapping) else item))
    return deepest


def _keyword_paths(schema: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for keyword, value in schema.items():
        here = (*path, keyword)
        yield here
        if keyword in KEYWORDS_OF_VALUES:
            continue
        for inner_path, inner in _subschemas(keyword, value, here):
            yield from _keyword_paths(inner, inner_path)


def _subschemas(keyword: str, value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
    if isinstance(value, Mapping):
        named = value.items() if keyword in KEYWORDS_OF_NAMED_SCHEMAS else ()
        yield from (((*path, name), inner) for name, inner in named if isinstance(inner, Mapping))
        if keyword not in KEYWORDS_OF_NAMED_SCHEMAS:
            yield path, value
    elif isinstance(value, list):
        yield from (((*path, str(index)), inner) for index, inner in enumerate(value) if isinstance(inner, Mapping))


def _dialect_faults(schema: Mapping[str, object]) -> tuple[FieldError, ...]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return (_fault(_pointer(error.absolute_path), "not_a_schema", error.message[:300]),)
    return ()


def _pointer(path: Iterable[object]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _fault(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=POINTER + pointer, code=code, detail=detail)
