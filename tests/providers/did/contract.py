"""The vendor's published contract: JSON both ways, and forms with files."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from python_multipart.multipart import parse_options_header
from tests.providers.conformance.openapi import Exchange, hold

CONTRACTS = ("d-id.json",)
# The contract promises `user_data` "to the talk response" and does not list it there; the others are in the answers that it
# describes for the vendor's other films, and in answers that were seen.
TOLD_BESIDES = frozenset({"user_data", "name", "duration", "error"})


def hold_to_contract(exchanges: Iterable[Exchange]) -> int:
    """Holds both sides of every call against the contract; returns how many it knows."""
    return hold((replace(exchange, told=_listed(exchange.told)) for exchange in exchanges), CONTRACTS, read=_read)


def form_of(raw: bytes) -> Mapping[str, bytes]:
    """The fields of a form by name."""
    boundary = raw.split(b"\r\n", 1)[0]
    fields = {}
    for part in raw.split(boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-disposition"))
        fields[parse_options_header(disposition.split(b":", 1)[1].strip())[1][b"name"].decode()] = content.removesuffix(b"\r\n")
    return fields


def _read(raw: bytes, schema: Any) -> Any:
    if raw.startswith(b"--"):
        fields = form_of(raw)
        assert set(fields) <= set(schema["properties"])
        return dict.fromkeys(fields, "bytes")
    asked = json.loads(raw)
    # In the sandbox whoever listens is on this machine, where nobody speaks https.
    if str(asked.get("webhook", "")).startswith("http://127.0.0.1:"):
        asked["webhook"] = asked["webhook"].replace("http:", "https:", 1)
    return asked


def _listed(told: bytes) -> bytes:
    try:
        body = json.loads(told)
    except ValueError:
        return told
    if "talks" in body:
        body["talks"] = [_without(talk) for talk in body["talks"]]
    return json.dumps(_without(body)).encode()


def _without(talk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in talk.items() if name not in TOLD_BESIDES}
