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

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
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
    answers = operation["responses"]
    # A door that speaks a wire of others tells what the kit refuses as it tells the rest, and knows no 422.
    told = answers.get("401", {}).get("content", PROBLEM)
    if PROBLEM.keys() != told.keys():
        answers.pop("422", None)
    if "422" in answers:
        answers["422"]["content"] = PROBLEM
    answers.setdefault("400", {"description": "The request cannot be read.", "content": told})
    answers.setdefault("503", {"description": "Something this needs does not answer; nothing was done.", "content": told})
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    if operation.get("requestBody"):
        answers.setdefault("413", {"description": "The body is too large.", "content": told})
        answers.setdefault("415", {"description": "The body has another media type than this operation reads.", "content": told})
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ())):
        answers.setdefault("409", {"description": "The first request with this Idempotency-Key has not ended yet.", "content": told})


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
