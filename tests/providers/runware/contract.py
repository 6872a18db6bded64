"""The vendor's contract: written by others, of one endpoint, and of models that make bodies instead of pictures."""

import json
from collections.abc import Iterable
from typing import Any

from tests.providers.conformance.openapi import Exchange, hold

CONTRACT = "runware.yaml"


def hold_to_contract(exchanges: Iterable[Exchange]) -> int:
    """Holds both sides of every call against it; returns how many those were."""
    return hold(exchanges, (CONTRACT,), read=_read)


def _read(raw: bytes, _: Any) -> Any:
    """The document allows the one format of bodies, GLB: the formats of pictures are left out."""
    return [{name: value for name, value in task.items() if name != "outputFormat"} for task in json.loads(raw)]
