"""The vendor's published contract, held against bodies, answers and the parameters of addresses."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send
from tests.providers.conformance.openapi import Exchange, hold, operations, validate

CONTRACT = "elevenlabs.json"
SOUND = ("/v1/text-to-speech/", "/audio")
BOOLEANS = {"true": True, "false": False}


@dataclass(slots=True)
class Addresses:
    """Passes calls on and keeps what each was asked with in its address."""

    app: ASGIApp
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append((str(scope["method"]).lower(), str(scope["path"]), dict(parse_qsl(scope["query_string"].decode()))))
        await self.app(scope, receive, send)


def hold_to_contract(exchanges: Iterable[Exchange], addresses: Addresses) -> int:
    """Holds both sides of every call against the contract; returns how many there were."""
    kept = list(exchanges)
    for exchange in kept:
        if exchange.status == 422:
            validate(CONTRACT, {"$ref": "#/components/schemas/HTTPValidationError"}, json.loads(exchange.told))
    for method, path, query in addresses.asked:
        _hold_address(method, path, query)
    # A request that was refused for its shape is one that a test made wrong; sound is nothing a schema can judge.
    judged = [exchange for exchange in kept if exchange.status != 422]
    return hold((_without_sound(exchange) for exchange in judged), [CONTRACT], read=lambda raw, _: json.loads(raw))


def _hold_address(method: str, path: str, query: Mapping[str, str]) -> None:
    for operation in operations(CONTRACT):
        if operation.method == method and operation.pattern.match(path):
            known = {one["name"]: one["schema"] for one in operation.described["parameters"] if one["in"] == "query"}
            assert set(query) <= set(known)
            for name, value in query.items():
                validate(CONTRACT, known[name], _read(known[name], value))


def _read(schema: Any, text: str) -> object:
    if schema.get("type") == "boolean" or any(one.get("type") == "boolean" for one in schema.get("anyOf", [])):
        return BOOLEANS[text]
    return int(text) if schema.get("type") == "integer" else text


def _without_sound(exchange: Exchange) -> Exchange:
    is_sound = exchange.status == 200 and (exchange.path.startswith(SOUND[0]) or exchange.path.endswith(SOUND[1]))
    return replace(exchange, told=b"") if is_sound else exchange
