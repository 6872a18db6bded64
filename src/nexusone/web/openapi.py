"""The OpenAPI document: what FastAPI derives, with the problem schema, security, and the answers' common headers."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nexusone.web.gate import PUBLIC
from nexusone.web.problems import Problem

DESCRIPTION = (
    "Ask with `Authorization: Bearer <access token or API key>`. Refusals are `application/problem+json` with a stable `code`. "
    "Money is in minor units, credits are decimal strings, times are RFC 3339 UTC, ids are UUIDv7."
)

WITHOUT_NUL = r"^[^\u0000]*$"
TEXTUAL = ("string", ["string", "null"])
# With one of these a text is narrow enough, or not read at the door as it stands.
NARROWED = {"pattern", "format", "enum", "const", "contentMediaType", "contentEncoding"}


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once per application."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas[Problem.__name__] = {**problem, "additionalProperties": True}
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        made["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        for operations in made["paths"].values():
            for operation in operations.values():
                _complete(operation)
        _spell_out(made["paths"])
        _spell_out(schemas)
        app.openapi_schema = made
    return app.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    operation["security"] = [] if operation.get("x-permission") == PUBLIC else [{"bearer": []}]
    unprocessable = operation["responses"].get("422")
    if unprocessable is not None:
        unprocessable["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation["responses"].setdefault("400", _problem("The request cannot be read."))
    operation["responses"].setdefault("503", _problem("Something this needs does not answer; nothing was done."))
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    if operation.get("requestBody"):
        operation["responses"].setdefault("413", _problem("The body is too large."))
        operation["responses"].setdefault("415", _problem("The body has another media type than this operation reads."))
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ())):
        operation["responses"].setdefault("409", _problem("The first request with this Idempotency-Key has not ended yet."))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What is not sent is not null: a header, a path and a query hold text only."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if not choices:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}


def _spell_out(part: Any) -> None:
    """Says in the schema of every free text what is refused at the door, and that an object has no other keys than those it describes."""
    if isinstance(part, list):
        for inner in part:
            _spell_out(inner)
    elif isinstance(part, dict):
        if part.get("type") in TEXTUAL and not part.keys() & NARROWED:
            part["pattern"] = WITHOUT_NUL
        patterns = part.get("patternProperties", {})
        if len(patterns) == 1 and "additionalProperties" not in part:
            ((pattern, part["additionalProperties"]),) = part.pop("patternProperties").items()
            part["propertyNames"] = {**part.get("propertyNames", {}), "pattern": pattern}
        for name, inner in part.items():
            if name not in ("example", "examples", "default"):
                _spell_out(inner)


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
