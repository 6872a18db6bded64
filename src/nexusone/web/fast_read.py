"""A short way for plain reads whose input is right: the framework's own parsers, called without its dependency walk.

Only GETs that take the caller, paging, and path or query parameters go this way. Anything that is missing, unreadable or out of bounds
is left to the framework, so that every refusal still comes from one place.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from nexusone.kernel.contract import Contract
from nexusone.kernel.page import PAGE_SIZE, PAGE_SIZE_MAX
from nexusone.web.caller import context_from
from nexusone.web.gate import context_of
from nexusone.web.paging import CURSOR_KEY_STATE, Paging, paging_from, paging_of

Answer = Callable[[Request], Coroutine[Any, Any, Response]]
Parser = Callable[[Request, dict[str, Any]], bool]

CURSOR_LENGTH_MAX = 2000


def with_fast_read(route: APIRoute, answer: Answer) -> Answer:
    """`answer`, with the short way before it where the route is plain enough; else `answer` as it is."""
    parsers = _parsers_of(route)
    if parsers is None:
        return answer
    endpoint: Callable[..., Awaitable[Any]] = route.endpoint
    serialize = route.response_field.serialize_json if route.response_field else None
    status = route.status_code or 200
    if serialize is None:
        return answer

    async def read(request: Request) -> Response:
        values: dict[str, Any] = {}
        for parse in parsers:
            if not parse(request, values):
                return await answer(request)
        return Response(serialize(await endpoint(**values)), status, media_type="application/json")

    return read


def _parsers_of(route: APIRoute) -> list[Parser] | None:
    dependant = route.dependant
    others = (dependant.header_params, dependant.cookie_params, dependant.body_params)
    injected = (dependant.request_param_name, dependant.response_param_name, dependant.background_tasks_param_name)
    returned = route.response_model
    is_contract = isinstance(returned, type) and issubclass(returned, Contract)
    if route.methods != {"GET"} or any(others) or any(injected) or not is_contract:
        return None
    parsers: list[Parser] = []
    for needed in dependant.dependencies:
        if needed.name is None or needed.call not in (context_from, paging_from):
            return None
        parsers.append(_caller(needed.name) if needed.call is context_from else _pager(needed.name))
    parsers.extend(_parameter(field, is_query=True) for field in dependant.query_params)
    parsers.extend(_parameter(field, is_query=False) for field in dependant.path_params)
    return parsers


def _caller(name: str) -> Parser:
    def parse(request: Request, values: dict[str, Any]) -> bool:
        values[name] = context_of(request)
        return True

    return parse


def _pager(name: str) -> Parser:
    def parse(request: Request, values: dict[str, Any]) -> bool:
        limit = request.query_params.get("limit", "")
        cursor = request.query_params.get("cursor")
        is_bounded = limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= PAGE_SIZE_MAX
        if (limit and not is_bounded) or (cursor is not None and not 1 <= len(cursor) <= CURSOR_LENGTH_MAX):
            return False
        values[name] = _paging(request, int(limit) if limit else PAGE_SIZE, cursor)
        return "limit" not in request.query_params or bool(limit)

    return parse


def _paging(request: Request, limit: int, cursor: str | None) -> Paging:
    key: bytes = getattr(request.app.state, CURSOR_KEY_STATE)
    return paging_of(context_of(request), list_name=request.url.path, limit=limit, cursor=cursor, key=key)


def _parameter(field: Any, *, is_query: bool) -> Parser:
    def parse(request: Request, values: dict[str, Any]) -> bool:
        given = (request.query_params if is_query else request.path_params).get(field.alias)
        if given is None:
            if field.field_info.is_required():
                return False
            values[field.name] = field.get_default()
            return True
        values[field.name], faults = field.validate(given, values, loc=())
        return not faults

    return parse
