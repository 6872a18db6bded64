"""`/v1/sandbox`: where the simulators are, and the mail they caught; mounted in sandbox mode only."""

from typing import Annotated

import aiohttp
from fastapi import Path, Query
from starlette.responses import Response

from nexusone.apps.providers import SandboxAddresses
from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import NotFound, Unavailable
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC

TIMEOUT = aiohttp.ClientTimeout(total=10)
INBOX_PATH = "/smtp/inbox"

door = Door("sandbox")


class Sandbox(Contract):
    """The simulators' addresses: `http` is their common server, `inbox_page` shows the caught mail to a person."""

    http: str
    sockets: dict[str, str]
    inbox_page: str


class InboxUnreachable(Unavailable):
    """The simulators do not answer."""

    code = "sandbox.unreachable"


MISSING = (NotFound, InboxUnreachable)


def _of(media_type: str) -> dict[str, object]:
    return {"responses": {"200": {"content": {media_type: {"schema": {"type": "string"}}}}}}


@door.get("/sandbox", permission=PUBLIC, cost=0, summary="Where the simulators are")
async def show(ctx: Caller) -> Sandbox:
    addresses = ctx.port(SandboxAddresses)
    return Sandbox(http=addresses.http, sockets=dict(addresses.sockets), inbox_page=f"{addresses.http}/smtp/")


MailId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


@door.get(
    "/sandbox/inbox",
    permission=PUBLIC,
    cost=0,
    summary="The caught mail, newest first",
    response_class=Response,
    refusals=(InboxUnreachable,),
)
async def list_mails(
    ctx: Caller,
    to: Annotated[str | None, Query(max_length=320, description="Only mail to this address.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")] = None,
) -> Response:
    asked = {"to": to, "limit": str(limit), "cursor": cursor}
    return await _relay(ctx, "", {name: value for name, value in asked.items() if value is not None})


@door.get(
    "/sandbox/inbox/{mail_id}", permission=PUBLIC, cost=0, summary="One caught mail, parsed", response_class=Response, refusals=MISSING
)
async def show_mail(ctx: Caller, mail_id: MailId) -> Response:
    return await _relay(ctx, f"/{mail_id}", {})


@door.get(
    "/sandbox/inbox/{mail_id}/source",
    permission=PUBLIC,
    cost=0,
    summary="One caught mail, as it came",
    response_class=Response,
    refusals=MISSING,
    openapi_extra=_of("text/plain"),
)
async def show_source(ctx: Caller, mail_id: MailId) -> Response:
    return await _relay(ctx, f"/{mail_id}/source", {})


@door.get(
    "/sandbox/inbox/{mail_id}/html",
    permission=PUBLIC,
    cost=0,
    summary="The HTML part of a caught mail",
    response_class=Response,
    refusals=MISSING,
    openapi_extra=_of("text/html"),
)
async def show_html(ctx: Caller, mail_id: MailId) -> Response:
    return await _relay(ctx, f"/{mail_id}/html", {})


async def _relay(ctx: Caller, path: str, query: dict[str, str]) -> Response:
    url = f"{ctx.port(SandboxAddresses).http}{INBOX_PATH}{path}"
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.get(url, params=query) as answer:
            body = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise InboxUnreachable(headers={"Retry-After": "2"}) from error
    if answer.status == 404:
        raise NotFound(what="mail")
    passed = {name: answer.headers[name] for name in ("Content-Security-Policy",) if name in answer.headers}
    return Response(body, answer.status, passed, answer.headers.get("Content-Type", "application/json"))
