"""Doors in mails: open pixel, tracked links, unsubscribe. Without credentials: the signed token in the address is what counts."""

from collections.abc import Callable
from typing import Any, TypedDict

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nexusone.kernel.errors import NotFound, Unavailable
from nexusone.modules.marketing.domain.hits import is_machine, written_user_agent
from nexusone.modules.marketing.domain.unsubscribe_page import (
    CONTENT_SECURITY_POLICY,
    Step,
    accepted_languages,
    known_language,
    unsubscribe_page,
)
from nexusone.modules.marketing.service import tracking, unsubscribing
from nexusone.web.caller import Caller
from nexusone.web.door import Door, Endpoint
from nexusone.web.gate import PUBLIC

# The smallest transparent GIF that every mail program shows.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
PAGE_HEADERS = {**HEADERS, "Content-Security-Policy": CONTENT_SECURITY_POLICY, "Vary": "Accept, Accept-Language"}

door = Door("tracking", prefix="")


class Visitor(TypedDict):
    """What a request says of who makes it."""

    user_agent: str
    is_machine: bool


def _get_and_head(path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
    def register(endpoint: Endpoint) -> Endpoint:
        door.route("HEAD", path, is_listed=False, **declared)(endpoint)
        return door.get(path, **declared)(endpoint)

    return register


@_get_and_head("/t/o/{token}", permission=PUBLIC, cost=0, summary="The open pixel of a mail", refusals=(NotFound,), response_class=Response)
async def open_mail(ctx: Caller, request: Request, token: str) -> Response:
    tracking.record_open(ctx, token=token, **_visitor(request))
    return Response(PIXEL, headers=HEADERS, media_type="image/gif")


@_get_and_head(
    "/t/c/{token}",
    permission=PUBLIC,
    cost=0,
    status=302,
    summary="Follow a tracked link of a mail",
    refusals=(NotFound, Unavailable),
    response_class=RedirectResponse,
)
async def follow_link(ctx: Caller, request: Request, token: str) -> Response:
    address = await tracking.follow_link(ctx, token=token, **_visitor(request))
    return RedirectResponse(address, 302, HEADERS)


@_get_and_head(
    "/u/{token}",
    permission=PUBLIC,
    cost=0,
    summary="The page that asks before unsubscribing",
    refusals=(NotFound,),
    response_class=Response,
)
async def show_unsubscribe(ctx: Caller, request: Request, token: str) -> Response:
    try:
        leaving = await unsubscribing.describe_unsubscribe(ctx, token=token, languages=_languages(request))
    except NotFound:
        return _unknown(request)
    return _page("ask", language=leaving.language, sender=leaving.sender)


@door.post(
    "/u/{token}",
    permission=PUBLIC,
    cost=0,
    summary="Unsubscribe at once (RFC 8058 one-click)",
    refusals=(NotFound, Unavailable),
    response_class=Response,
)
async def unsubscribe(ctx: Caller, request: Request, token: str) -> Response:
    # Whatever the body says, or whether there is one: nobody posts here but to leave.
    try:
        await unsubscribing.unsubscribe(ctx, token=token)
    except NotFound:
        return _unknown(request)
    if not _is_browser(request):
        return Response("unsubscribed\n", headers=HEADERS, media_type="text/plain")
    leaving = await unsubscribing.describe_unsubscribe(ctx, token=token, languages=_languages(request))
    return _page("done", language=leaving.language)


def _page(step: Step, *, language: str, sender: str | None = None, status: int = 200) -> Response:
    headers = {**PAGE_HEADERS, "Content-Language": language}
    return HTMLResponse(unsubscribe_page(step, language=language, sender=sender), status, headers)


def _unknown(request: Request) -> Response:
    if not _is_browser(request):
        raise NotFound(what="address")
    return _page("invalid", language=known_language(_languages(request)), status=404)


def _visitor(request: Request) -> Visitor:
    agent = written_user_agent(request.headers.get("user-agent", ""))
    return {"user_agent": agent, "is_machine": is_machine(request.method, request.headers)}


def _languages(request: Request) -> list[str]:
    return accepted_languages(request.headers.get("accept-language", ""))


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
