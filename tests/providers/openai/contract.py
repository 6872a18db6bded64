"""The vendor's published contract, to hold requests and answers against."""

import base64
import json
from array import array
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from tests.providers.conformance.held import note
from tests.providers.openai.serving import Exchange

CONTRACT = Path(__file__).parents[4] / "shared" / "providers" / "specs" / "openai-trimmed.json"
REQUESTS = {
    "/v1/responses": "CreateResponse",
    "/v1/chat/completions": "CreateChatCompletionRequest",
    "/v1/images/generations": "CreateImageRequest",
    "/v1/moderations": "CreateModerationRequest",
    "/v1/embeddings": "CreateEmbeddingRequest",
}
ANSWERS = {
    "/v1/responses": "Response",
    "/v1/chat/completions": "CreateChatCompletionResponse",
    "/v1/images/generations": "ImagesResponse",
    "/v1/moderations": "CreateModerationResponse",
    "/v1/embeddings": "CreateEmbeddingResponse",
    "/v1/models": "ListModelsResponse",
}
EVENTS = {"/v1/chat/completions": "CreateChatCompletionStreamResponse"}
# Choices of which the contract says that exactly one fits, while a plain message fits several.
OVERLAPPING = ("InputItem", "Item")


@lru_cache(maxsize=1)
def _contract() -> Any:
    contract = _with_nulls(json.loads(CONTRACT.read_text(encoding="utf-8")))
    schemas = contract["components"]["schemas"]
    for name in OVERLAPPING:
        schemas[name]["anyOf"] = schemas[name].pop("oneOf")
    return contract


@lru_cache(maxsize=1)
def _registry() -> Any:
    return Registry().with_resource("contract:", DRAFT202012.create_resource(_contract()))


@lru_cache(maxsize=64)
def validator(name: str) -> Any:
    """The validator of one schema of the contract."""
    return Draft202012Validator({"$ref": f"contract:#/components/schemas/{name}"}, registry=_registry())


def known_parameters(name: str) -> set[str]:
    """Every property a request may have."""
    schemas = _contract()["components"]["schemas"]

    def of(node: Any) -> set[str]:
        if "$ref" in node:
            return of(schemas[node["$ref"].rsplit("/", 1)[1]])
        return set(node.get("properties", {})).union(*(of(part) for part in node.get("allOf", [])))

    return of(schemas[name])


def hold_to_contract(exchanges: Iterable[Exchange], *, is_refused_request_checked: bool = True) -> None:
    """Holds both sides of every call against the contract. Skips, saying so, where the contract is not there."""
    if not CONTRACT.exists():
        pytest.skip(f"the vendor's contract is not at shared/providers/specs/{CONTRACT.name}")
    for exchange in exchanges:
        note(CONTRACT.name)
        if exchange.path in REQUESTS and (is_refused_request_checked or exchange.status == 200):
            _check_request(exchange)
        if b"<html>" in exchange.told:
            continue
        if exchange.status >= 400:
            validator("ErrorResponse").validate(json.loads(exchange.told))
        elif exchange.is_whole:
            _check_answer(exchange)


def _check_request(exchange: Exchange) -> None:
    name, body = REQUESTS[exchange.path], json.loads(exchange.asked)
    validator(name).validate(body)
    assert set(body) <= known_parameters(name)


def _check_answer(exchange: Exchange) -> None:
    if exchange.media_type.startswith("text/event-stream"):
        for event in exchange.events():
            validator(EVENTS.get(exchange.path) or _event_schema(event["type"])).validate(event)
    else:
        validator(ANSWERS.get(exchange.path, "Model")).validate(_unpacked(json.loads(exchange.told)))


def _unpacked(answer: Any) -> Any:
    """The contract knows vectors as numbers alone; asked for in base64, they are the same numbers packed."""
    for item in answer.get("data") or []:
        if isinstance(item.get("embedding"), str):
            item["embedding"] = list(array("f", base64.b64decode(item["embedding"], validate=True)))
    return answer


@lru_cache(maxsize=64)
def _event_schema(kind: object) -> str:
    """The schema of one event: `anyOf` over all would accept an event that fits another's."""
    schemas = _contract()["components"]["schemas"]
    for choice in schemas["ResponseStreamEvent"]["anyOf"]:
        name: str = choice["$ref"].rsplit("/", 1)[1]
        if schemas[name]["properties"]["type"]["enum"] == [kind]:
            return name
    raise AssertionError(f"{kind} is not an event of the contract")


def _with_nulls(node: Any) -> Any:
    """Parts of the contract still say `nullable`, which JSON Schema 2020-12 does not read."""
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    turned = {key: _with_nulls(value) for key, value in node.items()}
    if turned.pop("nullable", None) is True:
        return {"anyOf": [turned, {"type": "null"}]}
    return turned
