"""Every place of the API where an id can stand, found in its description; whoever adds one is in the proof without doing anything."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from tests.architecture.operations import no_lifespan

from nexusone.apps.catalog import MODULES, locale_folders
from nexusone.apps.sandbox.door import door as sandbox_door
from nexusone.platform.live import LiveEvents
from nexusone.web.application import ApplicationParts, build_routes
from nexusone.web.openapi import document
from nexusone.web.problems import Messages

Where = Literal["path", "query", "header", "body"]
Json = dict[str, Any]

# Ids that are written as text, because a built-in name may stand in their place.
NAMES_OR_IDS = frozenset({"role"})
PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """One id of one operation. `steps` lead to it in a body: names, and "*" for each item of a list or of a mapping."""

    operation: str
    method: str
    path: str
    permission: str
    where: Where
    name: str
    steps: tuple[str, ...] = ()
    key_use: str = "none"
    is_versioned: bool = False

    @property
    def title(self) -> str:
        """`operation:where:name`."""
        return f"{self.operation}:{self.where}:{'.'.join(self.steps) or self.name}"


@lru_cache(maxsize=1)
def described() -> Json:
    """The description of everything that is served."""
    parts = ApplicationParts(
        doors=[*(door for module in MODULES for door in module.doors), sandbox_door],
        graphql_queries=[query for module in MODULES for query in module.graphql_queries],
        messages=Messages(locale_folders()),
        live=LiveEvents(""),
        observe=lambda *_: None,
        render_metrics=lambda: (b"", ""),
        lifespan=no_lifespan,
    )
    return document(build_routes(parts, allows_docs=True))


@lru_cache(maxsize=1)
def places() -> tuple[Place, ...]:
    """All of them."""
    return tuple(
        place
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
        for place in _of_operation(method.upper(), path, operation)
    )


def _of_operation(method: str, path: str, operation: Json) -> Iterator[Place]:
    asked = operation.get("parameters", ())
    known: Json = {"operation": operation["operationId"], "method": method, "path": path, "permission": operation["x-permission"]}
    known["key_use"] = "required" if any(item["name"] == "Idempotency-Key" and item.get("required") for item in asked) else "none"
    known["is_versioned"] = any(item["name"] == "if-match" for item in asked)
    for item in asked:
        if item["in"] in ("path", "query", "header") and _is_id(item["schema"]):
            yield Place(**known, where=item["in"], name=item["name"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for steps in dict.fromkeys(_ids_in(content["schema"], (), frozenset())):
            yield Place(**known, where="body", name=next(step for step in reversed(steps) if step != "*"), steps=steps)


def _is_id(schema: Json) -> bool:
    return "uuid" in json.dumps(schema)


def _ids_in(schema: Json, steps: tuple[str, ...], seen: frozenset[str]) -> Iterator[tuple[str, ...]]:
    if (reference := schema.get("$ref")) is not None:
        name = reference.rsplit("/", 1)[-1]
        if name not in seen:
            yield from _ids_in(described()["components"]["schemas"][name], steps, seen | {name})
        return
    if schema.get("format") == "uuid" or (steps and steps[-1] in NAMES_OR_IDS):
        yield steps
    for kind in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(kind, ()):
            yield from _ids_in(part, steps, seen)
    for name, part in schema.get("properties", {}).items():
        yield from _ids_in(part, (*steps, name), seen)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _ids_in(schema[name], (*steps, "*"), seen)


def with_id(body: Any, steps: tuple[str, ...], value: str) -> Any:
    """The body with an id at its place."""
    if not steps:
        return value
    if steps[0] == "*":
        if isinstance(body, dict):
            return {name: with_id(item, steps[1:], value) for name, item in body.items()}
        return [with_id(item, steps[1:], value) for item in (body or [None])]
    known: Mapping[str, Any] = body or {}
    return {**known, steps[0]: with_id(known.get(steps[0]), steps[1:], value)}
