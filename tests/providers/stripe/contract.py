"""The vendor's published contract: nested forms in, JSON out."""

from collections.abc import Iterable
from typing import Any

from tests.providers.conformance.openapi import Exchange, hold

from nexusone.providers.stripe.simulation.forms import read_form

CONTRACT = "stripe-trimmed.json"


def hold_to_contract(exchanges: Iterable[Exchange]) -> None:
    """Holds both sides of every call against the contract."""
    hold(exchanges, [CONTRACT], read=lambda raw, schema: typed(read_form(raw), schema))


def typed(value: Any, schema: Any) -> Any:
    """A form's text as what the schema says it is."""
    kinds = schema.get("anyOf") or [schema]
    for kind in kinds:
        if isinstance(value, dict) and kind.get("type") == "object":
            properties = kind.get("properties") or {}
            known = {name: typed(part, properties.get(name, {})) for name, part in value.items()}
            assert not kind.get("properties") or set(known) <= set(properties), set(known) - set(properties)
            return known
        if isinstance(value, list) and kind.get("type") == "array":
            return [typed(part, kind["items"]) for part in value]
        if kind.get("type") == "integer" and isinstance(value, str) and value.lstrip("-").isdigit():
            return int(value)
        if kind.get("type") == "boolean" and value in ("true", "false"):
            return value == "true"
    return value
