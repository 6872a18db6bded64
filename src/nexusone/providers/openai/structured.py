"""Which JSON Schemas the vendor can hold its model to exactly ("strict"), and which it only aims at."""

from collections.abc import Iterator, Mapping

# Keywords outside the vendor's strict subset; a schema with one of them is sent as an aim.
OUTSIDE_STRICT = frozenset(
    (
        *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"),
        *("propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "prefixItems"),
        *("uniqueItems", "minProperties", "maxProperties", "minLength", "maxLength", "default", "nullable"),
    )
)
NAMES_TO_SCHEMAS = ("properties", "$defs", "definitions")


def fits_strict(schema: Mapping[str, object]) -> bool:
    """Whether every object is closed with all its properties required, and no keyword is outside the strict subset."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return False
    return all(_is_strict_node(node) for node in _nodes(schema))


def _is_strict_node(node: Mapping[str, object]) -> bool:
    if OUTSIDE_STRICT & node.keys():
        return False
    if node.get("type") != "object" and "properties" not in node:
        return True
    properties, required = node.get("properties"), node.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return False
    return node.get("additionalProperties") is False and set(required) == set(properties)


def _nodes(schema: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    yield schema
    for key in NAMES_TO_SCHEMAS:
        named = schema.get(key)
        if isinstance(named, Mapping):
            for inner in named.values():
                if isinstance(inner, Mapping):
                    yield from _nodes(inner)
    items, choices = schema.get("items"), schema.get("anyOf")
    if isinstance(items, Mapping):
        yield from _nodes(items)
    if isinstance(choices, list):
        for inner in choices:
            if isinstance(inner, Mapping):
                yield from _nodes(inner)
