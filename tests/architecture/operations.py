"""Every operation of the API, as the assembled application has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from fastapi.routing import APIRoute

from nexusone.apps.catalog import MODULES, locale_folders
from nexusone.apps.sandbox.door import door as sandbox_door
from nexusone.platform.live import LiveEvents
from nexusone.web.application import ApplicationParts, build_routes, locked_routes
from nexusone.web.door import Declaration
from nexusone.web.problems import Messages


@asynccontextmanager
async def no_lifespan() -> AsyncIterator[None]:
    """Nothing runs beside the application."""
    yield


@lru_cache(maxsize=1)
def operations() -> tuple[tuple[APIRoute, Declaration], ...]:
    """Every route with what it declares, of a process that serves everything."""
    parts = ApplicationParts(
        doors=[*(door for module in MODULES for door in module.doors), sandbox_door],
        graphql_queries=[query for module in MODULES for query in module.graphql_queries],
        messages=Messages(locale_folders()),
        live=LiveEvents(""),
        observe=lambda *_: None,
        render_metrics=lambda: (b"", ""),
        lifespan=no_lifespan,
    )
    return tuple(locked_routes(build_routes(parts, allows_docs=True)))
