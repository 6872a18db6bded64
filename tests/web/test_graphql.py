"""GraphQL: bounded in depth, cost, aliases and tokens; permissions per field; malformed queries are problems, never faults."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx2
import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st
from pydantic_settings import BaseSettings
from tests.customers import Customer, customer_at, no_lifespan

from nexusone.apps.catalog import chosen_modules
from nexusone.apps.compose import Composition
from nexusone.kernel.errors import Conflict
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.settings import PlatformSettings
from nexusone.web.application import ApplicationParts, build_application
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.graphql_cost import COST_MAX, PagedFields, cost_of, nesting_of

PAGED = PagedFields(frozenset({"trees"}))


@strawberry.type
class Tree:
    """A thing that has more of its kind."""

    name: str

    @strawberry.field
    def trees(self, limit: int = 50) -> "list[Tree]":
        return [Tree(name="leaf")] * min(limit, 2)

    @strawberry.field
    def parent(self) -> "Tree":
        return Tree(name="parent")


def _trees(info: GraphqlInfo, limit: int = 50) -> list[Tree]:
    return [Tree(name="root")] * min(limit, 3)


def _refusing(info: GraphqlInfo) -> str:
    raise Conflict(reason="the state of the world")


def _failing(info: GraphqlInfo) -> str:
    raise ZeroDivisionError("secret-in-a-resolver")


@strawberry.type
class TrialQuery:
    """Fields to try."""

    trees: list[Tree] = strawberry.field(resolver=_trees, permission_classes=needs("contacts:read"))
    secret: str | None = strawberry.field(resolver=_refusing, permission_classes=needs("secrets:read"))
    refusing: str | None = strawberry.field(resolver=_refusing, permission_classes=needs("contacts:read"))
    failing: str | None = strawberry.field(resolver=_failing, permission_classes=needs("contacts:read"))


@pytest.fixture
async def asking(composition: Composition) -> AsyncIterator[dict[str, Customer]]:
    """A customer of the same schema in sandbox and in live mode."""
    async with AsyncExitStack() as stack:
        made = {}
        for mode in ("sandbox", "live"):
            settings = composition.runtime.setting(PlatformSettings).model_copy(update={"mode": mode})
            changed: dict[type[BaseSettings], BaseSettings] = {
                PlatformSettings: settings,
                IdentitySettings: IdentitySettings(requires_verification=False),
            }
            runtime = replace(composition.runtime, settings={**composition.runtime.settings, **changed})
            parts = ApplicationParts(
                doors=[door for module in chosen_modules(["identity"]) for door in module.doors],
                graphql_queries=[TrialQuery],
                messages=composition.messages,
                live=composition.live,
                observe=lambda *_: None,
                render_metrics=lambda: (b"", ""),
                lifespan=no_lifespan,
            )
            made[mode] = await stack.enter_async_context(customer_at(build_application(runtime, parts)))
        yield made


async def ask(customer: Customer, query: str, **more: object) -> httpx2.Response:
    return await customer.client.post("/graphql", json={"query": query, **more})


@pytest.fixture
def customer(asking: dict[str, Customer]) -> Customer:
    return asking["sandbox"]


async def test_fields_are_answered(customer: Customer) -> None:
    answer = await ask(customer, "query($n: Int!) { trees(limit: $n) { name parent { name } } api_version }", variables={"n": 1})
    assert answer.status_code == 200
    assert answer.json() == {"data": {"trees": [{"name": "root", "parent": {"name": "parent"}}], "api_version": "1"}}


MALFORMED = {
    "nothing": "",
    "an open brace": "{",
    "an unknown field": "{ nothing }",
    "a missing selection": "{ trees }",
    "a selection of a scalar": "{ api_version { x } }",
    "a wrong argument": '{ trees(limit: "x") { name } }',
    "an argument too large": "{ trees(limit: 99999999999) { name } }",
    "an unknown argument": "{ trees(limits: 1) { name } }",
    "an unknown fragment": "{ ...A }",
    "a fragment of itself": "{ trees(limit: 1) { ...A } } fragment A on Tree { name ...A }",
    "fragments of one another": "{ trees(limit: 1) { ...A } } fragment A on Tree { ...B } fragment B on Tree { ...A }",
    "a mutation": "mutation { x }",
    "a subscription": "subscription { x }",
    "two operations": "query A { api_version } query B { api_version }",
    "a variable nobody gave": "query($n: Int!) { trees(limit: $n) { name } }",
    "no operation": "fragment A on Tree { name }",
    "a control character": "{ api_version \x07 }",
    "too deep": "{ trees(limit: 1) " + "{ parent " * 9 + "{ name }" + " }" * 9 + " }",
    "too many brackets": "{ trees(limit: 1) " + "{ parent " * 900 + "{ name }" + " }" * 900 + " }",
    "brackets without end": "{" * 15_000,
    "lists without end": "{ trees(limit: " + "[" * 9000 + ") { name } }",
    "too many aliases": "{ " + " ".join(f"a{n}: api_version" for n in range(16)) + " }",
    "too many tokens": "{ " + "api_version " * 2100 + "}",
    "too long": "{ api_version }" + " " * 20_000,
    "too dear": "{ trees(limit: 100) { trees(limit: 100) { name } } }",
    "too dear by defaults": "{ trees { trees { trees { name } } } }",
    "too dear by a variable": "query($n: Int = 1) { trees(limit: $n) { trees(limit: $n) { name } } }",
    "too dear in spite of a negative limit": "{ a: trees(limit: -100000) { name } trees(limit: 100) { trees(limit: 100) { name } } }",
    "too dear by fragments": "{ trees(limit: 100) { ...A } } fragment A on Tree { trees(limit: 100) { name } }",
    "a bomb of fragments": "{ trees(limit: 1) { ...F0 } } "
    + " ".join(f"fragment F{n} on Tree {{ {f'...F{n + 1} ' * 40} }}" for n in range(20))
    + " fragment F20 on Tree { name }",
}


@pytest.mark.parametrize("query", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_cannot_be_asked_is_a_problem(customer: Customer, query: str) -> None:
    answer = await ask(customer, query)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 5000


@pytest.mark.parametrize(
    "body",
    [{}, {"query": 1}, {"query": "{api_version}", "x": 1}, [{"query": "{api_version}"}], {"query": "{api_version}", "variables": []}],
)
async def test_a_request_of_another_form_is_refused(customer: Customer, body: object) -> None:
    answer = await customer.client.post("/graphql", json=body)
    assert answer.status_code == 422


async def test_an_operation_is_chosen_by_its_name(customer: Customer) -> None:
    query = "query A { api_version } query B { trees(limit: 1) { name } }"
    assert (await ask(customer, query, operationName="A")).json() == {"data": {"api_version": "1"}}
    assert (await ask(customer, query, operationName="C")).status_code == 400


async def test_a_field_without_its_permission_is_refused_alone(customer: Customer) -> None:
    key = await customer.api_key("contacts:read")
    headers = {"Authorization": f"Bearer {key}"}
    answer = await customer.client.post("/graphql", json={"query": "{ secret api_version }"}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"api_version": "1"} or answer.json()["data"] == {"secret": None, "api_version": "1"}
    [error] = answer.json()["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["secret"], "auth.forbidden")


async def test_a_refusal_is_an_error_with_its_code(customer: Customer) -> None:
    answer = await ask(customer, "{ refusing }")
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "request.conflict"


async def test_a_fault_in_a_resolver_is_a_problem_without_its_cause(customer: Customer) -> None:
    answer = await ask(customer, "{ failing }")
    assert (answer.status_code, answer.json()["code"]) == (500, "service.fault")
    assert "secret" not in answer.text


async def test_without_a_credential_nothing_is_answered(customer: Customer) -> None:
    answer = await customer.client.post("/graphql", json={"query": "{ api_version }"}, headers={"Authorization": ""})
    assert answer.status_code == 401


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'])
async def test_the_schema_tells_of_itself_in_the_sandbox_alone(asking: dict[str, Customer], query: str) -> None:
    assert (await ask(asking["sandbox"], query)).status_code == 200
    answer = await ask(asking["live"], query)
    assert answer.status_code == 400
    assert "types" not in answer.json()
    assert (await ask(asking["live"], "{ __typename }")).status_code == 200


async def test_batches_are_not_a_way_in(customer: Customer) -> None:
    answer = await customer.client.post("/graphql", json=[{"query": "{api_version}"}] * 100)
    assert answer.status_code == 422


def test_the_cost_is_what_lists_multiply_to() -> None:
    assert cost_of("{ trees(limit: 10) { name } }", PAGED) == 11
    assert cost_of("{ trees(limit: 10) { trees(limit: 3) { name } } }", PAGED) == 1 + 10 * (1 + 3)
    assert cost_of("{ trees { name } }", PAGED) == 51
    assert cost_of("{ trees(limit: -5) { name } }", PAGED) == 2
    assert cost_of("{ other(limit: 10) { name } }", PAGED) == 2


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_count_ends_soon_after_the_bound(breadth: int, depth: int) -> None:
    spreads = " ".join(f"fragment F{n} on Tree {{ {f'...F{n + 1} ' * min(breadth, 1500 // depth // 2)} }}" for n in range(depth))
    query = f"{{ ...F0 }} {spreads} fragment F{depth} on Tree {{ name }}"
    if len(query) < 20_000:
        assert cost_of(query, PAGED) <= COST_MAX * 60


def test_brackets_in_texts_and_remarks_do_not_nest() -> None:
    assert nesting_of('{ a(x: "{{{{", y: """ {{ " {{ """) # {{{{\n { b } }') == 2
