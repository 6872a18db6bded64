"""One GraphQL schema, assembled from the query types of the modules, behind the same gate as REST."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import strawberry
from fastapi import Request
from graphql import GraphQLError
from pydantic import ConfigDict, Field
from starlette.responses import Response
from strawberry.extensions import DisableIntrospection, MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension
from strawberry.permission import BasePermission
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, Info

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import Forbidden, InvalidRequest, Refusal
from nexusone.platform.runtime import Context
from nexusone.web.caller import Caller
from nexusone.web.door import GATE_STATE, Door
from nexusone.web.gate import AUTHENTICATED, Gate
from nexusone.web.graphql_cost import COST_MAX, NESTING_MAX, TOKENS_MAX, PagedFields, cost_of, nesting_of
from nexusone.web.problems import Messages

SCHEMA_STATE = "graphql_schema"
DEPTH_MAX = 8
ALIASES_MAX = 15

door = Door("graphql", prefix="")


@dataclass(slots=True)
class GraphqlContext:
    """What resolvers get: the caller's context, and the loaders made for this one request."""

    ctx: Context
    loaders: dict[str, Any]


GraphqlInfo = Info[GraphqlContext, None]


class GraphqlRequest(Contract):
    """A GraphQL request; `query` has at most 20,000 characters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "{ api_version }"}]})

    query: str = Field(min_length=1, max_length=20_000)
    variables: dict[str, Any] | None = None
    operationName: str | None = Field(default=None, max_length=200)  # noqa: N815 - GraphQL's own spelling


def needs(permission: str) -> list[type[BasePermission]]:
    """The permission classes of a field; every field of the Query type names one."""

    class Needs(BasePermission):
        message = f"This needs the permission {permission}."

        def has_permission(self, source: Any, info: GraphqlInfo, **_: Any) -> bool:
            if not info.context.ctx.may(permission):
                raise Forbidden(permission=permission)
            return True

    Needs.__name__ = f"Needs_{permission.replace(':', '_')}"
    Needs.permission = permission  # type: ignore[attr-defined]
    return [Needs]


class CostLimiter(SchemaExtension):
    """Refuses queries that could touch too many rows: each list multiplies by its `limit`."""

    def on_operation(self) -> Any:
        query = self.execution_context.query or ""
        if nesting_of(query) > NESTING_MAX:
            raise GraphQLError(f"the query is nested deeper than {NESTING_MAX} brackets")
        cost = cost_of(query, _paged_fields(self.execution_context.schema), operation_name=self.execution_context.operation_name)
        if cost > COST_MAX:
            raise GraphQLError(f"the query may cost more than the {COST_MAX} rows allowed; ask for fewer with limit")
        yield


@lru_cache(maxsize=8)
def _paged_fields(schema: Any) -> PagedFields:
    return PagedFields.of(print_schema(schema))


def _api_version() -> str:
    return "1"


@strawberry.type
class ServiceQuery:
    """What the schema has even when a process serves no module with GraphQL."""

    api_version: str = strawberry.field(resolver=_api_version, description="The version of the API.")


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Refusals are answers, and the boundary logs faults: the library's own log would repeat the caller's data."""


def build_schema(queries: Sequence[type[Any]], *, allows_introspection: bool) -> strawberry.Schema:
    """The schema whose Query type has all fields of the modules' query types."""
    query = strawberry.type(type("Query", (*queries, ServiceQuery), {}), description="Everything that can be read.")
    extensions: list[Any] = [
        lambda: QueryDepthLimiter(max_depth=DEPTH_MAX),
        lambda: MaxAliasesLimiter(max_alias_count=ALIASES_MAX),
        lambda: MaxTokensLimiter(max_token_count=TOKENS_MAX),
        CostLimiter,
    ]
    if not allows_introspection:
        extensions.append(DisableIntrospection)
    return _Schema(query, extensions=extensions, config=StrawberryConfig(auto_camel_case=False))


class GraphqlInvalid(InvalidRequest):
    """The text is no query that the schema can answer."""

    code = "graphql.invalid"


@door.post(
    "/graphql",
    permission=AUTHENTICATED,
    key_use="none",
    cost=2,
    summary="Ask for related data in one query",
    response_class=Response,
    refusals=(GraphqlInvalid,),
    openapi_extra={"responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}},
)
async def graphql(ctx: Caller, request: Request, body: GraphqlRequest) -> Response:
    schema: strawberry.Schema = getattr(request.app.state, SCHEMA_STATE)
    result = await schema.execute(
        body.query, body.variables, context_value=GraphqlContext(ctx=ctx, loaders={}), operation_name=body.operationName
    )
    errors = result.errors or []
    if result.data is None and any(error.path is None for error in errors):
        raise GraphqlInvalid(reason="; ".join(error.message for error in errors[:3]))
    gate: Gate = getattr(request.app.state, GATE_STATE)
    for error in errors:
        if isinstance(error.original_error, Forbidden):
            await gate.trail.note(ctx, error.original_error, operation="graphql.graphql")
    answer: dict[str, Any] = {"data": result.data}
    if errors:
        answer["errors"] = [_shown(error, messages=gate.messages, locale=ctx.locale) for error in errors]
    return Response(json.dumps(answer, ensure_ascii=False).encode(), media_type="application/json")


def _shown(error: GraphQLError, *, messages: Messages, locale: str) -> dict[str, Any]:
    cause = error.original_error
    if isinstance(cause, Refusal):
        _, message = messages.title_and_detail(cause.code, locale=locale, data=cause.data)
        return {"message": message, "path": error.path, "extensions": {"code": cause.code}}
    if cause is not None and not isinstance(cause, GraphQLError):
        raise cause
    return {"message": error.message, "path": error.path, "extensions": {"code": "graphql.invalid"}}
