"""`/docs`: the OpenAPI document as one page for people, rendered here; nothing is loaded from anywhere."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --mark: #2563eb; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem; text-transform: capitalize; }
nav a { margin-right: .8rem; } a { color: var(--mark); }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .4rem 0; padding: .5rem .8rem; }
summary { cursor: pointer; } summary code { font-weight: 600; }
.method { display: inline-block; min-width: 4.6rem; font-weight: 700; color: var(--mark); }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; border-top: 1px solid var(--line); padding: .3rem; }
pre { background: var(--soft); border-radius: .4rem; padding: .6rem; overflow-x: auto; font-size: .85rem; }
.faint { opacity: .7; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
METHODS = ("get", "post", "put", "patch", "delete", "head")


def page_of(document: Mapping[str, Any], *, graphql_schema: str) -> str:
    """The whole page as HTML."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                by_tag.setdefault(operation.get("tags", ["other"])[0], []).append(_operation(document, path, method, operation))
    links = " ".join(f'<a href="#{escape(tag)}">{escape(tag.replace("_", " "))}</a>' for tag in by_tag)
    sections = "".join(f'<h2 id="{escape(tag)}">{escape(tag.replace("_", " "))}</h2>{"".join(parts)}' for tag, parts in by_tag.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(document['info']['title'])} API</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(document['info']['title'])} API</h1><p>{escape(document['info'].get('description', ''))}</p>"
        f'<p><a href="/openapi.json">openapi.json</a></p><nav>{links} <a href="#graphql-schema">GraphQL schema</a></nav>{sections}'
        f'<h2 id="graphql-schema">GraphQL schema</h2><pre>{escape(graphql_schema)}</pre></body></html>'
    )


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = "".join((*_parameters(operation), *_body(document, operation), *_answers(operation)))
    permission = escape(str(operation.get("x-permission", "")))
    return (
        f'<details id="{escape(operation.get("operationId", path))}"><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation.get('summary', ''))}</summary>"
        f'<p class="faint">{escape(operation.get("description", ""))} Permission: <code>{permission}</code></p>{parts}</details>'
    )


def _parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    parameters = operation.get("parameters", ())
    if parameters:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}{', required' if each.get('required') else ''}</td>"
            f"<td>{escape(each.get('description', ''))}</td></tr>"
            for each in parameters
        )
        yield f"<table>{rows}</table>"


def _body(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[str]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        example = content.get("example", _example(document, content.get("schema", {}), depth=0))
        yield f"<p>Body, <code>{escape(media_type)}</code>:</p><pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"


def _answers(operation: Mapping[str, Any]) -> Iterator[str]:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td></tr>"
        for status, answer in sorted(operation["responses"].items())
    )
    yield f"<table>{rows}</table>"


def _example(document: Mapping[str, Any], schema: Mapping[str, Any], *, depth: int) -> object:
    if "$ref" in schema:
        schema = document["components"]["schemas"].get(schema["$ref"].rpartition("/")[2], {})
    if schema.get("examples"):
        return schema["examples"][0]
    for keyword in ("example", "default", "const"):
        if keyword in schema:
            return schema[keyword]
    if "enum" in schema:
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _example(document, schema[keyword][0], depth=depth)
    if schema.get("type") == "object" and depth < 4:
        properties = schema.get("properties", {})
        return {
            name: _example(document, part, depth=depth + 1)
            for name, part in properties.items()
            if name in schema.get("required", properties)
        }
    if schema.get("type") == "array" and depth < 4:
        return [_example(document, schema.get("items", {}), depth=depth + 1)]
    return _SAMPLES.get(str(schema.get("format") or schema.get("type")), "…")


_SAMPLES: Mapping[str, object] = {
    "uuid": "01a2055c-845d-7747-9a40-42369530fe52",
    "date-time": "2026-01-31T09:30:00Z",
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "object": {},
    "array": [],
    "null": None,
}
