"""The OpenAPI document: valid, complete, and true of what the routes do."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.types import ASGIApp

from nexusone.web.application import locked_routes
from nexusone.web.boundary import Boundary
from nexusone.web.openapi import document

# Doors that speak a wire of others tell errors as it does.
WIRES = ("/openai/v1/",)
METHODS = {"get", "put", "post", "delete", "patch", "head"}


@pytest.fixture(scope="session")
def described(application: ASGIApp) -> dict[str, Any]:
    assert isinstance(application, Boundary)
    return document(application.app)  # type: ignore[arg-type]


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_it_is_json_of_version_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    assert {"title", "version"} <= described["info"].keys()
    json.dumps(described)


def test_every_schema_is_valid_json_schema(described: dict[str, Any]) -> None:
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for _, _, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            Draft202012Validator.check_schema(parameter["schema"])


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in references(described):
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in described["components"]["schemas"]


def test_operation_ids_are_unique(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))


def test_every_path_parameter_is_declared(described: dict[str, Any]) -> None:
    for path, _, operation in operations(described):
        named = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        declared = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
        assert named == declared, path


def test_every_operation_says_what_it_is_for_who_may_call_it_and_what_it_refuses(described: dict[str, Any]) -> None:
    for path, _, operation in operations(described):
        assert operation["summary"], path
        assert operation["x-permission"], path
        assert operation["security"] == ([] if operation["x-permission"] == "public" else [{"bearer": []}])
        always = {"400", "429", "503"} if path.startswith(WIRES) else {"400", "422", "429", "503"}
        assert always <= operation["responses"].keys(), path
        if operation["security"]:
            assert {"401", "403"} <= operation["responses"].keys(), path
        for status, response in operation["responses"].items():
            assert response["description"], (path, status)
            if status >= "400":
                told = "application/json" if path.startswith(WIRES) else "application/problem+json"
                assert set(response["content"]) == {told}, (path, status)


def test_every_body_of_json_has_an_example_that_its_schema_accepts(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        schema = resolved(described, content["schema"])
        examples = schema.get("examples") or [content.get("example")]
        assert all(examples), (method, path)
        whole = {**schema, "components": described["components"]}
        for example in examples:
            Draft202012Validator(whole).validate(example)


def test_keys_are_declared_where_they_are_taken(application: ASGIApp, described: dict[str, Any]) -> None:
    assert isinstance(application, Boundary)
    for route, declared in locked_routes(application.app):  # type: ignore[arg-type]
        if not route.include_in_schema:
            continue
        operation = described["paths"][route.path_format][
            "get" if "GET" in (route.methods or ()) else next(iter(route.methods or ())).lower()
        ]
        taken = [parameter for parameter in operation.get("parameters", ()) if parameter["name"] == "Idempotency-Key"]
        assert bool(taken) == (declared.key_use != "none"), route.path
        if taken:
            assert taken[0]["required"] == (declared.key_use == "required")


@pytest.mark.parametrize(
    ("contract", "field", "right", "wrong"),
    [
        ("SignIn", "email", ["ada@example.com"], ["ada", "a b@example.com", "a\u0000@example.com", "a\u202e@example.com"]),
        ("SignIn", "password", ["any thing\t\u0007"], ["a\u0000"]),
        ("NewInvitation", "role", ["marketer"], ["Marketer", "a b"]),
        ("SegmentChange", "name", ["Best"], ["", " "]),
        ("NewAgencyWorkspace", "name", [" Client & Co "], ["   ", "a\u0007", "a\u202eb"]),
    ],
)
def test_the_schema_says_what_a_text_must_not_hold(
    described: dict[str, Any], contract: str, field: str, right: list[str], wrong: list[str]
) -> None:
    validator = Draft202012Validator(described["components"]["schemas"][contract]["properties"][field])
    assert all(validator.is_valid(text) for text in right)
    assert not any(validator.is_valid(text) for text in wrong)


def test_no_text_of_a_request_may_hold_a_nul(described: dict[str, Any]) -> None:
    for _, _, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            schema = resolved(described, parameter["schema"])
            if schema.get("type") == "string" and not schema.keys() & {"format", "enum", "const"}:
                assert not Draft202012Validator(schema).is_valid("a\u0000b"), parameter["name"]


def test_what_is_not_sent_is_not_null(described: dict[str, Any]) -> None:
    for _, _, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            assert not Draft202012Validator({**parameter["schema"], "components": described["components"]}).is_valid(None), parameter


def test_the_version_to_change_is_described_as_it_is_read(described: dict[str, Any]) -> None:
    parameters = described["paths"]["/v1/workspace"]["patch"]["parameters"]
    schema = next(parameter["schema"] for parameter in parameters if parameter["name"] == "if-match")
    assert all(Draft202012Validator(schema).is_valid(tag) for tag in ('"3"', 'W/"3"', "*"))
    assert not any(Draft202012Validator(schema).is_valid(tag) for tag in ("3", "null", '"x"', ""))


def test_what_may_be_left_out_but_not_removed_is_never_null(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    whole = {**schemas["SegmentChange"], "components": described["components"]}
    assert Draft202012Validator(whole).is_valid({})
    assert not Draft202012Validator(whole).is_valid({"name": None})
    assert not Draft202012Validator(whole).is_valid({"definition": None})
