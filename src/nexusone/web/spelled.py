"""Paths that are spelled out, found by one look instead of a walk past every route before theirs."""

from collections.abc import Iterable, Mapping

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class SpelledPaths(BaseRoute):
    """Stands before all routes; what it does not know (another method, a path with values in it) is left to the walk."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        spelled = [route for route in routes if not route.param_convertors]
        self._routes: Mapping[tuple[str, str], APIRoute] = {
            (method, route.path): route for route in reversed(spelled) for method in route.methods or ()
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The match of the one route that has this very path and method."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        return (Match.NONE, {}) if route is None else route.matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets that route answer."""
        route: APIRoute = scope["route"]
        await route.handle(scope, receive, send)
