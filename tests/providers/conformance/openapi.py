"""Holds recorded calls against vendors' OpenAPI documents: both what we asked and what the simulator answered."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.providers.conformance.held import note

SPECS = Path(__file__).parents[4] / "shared" / "providers" / "specs"


@dataclass(slots=True)
class Exchange:
    """One call and its answer, as bytes; `is_whole` where the answer came to its end."""

    method: str
    path: str
    asked: bytes = b""
    status: int = 0
    told: bytes = b""
    is_whole: bool = False


@dataclass(slots=True)
class Recorder:
    """Passes calls on and keeps them all."""

    app: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(method=str(scope["method"]).lower(), path=str(scope["path"]))
        self.exchanges.append(exchange)

        async def hearing() -> Message:
            message = await receive()
            exchange.asked += message.get("body", b"")
            return message

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            else:
                exchange.told += message.get("body", b"")
                exchange.is_whole = not message.get("more_body", False)
            await send(message)

        await self.app(scope, hearing, telling)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document."""

    document: str
    pattern: re.Pattern[str]
    method: str
    described: Mapping[str, Any]


@lru_cache(maxsize=8)
def document(name: str) -> Any:
    """A vendor's document. Skips, saying so, where it is not there."""
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"the vendor's contract is not at shared/providers/specs/{name}")
    text = path.read_text(encoding="utf-8")
    return _with_nulls(yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text))


@lru_cache(maxsize=8)
def operations(name: str) -> tuple[Operation, ...]:
    """All operations of a document."""
    return tuple(
        Operation(name, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z"), method, described)
        for path, methods in document(name)["paths"].items()
        for method, described in methods.items()
        if method in ("get", "post", "patch", "put", "delete")
    )


def validate(name: str, schema: Any, instance: Any) -> None:
    """Holds an instance against a schema inside a document."""
    registry: Any = Registry().with_resource("contract:", DRAFT202012.create_resource(document(name)))
    Draft202012Validator(_anchored(schema), registry=registry).validate(instance)


def hold(exchanges: Iterable[Exchange], names: Iterable[str], *, read: Callable[[bytes, Any], Any]) -> int:
    """Holds every call that the documents know against them; returns how many those were. `read` makes a request's body an instance."""
    known = [operation for name in names for operation in operations(name)]
    held = 0
    for exchange in exchanges:
        for operation in known:
            if operation.method == exchange.method and operation.pattern.match(exchange.path):
                held += 1
                note(operation.document)
                _hold_one(exchange, operation, read)
    return held


def _hold_one(exchange: Exchange, operation: Operation, read: Callable[[bytes, Any], Any]) -> None:
    content = (operation.described.get("requestBody") or {}).get("content") or {}
    for media in content.values():
        if exchange.asked and media["schema"].get("properties") != {}:
            validate(operation.document, media["schema"], read(exchange.asked, media["schema"]))
    if not exchange.is_whole or b"<html>" in exchange.told or not exchange.told or exchange.status >= 400:
        return
    answers = operation.described["responses"]
    answer = answers.get(str(exchange.status)) or answers.get("default") or {}
    for media in (answer.get("content") or {}).values():
        validate(operation.document, media["schema"], json.loads(exchange.told))


def _anchored(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_anchored(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: f"contract:{value}" if key == "$ref" and value.startswith("#") else _anchored(value) for key, value in schema.items()}


def _with_nulls(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable`, which JSON Schema 2020-12 does not read."""
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    turned = {key: _with_nulls(value) for key, value in node.items()}
    if turned.pop("nullable", None) is True:
        return {"anyOf": [turned, {"type": "null"}]}
    return turned
