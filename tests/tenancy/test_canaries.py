"""AUTHZ-05: words that only one company has, in every column of text, turn up in no answer to the other."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import sql as psql
from tests.architecture.catalog_rules import RELATIONS, TENANT_TABLE
from tests.tenancy.calls import body_of, filled, id_in_graph
from tests.tenancy.companies import SHARED_NAME, Company
from tests.tenancy.deployments import WALLS, Companies, Deployment, World, deployed
from tests.tenancy.graph import fields
from tests.tenancy.places import described

from nexusone.kernel.ids import new_id
from nexusone.web.gate import PUBLIC
from nexusone.web.rights import OPERATOR

COLUMNS = f"""
select n.nspname, c.relname, a.attname, format_type(a.atttypid, -1) from {RELATIONS}
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname <> 'workspace_id'
where {TENANT_TABLE} and a.atttypid in ('text'::regtype, 'jsonb'::regtype, 'json'::regtype, 'text[]'::regtype) order by 1, 2, 3
"""
# How a row of that kind of column is told what the company is called; numbered, for some are unique.
PLANTS = {
    "text": "({mark} || '-' || {column} || '-' || md5({key}))",
    "text[]": "array[{mark} || '-' || {column}]",
    "json": "json_build_object({mark}, {mark})",
    "jsonb": "jsonb_build_object({mark}, {mark})",
}
# What the product reads to know what to do, and could do nothing any more if it said something else.
STEERING = frozenset(
    {
        "account",
        "accounting_currency",
        "action",
        "actor",
        "actor_kind",
        "blob_key",
        "channel",
        "coupon_code",
        "currency",
        "default_locale",
        "default_role",
        "demanded_of",
        "email_status",
        "entrypoint",
        "error_blobs",
        "every",
        "failure",
        "feature",
        "gateway",
        "host",
        "id",
        "issuer",
        "key_id",
        "kind",
        "level",
        "locale",
        "master_key_id",
        "meter",
        "method",
        "methods",
        "mode",
        "name_of_key",
        "object_kind",
        "path",
        "pdf_key",
        "period",
        "permissions",
        "plan_code",
        "purpose",
        "reaction",
        "request_id",
        "result",
        "role",
        "roles",
        "scope",
        "settlement",
        "signed_with",
        "source",
        "state",
        "status",
        "step",
        "tax_country",
        "timezone",
        "zone",
    }
)
TEXTS_IN_JSON = frozenset({"attributes", "changes", "payload"})
PUT_MIN = 50


@dataclass(frozen=True, slots=True)
class Planted:
    """A deployment whose rows say their company's mark wherever the schema lets them."""

    deployment: Deployment
    columns: frozenset[str]


@pytest.fixture(scope="session", params=WALLS[:2], ids=lambda walls: walls.replace(" ", "_"))
async def planted(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Planted]:
    """Both companies, with canaries."""
    async with deployed(world, request.param) as made:
        yield Planted(made, frozenset(_plant(made.database.admin_url, made.companies)))


def _plant(admin_url: str, companies: Companies) -> Iterator[str]:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for schema, table, column, kind in admin.execute(COLUMNS).fetchall():
            if column in STEERING or (kind != "text" and column not in TEXTS_IN_JSON):
                continue
            try:
                with admin.transaction():
                    # What is written once is written here after all.
                    admin.execute("set local session_replication_role = replica")
                    for company in companies:
                        admin.execute(_planting(schema, table, column, kind, company))
            except psycopg.errors.IntegrityError:
                continue
            yield f"{schema}.{table}.{column}"


def _planting(schema: str, table: str, column: str, kind: str, company: Company) -> psql.Composed:
    value = psql.SQL(PLANTS[kind]).format(mark=psql.Literal(company.mark), column=psql.Literal(column), key=psql.SQL("t::text"))
    return psql.SQL("update {} as t set {} = {} where workspace_id = {}").format(
        psql.Identifier(schema, table), psql.Identifier(column), value, psql.Literal(company.workspace_id)
    )


Question = tuple[str, str, Any, dict[str, Any]]


def _questions(ours: Company, theirs: Company) -> Iterator[Question]:
    """Every GET about one's own and about the other's things, every filter set to what the other has, and what writes refuse."""
    for path, methods in described()["paths"].items():
        operation = methods.get("get")
        if operation is None or operation["x-permission"] in (PUBLIC, OPERATOR) or operation["operationId"] == "stream.follow":
            continue
        for company in (ours, theirs):
            yield "GET", filled(path, operation["operationId"], company), None, {}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query" and (value := _filter(parameter["name"], theirs)) is not None:
                yield "GET", filled(path, operation["operationId"], ours), None, {parameter["name"]: value}
    for field in fields():
        if not field.required:
            yield "POST", "/graphql", {"query": field.asked()}, {}
        for argument in field.ids:
            for company in (ours, theirs):
                yield "POST", "/graphql", {"query": field.asked(argument, id_in_graph(company, field))}, {}
    # Last, for what is written here is one's own from then on.
    yield from _collisions(ours, theirs)


def _filter(name: str, theirs: Company) -> str | None:
    known = {"actor": theirs.ids["owner_id"], "object_id": theirs.ids["contact_id"], "object_kind": "contact", "external_id": SHARED_NAME}
    return {**theirs.ids, **known}.get(name)


def _collisions(ours: Company, theirs: Company) -> Iterator[Question]:
    """Names that the other has already: whether they are taken or not is nothing a neighbour learns."""
    yield "POST", "/v1/contacts", {"external_id": theirs.ids["external_id"].upper(), "email": theirs.ids["email"]}, {}
    yield "POST", "/v1/contacts", {"external_id": SHARED_NAME}, {}
    yield "POST", "/v1/invitations", {"email": theirs.email, "role": "viewer"}, {}
    yield "POST", "/v1/segments/preview", {"definition": {"attribute": "plan", "op": "exists"}}, {}
    for operation in ("audience.share_segment", "marketing.render_template", "roles.change_role"):
        for path, methods in described()["paths"].items():
            for method, known in methods.items():
                if known["operationId"] == operation:
                    yield method.upper(), filled(path, operation, theirs), body_of(ours, operation), {}


async def _told(client: httpx2.AsyncClient, question: Question) -> str:
    method, path, body, query = question
    answer = await client.request(method, path, json=body, params=query, headers={"Idempotency-Key": str(new_id())} if body else {})
    # A fault shows nothing, so it would prove nothing.
    assert answer.status_code < 500, (question, answer.text)
    return answer.text + str(dict(answer.headers))


def _sent(question: Question) -> str:
    return str(question)


async def test_authz_05_no_answer_holds_a_word_that_only_the_other_company_has(planted: Planted) -> None:
    deployment = planted.deployment
    seen = 0
    for ours, theirs in (deployment.companies, deployment.companies[::-1]):
        async with deployment.client_of(ours) as client:
            for question in _questions(ours, theirs):
                told = await _told(client, question)
                seen += ours.mark in told
                assert theirs.mark in _sent(question) or theirs.mark not in told, (
                    question,
                    told[max(0, told.find(theirs.mark) - 300) :][:600],
                )
    # Otherwise there was nothing to be seen.
    assert seen > 100, seen


def test_authz_05_canaries_stand_wherever_the_schema_lets_them(planted: Planted) -> None:
    assert len(planted.columns) >= PUT_MIN
