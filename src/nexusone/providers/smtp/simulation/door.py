"""The inbox over HTTP: JSON for programs, pages for people, and the switch for faults."""

import json
import re
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from nexusone.providers.smtp.simulation.faults import SERVER_FAULTS, FaultSwitch, ServerFault
from nexusone.providers.smtp.simulation.inbox import Inbox, Mail
from nexusone.providers.smtp.simulation.pages import Listing, list_page, mail_page
from nexusone.providers.smtp.simulation.reading import first, read, read_headers

PAGE_SIZE = 50
PAGE_SIZE_MAX = 100
TIMES_MAX = 1_000_000
BODY_BYTES_MAX = 4_096
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
# Images load as they would in a mail program, so that opens are counted; nothing else may.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; form-action 'none'; frame-ancestors 'self'"
)
DOCTYPE = re.compile(r"\s*(?:<!doctype[^>]*>)?", re.IGNORECASE)


class Door:
    """Answers for one inbox and one fault switch."""

    def __init__(self, *, inbox: Inbox, faults: FaultSwitch) -> None:
        self._inbox, self._faults = inbox, faults

    def app(self) -> Starlette:
        """The ASGI app, to be mounted anywhere."""
        routes = [
            Route("/", self.show_list),
            Route("/mail/{mail_id}", self.show_mail),
            Route("/inbox", self.list_mails, methods=["GET"]),
            Route("/inbox", self.clear, methods=["DELETE"]),
            Route("/inbox/count", self.count),
            Route("/inbox/{mail_id}", self.get_mail),
            Route("/inbox/{mail_id}/source", self.get_source),
            Route("/inbox/{mail_id}/html", self.get_html),
            Route("/_faults", self.get_fault, methods=["GET"]),
            Route("/_faults", self.set_fault, methods=["PUT"]),
            Route("/_faults", self.clear_fault, methods=["DELETE"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _problem})

    async def list_mails(self, request: Request) -> Response:
        """A page of mails as JSON, newest first."""
        found, next_cursor = self._page(request)
        return _json({"items": [self._summary(mail) for mail in found], "next_cursor": next_cursor})

    async def count(self, request: Request) -> Response:
        """How many mails there are, to one recipient or at all."""
        return _json({"count": self._inbox.count(recipient=_query(request, "to", among=("to",)))})

    async def get_mail(self, request: Request) -> Response:
        """One mail, parsed."""
        mail = self._mail(request)
        reading = read(self._inbox.content(mail))
        parsed = {
            "headers": dict(reversed(reading.headers)),
            "all_headers": [{"name": name, "value": value} for name, value in reading.headers],
            "text": reading.text,
            "html": reading.html,
            "links": reading.links,
            "images": reading.images,
            "attachments": reading.attachments,
        }
        return _json(self._summary(mail) | parsed)

    async def get_source(self, request: Request) -> Response:
        """One mail as it was received, byte for byte."""
        return PlainTextResponse(self._inbox.content(self._mail(request)), headers=PRIVATE)

    async def get_html(self, request: Request) -> Response:
        """One mail's HTML, unable to run scripts; links open in a new window."""
        html = read(self._inbox.content(self._mail(request))).html
        if html is None:
            raise HTTPException(404, "the mail has no HTML part")
        doctype = cast(re.Match[str], DOCTYPE.match(html))
        body = f'{doctype[0]}<base target="_blank">{html[doctype.end() :]}'
        return HTMLResponse(body.encode("utf-8", "replace"), headers=PRIVATE | {"Content-Security-Policy": MAIL_POLICY})

    async def clear(self, request: Request) -> Response:
        """Deletes all mails."""
        self._inbox.clear()
        return Response(status_code=204)

    async def get_fault(self, request: Request) -> Response:
        """The fault the server is set to."""
        return _json({"mode": self._faults.mode, "times": self._faults.times_left})

    async def set_fault(self, request: Request) -> Response:
        """Sets the server to a fault."""
        mode, times = await _fault(request)
        self._faults.set(mode, times=times)
        return _json({"mode": mode, "times": times})

    async def clear_fault(self, request: Request) -> Response:
        """Switches faults off."""
        self._faults.clear()
        return Response(status_code=204)

    async def show_list(self, request: Request) -> Response:
        """The page of mails."""
        found, next_cursor = self._page(request)
        listing = Listing(
            mails=tuple((mail, read_headers(self._inbox.content(mail))) for mail in found),
            to=request.query_params.get("to", ""),
            count=self._inbox.count(recipient=request.query_params.get("to") or None),
            next_cursor=next_cursor,
            is_first="cursor" not in request.query_params,
        )
        return _page_response(list_page(listing, root=_root(request)))

    async def show_mail(self, request: Request) -> Response:
        """The page of one mail."""
        mail = self._mail(request)
        content = self._inbox.content(mail)
        return _page_response(mail_page(mail, read(content), source=content, root=_root(request)))

    def _page(self, request: Request) -> tuple[list[Mail], str | None]:
        to = _query(request, "to", among=("to", "limit", "cursor"))
        limit = _number(request, "limit", default=PAGE_SIZE)
        if not 1 <= limit <= PAGE_SIZE_MAX:
            raise HTTPException(400, f"limit must be from 1 to {PAGE_SIZE_MAX}")
        before = _number(request, "cursor", default=0) if "cursor" in request.query_params else None
        found = self._inbox.list_before(before, recipient=to, limit=limit + 1)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    def _mail(self, request: Request) -> Mail:
        mail_id = request.path_params["mail_id"]
        mail = self._inbox.find(int(mail_id)) if re.fullmatch(r"[0-9]{12}", mail_id) else None
        if mail is None:
            raise HTTPException(404, "no such mail")
        return mail

    def _summary(self, mail: Mail) -> dict[str, object]:
        headers = read_headers(self._inbox.content(mail))
        return {
            "id": mail.id,
            "received_at": mail.received_at.isoformat().replace("+00:00", "Z"),
            "mail_from": mail.mail_from,
            "recipients": mail.recipients,
            "subject": first(headers, "subject"),
            "from": first(headers, "from"),
            "to": first(headers, "to"),
            "size_bytes": mail.size_bytes,
            "message_id": first(headers, "message-id"),
            "headers": dict(reversed(headers)),
        }


def _query(request: Request, name: str, *, among: tuple[str, ...]) -> str | None:
    unknown = set(request.query_params) - set(among)
    if unknown or len(request.query_params.multi_items()) != len(request.query_params):
        raise HTTPException(400, f"parameters are {', '.join(among)}, each once")
    return request.query_params.get(name) or None


def _number(request: Request, name: str, *, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise HTTPException(400, f"{name} is not a number")
    return int(text)


async def _fault(request: Request) -> tuple[ServerFault, int | None]:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"over {BODY_BYTES_MAX} bytes")
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(wish, dict) or not set(wish) <= {"mode", "times"}:
        raise HTTPException(400, "the body has mode and times, nothing more")
    mode, times = wish.get("mode"), wish.get("times")
    if mode not in SERVER_FAULTS:
        raise HTTPException(400, f"mode is one of {', '.join(SERVER_FAULTS)}")
    if times is not None and (type(times) is not int or not 1 <= times <= TIMES_MAX):
        raise HTTPException(400, f"times is a whole number from 1 to {TIMES_MAX}")
    return mode, times


def _json(body: object) -> Response:
    return JSONResponse(body, headers=PRIVATE)


def _page_response(page: str) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), headers=PRIVATE | {"Content-Security-Policy": PAGE_POLICY})


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


async def _problem(request: Request, error: Exception) -> Response:
    failure = cast(HTTPException, error)
    titles = {400: "The request cannot be read", 404: "Not found", 405: "Method not allowed", 413: "Too large"}
    body = {"type": "about:blank", "title": titles.get(failure.status_code, "Refused"), "status": failure.status_code}
    return JSONResponse(
        body | {"detail": failure.detail},
        status_code=failure.status_code,
        media_type="application/problem+json",
        headers=PRIVATE | dict(failure.headers or {}),
    )
