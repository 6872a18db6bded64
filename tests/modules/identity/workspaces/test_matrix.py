"""AUTHZ-01…03: every operation and every field of the graph is called in every role, and answers exactly as the matrix says."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from graphql import GraphQLObjectType, build_schema, get_named_type, is_required_argument
from strawberry.printer import print_schema
from tests.architecture.operations import operations
from tests.architecture.test_public_faces import KIT_PERMISSIONS
from tests.customers import no_lifespan
from tests.modules.identity.accounts.site import Site
from tests.modules.identity.workspaces.companies import Company
from tests.modules.identity.workspaces.test_operators import Staff

from nexusone.apps.catalog import MODULES, locale_folders
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.permissions import (
    PERMISSIONS,
    PERSONAL_PERMISSIONS,
    ROLE_NAMES,
    ROLES,
    RoleName,
    expanded,
    of_machines,
    reading_part,
)
from nexusone.platform.live import LiveEvents
from nexusone.web import graphql
from nexusone.web.application import ApplicationParts, UnlockedDoor, build_routes
from nexusone.web.door import Door
from nexusone.web.gate import AUTHENTICATED, PUBLIC
from nexusone.web.problems import Messages
from nexusone.web.rights import OPERATOR, PERSONAL

# Answered after the credential, its limit and its permission were looked at, and before anything else: nothing is changed.
UNREAD = {"no_such_parameter": "1"}
LET_IN, KEPT_OUT, UNKNOWN = 422, 403, 401


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: how it is called, and what it asks for."""

    operation: str
    method: str
    path: str
    permission: str


@lru_cache(maxsize=1)
def calls() -> tuple[Call, ...]:
    """Every operation of the versioned API that asks for a credential."""
    return tuple(
        Call(declared.operation, method, _filled(route.path), declared.permission)
        for route, declared in operations()
        for method in sorted(route.methods or ())
        if declared.permission != PUBLIC and route.path.startswith("/v1/")
    )


def _filled(path: str) -> str:
    parts = (str(new_id()) if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


@pytest.fixture
async def company(open_site: Site) -> AsyncIterator[Company]:
    """A company that has just signed up."""
    yield Company(open_site, await open_site.open_account())


async def answers(company: Company, credential: str) -> dict[str, int]:
    """What every operation answers to a credential."""
    found = {}
    async with company.site.visitor() as client:
        client.headers["Authorization"] = f"Bearer {credential}"
        for call in calls():
            body: dict[str, str] | None = {} if call.method in ("POST", "PUT", "PATCH") else None
            headers = {"Idempotency-Key": str(new_id())} if call.method == "POST" else {}
            answer = await client.request(call.method, call.path, params=UNREAD, json=body, headers=headers)
            found[f"{call.method} {call.operation}"] = answer.status_code
    return found


def expected(permissions: frozenset[str], *, is_person: bool) -> dict[str, int]:
    """What the matrix says of somebody with these permissions."""
    return {f"{call.method} {call.operation}": _expected(call, permissions, is_person=is_person) for call in calls()}


def _expected(call: Call, permissions: frozenset[str], *, is_person: bool) -> int:
    if call.permission == OPERATOR:
        return UNKNOWN
    if call.permission == PERSONAL:
        return LET_IN if is_person else KEPT_OUT
    return LET_IN if call.permission == AUTHENTICATED or call.permission in permissions else KEPT_OUT


def test_authz_01_the_matrix_and_the_doors_name_the_same_permissions() -> None:
    on_cards = {name for module in MODULES for name in module.permissions} | KIT_PERMISSIONS
    assert on_cards == PERMISSIONS.keys()
    asked = {declared.permission for _, declared in operations()}
    assert asked - {PUBLIC, AUTHENTICATED, PERSONAL, OPERATOR} <= PERMISSIONS.keys()


def test_authz_01_roles_give_permissions_of_the_matrix_and_owners_give_all() -> None:
    assert {name for role in ROLES.values() for name in role.permissions} - PERMISSIONS.keys() == {"*"}
    assert tuple(ROLES) == ROLE_NAMES
    assert expanded(ROLES["owner"].permissions) == PERMISSIONS.keys()
    assert PERMISSIONS.keys() >= PERSONAL_PERMISSIONS


def test_authz_02_a_route_without_a_permission_does_not_start() -> None:
    class BareDoor(Door):
        def open_on(self, router: APIRouter) -> None:
            router.add_api_route("/v1/bare", _bare)

    with pytest.raises(UnlockedDoor):
        build_routes(_parts([BareDoor("bare")]), allows_docs=False)


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_authz_03_each_role_on_each_operation_gives_exactly_the_matrixs_answer(company: Company, role: RoleName) -> None:
    person = company.owner if role == "owner" else await company.join(role)
    assert await answers(company, person.session["access_token"]) == expected(expanded(ROLES[role].permissions), is_person=True)


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_authz_03_a_key_with_a_roles_permissions_gets_the_same_less_what_is_personal(company: Company, role: RoleName) -> None:
    key = (await company.api_key(*sorted(ROLES[role].permissions)))["secret"]
    assert await answers(company, key) == expected(of_machines(ROLES[role].permissions), is_person=False)


async def test_authz_03_a_role_of_ones_own_gets_exactly_its_permissions(company: Company) -> None:
    permissions = ["contacts:read", "segments:write", "members:write"]
    role = (await company.ask("POST", "/v1/roles", {"name": "Odd", "permissions": permissions})).json()["role"]
    person = await company.join(role)
    assert await answers(company, person.session["access_token"]) == expected(frozenset(permissions), is_person=True)


async def test_authz_09_a_visiting_operator_only_reads_on_every_operation(company: Company) -> None:
    visit = await (await Staff.hired(company)).visit()
    found = await answers(company, visit["access_token"])
    assert found == expected(reading_part(ROLES["owner"].permissions), is_person=False)


async def test_a_suspended_workspace_is_read_only_on_every_operation(company: Company) -> None:
    await company.ask("POST", "/v1/workspace/suspend")
    left = reading_part(ROLES["owner"].permissions) | {"workspace:suspend", "workspace:export", "workspace:delete"}
    assert await answers(company, company.owner.session["access_token"]) == expected(left, is_person=True)


@pytest.mark.parametrize("role", ROLE_NAMES)
async def test_authz_03_each_role_on_each_field_of_the_graph_gives_exactly_the_matrixs_answer(company: Company, role: RoleName) -> None:
    person = company.owner if role == "owner" else await company.join(role)
    held = expanded(ROLES[role].permissions)
    found, wanted = {}, {}
    for name, query, permission in fields():
        answer = await company.ask("POST", "/graphql", {"query": query}, by=person)
        assert answer.status_code == 200, answer.text
        found[name] = "auth.forbidden" not in _codes(answer)
        wanted[name] = permission in held
    assert found == wanted


def fields() -> Iterator[tuple[str, str, str]]:
    """Every field of the Query type with a query of it alone, and the permission it names."""
    queries = [query for module in MODULES for query in module.graphql_queries]
    root = build_schema(print_schema(graphql.build_schema(queries, allows_introspection=True))).query_type
    assert root is not None
    for query in queries:
        for field in query.__strawberry_definition__.fields:
            (permission,) = {getattr(kind, "permission", None) for kind in field.permission_classes}
            known = root.fields[field.name if field.name in root.fields else field.graphql_name or field.python_name]
            name = field.graphql_name or field.python_name
            arguments = [f'{key}: "{new_id()}"' for key, argument in known.args.items() if is_required_argument(argument)]
            inside = " { __typename }" if isinstance(get_named_type(known.type), GraphQLObjectType) else ""
            given = f"({', '.join(arguments)})" if arguments else ""
            yield name, f"{{ {name}{given}{inside} }}", str(permission)


def _codes(answer: httpx2.Response) -> list[Any]:
    return [error.get("extensions", {}).get("code") for error in answer.json().get("errors") or ()]


async def _bare() -> None:
    raise AssertionError("nobody gets here")


def _parts(doors: Sequence[Door]) -> ApplicationParts:
    return ApplicationParts(
        doors=doors,
        graphql_queries=(),
        messages=Messages(locale_folders()),
        live=LiveEvents(""),
        observe=lambda *_: None,
        render_metrics=lambda: (b"", ""),
        lifespan=no_lifespan,
    )
