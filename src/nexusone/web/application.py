"""Assembles the HTTP application of a process from the doors of its modules; refuses to start with an unlocked one."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp
from strawberry.printer import print_schema

from nexusone.kernel.errors import Refusal
from nexusone.platform.live import LiveEvents
from nexusone.platform.runtime import Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.web import docs, files, graphql, health, stream
from nexusone.web.boundary import Boundary, Observe
from nexusone.web.door import DECLARATION, GATE_STATE, SPELLED_STATE, Declaration, Door
from nexusone.web.gate import REQUEST_ID_SCOPE_KEY, Gate
from nexusone.web.health import METRICS_STATE
from nexusone.web.openapi import document
from nexusone.web.paging import CURSOR_KEY_STATE
from nexusone.web.problems import Messages, problem_response, refusal_of
from nexusone.web.spelled import SpelledPaths
from nexusone.web.stream import LIVE_STATE
from nexusone.web.turns import Turns

KIT_DOORS: tuple[Door, ...] = (health.door, stream.door, files.door, graphql.door)

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


class UnlockedDoor(RuntimeError):
    """A route names no permission."""


@dataclass(frozen=True, slots=True)
class ApplicationParts:
    """What an application is assembled from besides the runtime."""

    doors: Sequence[Door]
    graphql_queries: Sequence[type[Any]]
    messages: Messages
    live: LiveEvents
    observe: Observe
    render_metrics: Callable[[], tuple[bytes, str]]
    lifespan: Lifespan


def build_application(runtime: Runtime, parts: ApplicationParts) -> ASGIApp:
    """The ASGI application.

    Raises:
        UnlockedDoor: a route names no permission.
    """
    settings = runtime.setting(PlatformSettings)
    app = build_routes(parts, allows_docs=settings.mode == "sandbox")
    app.state.runtime = runtime
    gate = Gate(
        runtime=runtime,
        messages=parts.messages,
        anonymous_rate=settings.rate_limit_anonymous,
        turns=Turns(settings.requests_at_once),
        trusted_proxies=settings.trusted_proxies,
    )
    setattr(app.state, GATE_STATE, gate)
    setattr(app.state, CURSOR_KEY_STATE, runtime.keys.derive_steady("cursor"))
    setattr(app.state, LIVE_STATE, parts.live)
    setattr(app.state, METRICS_STATE, parts.render_metrics)
    inner: ASGIApp = app
    if settings.cors_origins:
        inner = CORSMiddleware(
            app,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", "if-match", "last-event-id"],
            expose_headers=["etag", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id", "idempotent-replayed"],
        )
    return Boundary(
        app=inner,
        messages=parts.messages,
        body_bytes_max=settings.body_bytes_max,
        upload_bytes_max=settings.upload_bytes_max,
        upload_paths=frozenset(route.path for route, declared in locked_routes(app) if declared.is_upload),
        observe=parts.observe,
        dialects={door.prefix: door.dialect for door in parts.doors if door.dialect is not None},
    )


def build_routes(parts: ApplicationParts, *, allows_docs: bool) -> FastAPI:
    """The framework's application: routes, GraphQL schema, OpenAPI; no runtime needed, so documents can be made from it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.lifespan():
            yield

    app = FastAPI(
        title="NexusOne",
        version="1",
        summary="The backend of an AI marketing platform.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json" if allows_docs else None,
    )
    for door in (*KIT_DOORS, *parts.doors):
        door.open_on(app.router)
    locked = [route for route, _ in locked_routes(app)]
    setattr(app.state, SPELLED_STATE, frozenset(route.path for route in locked if not route.param_convertors))
    app.router.routes.insert(0, SpelledPaths(locked))
    setattr(app.state, graphql.SCHEMA_STATE, graphql.build_schema(parts.graphql_queries, allows_introspection=allows_docs))
    app.add_exception_handler(HTTPException, _refusing(parts.messages))
    app.add_exception_handler(RequestValidationError, _refusing(parts.messages))
    app.add_exception_handler(Refusal, _refusing(parts.messages))
    # The framework answers a fault itself and raises it again; the boundary then logs it.
    app.add_exception_handler(Exception, _refusing(parts.messages))
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    if allows_docs:
        app.router.add_route("/docs", _show_docs(app), include_in_schema=False)
    return app


def _show_docs(app: FastAPI) -> Callable[[Request], HTMLResponse]:
    page = ""

    def show(_: Request) -> HTMLResponse:
        nonlocal page
        page = page or docs.page_of(document(app), graphql_schema=print_schema(getattr(app.state, graphql.SCHEMA_STATE)))
        return HTMLResponse(page, headers={"Content-Security-Policy": docs.CONTENT_SECURITY_POLICY})

    return show


def locked_routes(app: FastAPI) -> list[tuple[APIRoute, Declaration]]:
    """All operations with what they declare.

    Raises:
        UnlockedDoor: one declares nothing.
    """
    found = []
    # A router that was included is one entry of `app.routes`, with its routes inside.
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            declared = getattr(route.endpoint, DECLARATION, None)
            if not isinstance(declared, Declaration) or not declared.permission:
                raise UnlockedDoor(f"{route.operation_id or route.name} at {route.path} names no permission")
            found.append((route, declared))
    return found


def _methods_at(request: Request) -> set[str]:
    matching = (route for route, _ in locked_routes(request.app) if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in route.methods or ()}


def _refusing(messages: Messages) -> Callable[[Request, Exception], Response]:
    def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            # The framework names the methods of the first route of the path alone.
            error.headers = {"Allow": ", ".join(sorted(_methods_at(request)))} if _methods_at(request) else error.headers
        refusal = error if isinstance(error, Refusal) else refusal_of(error)
        return problem_response(refusal, messages=messages, locale="en", request_id=request.scope.get(REQUEST_ID_SCOPE_KEY, "unknown"))

    return refuse
