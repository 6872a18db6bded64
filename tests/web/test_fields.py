"""AUTHZ-06: what comes in and what goes out is what the contracts declare, for every operation there is."""

from typing import Any

import pytest
from starlette.types import ASGIApp
from tests.architecture.operations import operations as all_operations
from tests.customers import Customer

from nexusone.kernel.ids import new_id
from nexusone.web.boundary import Boundary
from nexusone.web.gate import PUBLIC
from nexusone.web.openapi import document
from nexusone.web.rights import OPERATOR

# Nobody sets these of a thing, whatever the thing is; where a contract has one, it names another thing or chooses for it.
OWN = (
    "id",
    "workspace_id",
    "tenant_id",
    "owner_id",
    "user_id",
    "created_by",
    "role",
    "permissions",
    "status",
    "version",
    "balance_micros",
    "created_at",
    "updated_at",
    "is_admin",
    "is_verified",
    "email_verified_at",
    "disabled_at",
    "password_hash",
    "is_system",
    "credits",
)
# They answer with the caller's own document, whose shape is the caller's question.
SHAPED_BY_CALLER = {"graphql.graphql"}
# They answer with the vendor's own document, as it came.
SHAPED_BY_VENDOR = {"gateway.chat", "gateway.draw", "gateway.embed", "gateway.respond"}

Schema = dict[str, Any]


def written() -> list[tuple[str, str, str, str]]:
    """Operation, method, path and permission of whatever takes a body of fields."""
    return sorted(
        (declared.operation, method, route.path, declared.permission)
        for route, declared in all_operations()
        for method in sorted(route.methods or ())
        if route.body_field is not None and method in ("POST", "PUT", "PATCH") and not declared.is_upload
    )


@pytest.fixture(scope="session")
def described(application: ASGIApp) -> Schema:
    """The OpenAPI document."""
    assert isinstance(application, Boundary)
    return document(application.app)  # type: ignore[arg-type]


def bodies(described: Schema) -> dict[str, Schema]:
    """The JSON schema of every request's body, by operation."""
    return {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in described["paths"].values()
        for operation in methods.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }


def objects(described: Schema, schema: Schema, seen: set[str] | None = None) -> dict[str, Schema]:
    """All schemas of objects with named fields that a schema is made of, by name."""
    known = set[str]() if seen is None else seen
    found: dict[str, Schema] = {}
    for part in parts(schema):
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name and name not in known:
            known.add(name)
            target = described["components"]["schemas"][name]
            if "properties" in target:
                found[name] = target
            found |= objects(described, target, known)
    return found


def parts(value: Any) -> list[Schema]:
    """A schema and all that stands in it."""
    if isinstance(value, list):
        return [part for item in value for part in parts(item)]
    return [value, *(part for item in value.values() for part in parts(item))] if isinstance(value, dict) else []


def fields(described: Schema, schema: Schema) -> set[str]:
    """The fields that a body may have, of whichever of its kinds."""
    if "$ref" in schema:
        return fields(described, described["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    kinds = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return set(schema.get("properties", ())).union(*(fields(described, kind) for kind in kinds))


def test_authz_06_no_contract_takes_a_field_it_does_not_name(described: Schema) -> None:
    found = {name: schema for body in bodies(described).values() for name, schema in objects(described, body).items()}
    assert len(found) > 30
    assert [name for name, schema in found.items() if schema.get("additionalProperties") is not False] == []


def test_authz_06_every_answer_is_declared_field_by_field(described: Schema) -> None:
    loose = []
    for methods in described["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema")
                if status.startswith("2") and schema is not None and operation["operationId"] not in SHAPED_BY_CALLER | SHAPED_BY_VENDOR:
                    loose += [operation["operationId"]] if not objects(described, schema) else []
    assert loose == []


def test_authz_06_no_answer_declares_what_is_stored_of_a_secret(described: Schema) -> None:
    names = {field for schema in described["components"]["schemas"].values() for field in schema.get("properties", ())}
    assert len(names) > 100
    assert sorted(name for name in names if name.endswith(("_hash", "_digest")) or name.startswith("sealed_")) == []


@pytest.mark.parametrize(("operation", "method", "path", "permission"), written())
async def test_authz_06_fields_that_are_nobodys_to_set_are_refused_by_name(
    operation: str, method: str, path: str, permission: str, customer: Customer, described: Schema
) -> None:
    declared = fields(described, bodies(described)[operation])
    foreign = [name for name in OWN if name not in declared]
    wanted = dict.fromkeys(foreign, "x")
    headers = {"Idempotency-Key": str(new_id())} if method == "POST" else {}
    spelled = "/".join(str(new_id()) if part.startswith("{") else part for part in path.split("/"))
    answer = await customer.client.request(method, spelled, json=wanted, headers=headers)
    if permission == OPERATOR:
        assert answer.status_code == 401
        return
    assert answer.status_code == 422, answer.text
    if permission != PUBLIC or "discriminator" not in bodies(described)[operation]:
        told = {error["pointer"] for error in answer.json()["errors"] if error["code"] in ("extra_forbidden", "unknown")}
        assert {f"/{name}" for name in foreign} <= told, answer.text


async def test_authz_06_a_refused_field_changes_nothing(customer: Customer) -> None:
    before = (await customer.client.get("/v1/workspace")).json()
    for field, value in (("id", str(new_id())), ("owner_id", str(new_id())), ("suspended_at", None), ("version", 9)):
        refused = await customer.client.patch("/v1/workspace", json={"name": "Taken", field: value})
        assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (422, [f"/{field}"])
    assert (await customer.client.get("/v1/workspace")).json() == before
