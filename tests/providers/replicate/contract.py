"""The vendor's published contract: JSON both ways, all paths under `/v1`."""

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from tests.providers.conformance.openapi import Exchange, document, hold, validate

CONTRACT = "replicate.yaml"
PREDICTION = {"$ref": "#/components/schemas/schemas_prediction_response"}


def hold_to_contract(exchanges: Iterable[Exchange]) -> int:
    """Holds both sides of every call against the contract; returns how many calls it knows."""
    _loosen()
    calls = [replace(one, path=one.path.removeprefix("/v1")) for one in exchanges if one.path.startswith("/v1/")]
    return hold(calls, (CONTRACT,), read=lambda raw, _: json.loads(raw))


def hold_prediction(told: object) -> None:
    """Holds a prediction, as webhooks bring it, against the contract."""
    _loosen()
    validate(CONTRACT, PREDICTION, told)


@lru_cache(maxsize=1)
def _loosen() -> None:
    # Of a version the contract says that it is exactly one of a string and the string "hidden", which is both.
    version = document(CONTRACT)["components"]["schemas"]["schemas_prediction_response"]["properties"]["version"]
    version["anyOf"] = version.pop("oneOf")
