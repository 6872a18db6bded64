"""The short way for plain reads: the same answers as the framework's, and the framework for all that is not right."""

from contextlib import AsyncExitStack
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import Unprocessable
from nexusone.platform.origin import ANONYMOUS
from nexusone.platform.runtime import Context, Runtime
from nexusone.web.caller import Caller
from nexusone.web.fast_read import with_fast_read
from nexusone.web.gate import CONTEXT_SCOPE_KEY
from nexusone.web.paging import CURSOR_KEY_STATE, Pager


class Echo(Contract):
    """What an endpoint was given."""

    request_id: str
    thing: str
    limit: int
    word: str | None
    count: int


async def echo(ctx: Caller, pager: Pager, thing: UUID, word: Annotated[str | None, Query(max_length=5)] = None, count: int = 7) -> Echo:
    return Echo(request_id=ctx.request_id, thing=str(thing), limit=pager.request.limit, word=word, count=count)


def asked(runtime: Runtime, *, thing: str, query: dict[str, str]) -> Request:
    app = FastAPI()
    setattr(app.state, CURSOR_KEY_STATE, b"k" * 32)
    ctx = Context(runtime=runtime, workspace_id=None, principal=ANONYMOUS, request_id="r")
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/things/{thing}",
        "path_params": {"thing": thing},
        "query_string": urlencode(query).encode(),
        "headers": [],
        "app": app,
        "fastapi_inner_astack": AsyncExitStack(),
        "fastapi_function_astack": AsyncExitStack(),
        "fastapi_middleware_astack": AsyncExitStack(),
        CONTEXT_SCOPE_KEY: ctx,
    }
    return Request(scope)


class Ways:
    """The framework's handler and the short way before it, which counts how often it gave up."""

    def __init__(self) -> None:
        route = APIRoute("/things/{thing}", echo, response_model=Echo)
        self.left_over = 0
        self.framework = route.get_route_handler()
        self.short = with_fast_read(route, self._counted)

    async def _counted(self, request: Request) -> Response:
        self.left_over += 1
        return await self.framework(request)


TEXTS = st.sampled_from(["", "0", "1", "50", "100", "101", "-1", "1.0", "x", "abcde", "abcdef", "٣", " 7", "1e1"])


async def outcome(answer: object, request: Request) -> tuple[int, bytes]:
    try:
        response: Response = await answer(request)  # type: ignore[operator]
    except (RequestValidationError, Unprocessable):
        return 422, b""
    return response.status_code, bytes(response.body)


QUERIES = st.dictionaries(st.sampled_from(["limit", "cursor", "word", "count"]), TEXTS)
THINGS = st.sampled_from(["01a2055c-845d-7747-9a40-42369530fe52", "x"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(thing=THINGS, query=QUERIES)
async def test_both_ways_answer_the_same(runtime: Runtime, thing: str, query: dict[str, str]) -> None:
    ways = Ways()
    short = await outcome(ways.short, asked(runtime, thing=thing, query=query))
    assert short == await outcome(ways.framework, asked(runtime, thing=thing, query=query))


async def test_a_right_request_never_reaches_the_framework(runtime: Runtime) -> None:
    ways = Ways()
    query = {"limit": "3", "word": "abc"}
    status, body = await outcome(ways.short, asked(runtime, thing="01a2055c-845d-7747-9a40-42369530fe52", query=query))
    assert (status, ways.left_over) == (200, 0)
    assert b'"limit":3,"word":"abc","count":7' in body
