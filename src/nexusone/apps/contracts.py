"""Writes `contracts/` and `docs/permissions.md` as the code declares them; `--check` only compares."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from strawberry.printer import print_schema

from nexusone.apps.catalog import MODULES, locale_folders
from nexusone.apps.permissions_document import permissions_document
from nexusone.kernel.errors import Refusal
from nexusone.platform.live import LiveEvents
from nexusone.web.application import ApplicationParts, build_routes, locked_routes
from nexusone.web.graphql import build_schema
from nexusone.web.openapi import document
from nexusone.web.problems import Messages

FOLDER = Path("contracts")
PERMISSIONS_FILE = Path("docs") / "permissions.md"


def main(arguments: list[str]) -> int:
    """Returns the exit code: 1 where `--check` finds a stale file."""
    stale = [path for path, text in _documents() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path} is not what the code says; run `make contracts` and commit it\n")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path, text in _documents():
        path.write_text(text, encoding="utf-8")
    return 0


def _documents() -> Iterator[tuple[Path, str]]:
    app = build_routes(_parts(), allows_docs=True)
    yield FOLDER / "openapi.json", _json(document(app))
    queries = [query for module in MODULES for query in module.graphql_queries]
    yield FOLDER / "schema.graphql", print_schema(build_schema(queries, allows_introspection=True)) + "\n"
    yield FOLDER / "events.json", _json({event.name: event.model_json_schema() for module in MODULES for event in module.events})
    yield FOLDER / "errors.json", _json(dict(_refusals()))
    operations: dict[str, list[str]] = {}
    for _, declared in locked_routes(app):
        operations.setdefault(declared.permission, []).append(declared.operation)
    yield PERMISSIONS_FILE, permissions_document(operations)


def _refusals() -> Iterator[tuple[str, Any]]:
    messages = Messages(locale_folders())
    for kind in sorted(_subclasses(Refusal), key=lambda kind: kind.code):
        title, detail = messages.title_and_detail(kind.code, locale="en", data={})
        yield kind.code, {"status": kind.status, "title": title, "detail": detail, "meaning": (kind.__doc__ or "").splitlines()[0]}


def _subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    return {kind for child in kind.__subclasses__() for kind in ({child} | _subclasses(child))}


def _parts() -> ApplicationParts:
    @asynccontextmanager
    async def nothing() -> AsyncIterator[None]:
        yield

    return ApplicationParts(
        doors=[door for module in MODULES for door in module.doors],
        graphql_queries=[query for module in MODULES for query in module.graphql_queries],
        messages=Messages(locale_folders()),
        live=LiveEvents(""),
        observe=lambda *_: None,
        render_metrics=lambda: (b"", ""),
        lifespan=nothing,
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
