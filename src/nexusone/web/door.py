"""A module's REST door: routes that name their permission, their refusals and how they treat idempotency keys."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from nexusone.kernel.errors import Forbidden, RateLimited, Refusal, Unauthenticated, Unprocessable
from nexusone.web.dialect import Dialect
from nexusone.web.fast_read import with_fast_read
from nexusone.web.gate import PUBLIC, Gate, KeyUse, Reading
from nexusone.web.problems import Problem
from nexusone.web.strict import StrictRequest

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

GATE_STATE = "gate"
SPELLED_STATE = "spelled_paths"
DECLARATION = "__declaration__"


class Operation(APIRoute):
    """One route. Admission (credential, limits, permission, idempotency key) comes before the body is read.

    A path that is spelled out belongs to its own route with all methods, and is no value of another route's parameter.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if self.param_convertors and scope["path"] in getattr(scope["app"].state, SPELLED_STATE):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = with_fast_read(self, super().get_route_handler())
        declaration: Declaration = getattr(self.endpoint, DECLARATION)
        reading = _reading(self)

        async def handle(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            gate: Gate = getattr(request.app.state, GATE_STATE)
            return await gate.pass_through(strict, declaration, reading, answer)

        return handle


def _reading(route: APIRoute) -> Reading:
    # Addresses outside the versioned API are opened by mail programs and balancers, which append what they like.
    is_strict = route.path.startswith("/v1/")
    names = frozenset(field.alias for field in get_flat_params(route.dependant) if isinstance(field.field_info, params.Query))
    media_type = None
    if route.body_field is not None:
        media_type = "multipart/form-data" if isinstance(route.body_field.field_info, params.Form) else "application/json"
    return Reading(query=names if is_strict else None, media_type=media_type)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a route says of itself; the gate enforces it and OpenAPI shows it."""

    operation: str
    permission: str
    key_use: KeyUse
    cost: int
    is_upload: bool = False


class Door:
    """The routes of one subject. `name` is the tag in OpenAPI; operation ids are `name.function`.

    Where a door speaks a wire of others, `dialect` says how problems under its prefix are told there.
    """

    def __init__(self, name: str, *, prefix: str = "/v1", dialect: Dialect | None = None) -> None:
        self.name, self.dialect = name, dialect
        self.prefix = prefix
        self._routes: list[Callable[[APIRouter], None]] = []

    def open_on(self, router: APIRouter) -> None:
        """Adds the routes to an application's own router; one flat list is matched faster than routers within routers."""
        for add in self._routes:
            add(router)

    def route(
        self,
        method: Method,
        path: str,
        *,
        permission: str,
        summary: str,
        status: int = 200,
        refusals: Sequence[type[Refusal]] = (),
        key_use: KeyUse | None = None,
        cost: int = 1,
        is_upload: bool = False,
        openapi_extra: dict[str, Any] | None = None,
        is_listed: bool = True,
        **options: Any,
    ) -> Callable[[Endpoint], Endpoint]:
        """Registers an endpoint. `key_use` defaults to "optional" for POST and "none" otherwise."""

        def register(endpoint: Endpoint) -> Endpoint:
            used: KeyUse = key_use or ("optional" if method == "POST" and permission != PUBLIC else "none")
            operation = f"{self.name}.{endpoint.__name__}"
            declaration = Declaration(operation=operation, permission=permission, key_use=used, cost=cost, is_upload=is_upload)
            setattr(endpoint, DECLARATION, declaration)
            described: dict[str, Any] = {
                "methods": [method],
                "status_code": status,
                "summary": summary,
                "operation_id": operation,
                "tags": [self.name],
                "responses": _responses(refusals, permission, self.dialect),
                "openapi_extra": {"x-permission": permission, **_key_parameter(used), **(openapi_extra or {})},
                "include_in_schema": is_listed,
                **options,
            }
            self._routes.append(
                lambda router: router.add_api_route(self.prefix + path, endpoint, route_class_override=Operation, **described)
            )
            return endpoint

        return register

    def get(self, path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
        """Registers a GET."""
        return self.route("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
        """Registers a POST."""
        return self.route("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
        """Registers a PUT."""
        return self.route("PUT", path, **declared)

    def patch(self, path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
        """Registers a PATCH."""
        return self.route("PATCH", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
        """Registers a DELETE."""
        return self.route("DELETE", path, **declared)


def _responses(refusals: Sequence[type[Refusal]], permission: str, dialect: Dialect | None) -> dict[int | str, dict[str, Any]]:
    always: tuple[type[Refusal], ...] = (Unprocessable, RateLimited)
    if permission != PUBLIC:
        always += (Unauthenticated, Forbidden)
    by_status: dict[int | str, list[type[Refusal]]] = {}
    statuses = dialect.statuses if dialect else {}
    for refusal in (*refusals, *always):
        known = by_status.setdefault(statuses.get(refusal.status, refusal.status), [])
        if refusal not in known:
            known.append(refusal)
    problem = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    content = {"application/json": {"schema": dict(dialect.schema)}} if dialect else problem
    return {
        status: {
            "description": "; ".join(f"`{kind.code}`: {(kind.__doc__ or '').splitlines()[0]}" for kind in kinds),
            "content": content,
        }
        for status, kinds in sorted(by_status.items(), key=lambda pair: int(pair[0]))
    }


def _key_parameter(used: KeyUse) -> dict[str, Any]:
    if used == "none":
        return {}
    return {
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": used == "required",
                "description": "Repeating a request with its key gives the first answer and has no second effect, for 72 hours.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
            }
        ]
    }
