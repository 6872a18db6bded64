"""Speaks the vendor's wire: customers, checkout pages, payment intents, methods, refunds, disputes, signed webhooks.

`/pay/{session}` is the page a person pays on. `PUT /_faults` makes the next calls fail, `PUT /_webhooks` says where and how
webhooks go, `POST /_disputes/{payment}` and `/_plant` do what nobody asked for, `GET /_requests` tells what came in.
"""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.stripe.simulation.forms import read_form
from nexusone.providers.stripe.simulation.ledger import Ledger, VendorRefusal, missing
from nexusone.providers.stripe.simulation.objects import Json, object_id
from nexusone.providers.stripe.simulation.pages import POLICY, checkout_page
from nexusone.providers.stripe.simulation.sending import WebhookSender, WebhookTarget
from nexusone.web.simulation.faults import BrokenResponse, Fault, Faults, RequestLog, fault_routes, linger

BODY_BYTES_MAX = 256 * 1024
GARBAGE = b"<html><body>upstream connect error</body></html>"
Work = Callable[[Request, Json], Json]


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app(webhooks=setup.webhooks))


def build_app(*, webhooks: str | None = None) -> Starlette:
    """The simulator's app, with a world of its own."""
    simulator = _Simulator(webhooks)
    calls: tuple[tuple[str, str, Work], ...] = (
        ("POST", "/v1/customers", simulator.open_customer),
        ("GET", "/v1/customers/{id}/payment_methods", simulator.list_methods),
        ("POST", "/v1/payment_methods/{id}/detach", simulator.detach),
        ("POST", "/v1/checkout/sessions", simulator.open_session),
        ("GET", "/v1/checkout/sessions/{id}", simulator.show_session),
        ("POST", "/v1/checkout/sessions/{id}/expire", simulator.expire_session),
        ("POST", "/v1/payment_intents", simulator.charge),
        ("GET", "/v1/payment_intents", simulator.list_intents),
        ("GET", "/v1/payment_intents/{id}", simulator.show_intent),
        ("GET", "/v1/charges", simulator.list_charges),
        ("POST", "/v1/refunds", simulator.refund),
        ("GET", "/v1/refunds", simulator.list_refunds),
        ("GET", "/v1/disputes", simulator.list_disputes),
    )
    return Starlette(
        routes=[
            *(Route(path, simulator.answering(work), methods=[method]) for method, path, work in calls),
            Route("/pay/{id}", simulator.show_page, methods=["GET"]),
            Route("/pay/{id}", simulator.pay, methods=["POST"]),
            Route("/_webhooks", simulator.set_webhooks, methods=["PUT"]),
            Route("/_webhooks/release", simulator.release_webhooks, methods=["POST"]),
            Route("/_webhooks/settled", simulator.await_webhooks, methods=["POST"]),
            Route("/_disputes/{id}", simulator.dispute, methods=["POST"]),
            Route("/_refunds/{id}", simulator.fail_refund, methods=["POST"]),
            Route("/_plant", simulator.plant, methods=["POST"]),
            Route("/_payments/{id}", simulator.lose, methods=["DELETE"]),
            *fault_routes(simulator.faults, simulator.log),
        ]
    )


class _Simulator:
    def __init__(self, webhooks: str | None) -> None:
        self.faults = Faults()
        self.log = RequestLog(key_header="idempotency-key", read=_form)
        self._sender = WebhookSender(WebhookTarget(url=webhooks))
        self._ledger = Ledger(tell=self._sender.send, now=lambda: int(time.time()))
        self._answers: dict[str, tuple[bytes, int, Json]] = {}

    def answering(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """A call of the vendor's API: key, faults, idempotency, and the errors as the vendor words them."""

        async def answer(request: Request) -> Response:
            raw = await request.body()
            asked = _form(raw)
            self.log.receive(method=request.method, path=request.url.path, body=raw, headers=request.headers)
            if not request.headers.get("authorization", "").startswith("Bearer sk_test_"):
                return _refused(VendorRefusal(401, "Invalid API Key provided"))
            fault = self.faults.take(method=request.method, path=request.url.path)
            if (early := await _before_work(fault)) is not None:
                return early
            status, body = self._once(request, raw, asked, work)
            return _told(status, body, fault)

        return answer

    def open_customer(self, _: Request, asked: Json) -> Json:
        return self._ledger.open_customer(asked)

    def list_methods(self, request: Request, _: Json) -> Json:
        found = [one for one in self._ledger.methods.values() if one["customer"] == request.path_params["id"]]
        return _page(found, request)

    def detach(self, request: Request, _: Json) -> Json:
        return self._ledger.detach(request.path_params["id"])

    def open_session(self, request: Request, asked: Json) -> Json:
        return self._ledger.open_session(asked, base=_base(request))

    def show_session(self, request: Request, _: Json) -> Json:
        return _found(self._ledger.sessions, request, "checkout.session")

    def expire_session(self, request: Request, _: Json) -> Json:
        _found(self._ledger.sessions, request, "checkout.session")
        return self._ledger.expire(request.path_params["id"])

    def charge(self, _: Request, asked: Json) -> Json:
        return self._ledger.charge(asked)

    def list_intents(self, request: Request, _: Json) -> Json:
        return _page(self._ledger.intents.values(), request)

    def show_intent(self, request: Request, _: Json) -> Json:
        return _found(self._ledger.intents, request, "payment_intent")

    def list_charges(self, request: Request, _: Json) -> Json:
        return _page(self._ledger.charges.values(), request)

    def refund(self, _: Request, asked: Json) -> Json:
        return self._ledger.refund(asked)

    def list_refunds(self, request: Request, _: Json) -> Json:
        return _page(self._ledger.refunds.values(), request)

    def list_disputes(self, request: Request, _: Json) -> Json:
        return _page(self._ledger.disputes.values(), request)

    async def show_page(self, request: Request) -> Response:
        session = self._ledger.sessions.get(request.path_params["id"])
        if session is None or session["status"] != "open":
            return HTMLResponse("<!doctype html><title>Over</title><p>This page is over.</p>", 410)
        return _html(checkout_page(session, action=str(request.url.path)))

    async def pay(self, request: Request) -> Response:
        session = self._ledger.sessions.get(request.path_params["id"])
        if session is None or session["status"] != "open":
            return HTMLResponse("<!doctype html><title>Over</title><p>This page is over.</p>", 410)
        way = parse_qs((await request.body())[:BODY_BYTES_MAX].decode("ascii", "replace")).get("way", [""])[0]
        if way == "cancel":
            return RedirectResponse(session["cancel_url"] or session["success_url"], 303)
        self._ledger.pay(session["id"], way=way)
        if way == "decline":
            return _html(checkout_page(session, action=str(request.url.path), notice="Your card was declined."))
        return RedirectResponse(session["success_url"], 303)

    async def set_webhooks(self, request: Request) -> Response:
        def use(raw: bytes) -> None:
            self._sender.target = WebhookTarget.model_validate_json(raw)

        return await _setting(request, use)

    async def release_webhooks(self, _: Request) -> Response:
        return JSONResponse({"released": self._sender.release()})

    async def await_webhooks(self, _: Request) -> Response:
        await self._sender.settled()
        return Response(status_code=204)

    async def dispute(self, request: Request) -> Response:
        status = request.query_params.get("close")
        identifier = request.path_params["id"]
        made = self._ledger.close_dispute(identifier, status=status) if status else self._ledger.open_dispute(identifier)
        return JSONResponse(made)

    async def fail_refund(self, request: Request) -> Response:
        return JSONResponse(self._ledger.fail_refund(request.path_params["id"]))

    async def plant(self, request: Request) -> Response:
        wanted = json.loads(await request.body())
        made = self._ledger.plant(amount=wanted["amount"], currency=wanted["currency"], metadata=wanted.get("metadata") or {})
        return JSONResponse(made)

    async def lose(self, request: Request) -> Response:
        self._ledger.lose(request.path_params["id"])
        return Response(status_code=204)

    def _once(self, request: Request, raw: bytes, asked: Json, work: Work) -> tuple[int, Json]:
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is not None and key in self._answers:
            known, status, body = self._answers[key]
            if known != raw:
                return 400, {"error": {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used once."}}
            return status, body
        status, body = _done(work, request, asked)
        if key is not None:
            self._answers[key] = (raw, status, json.loads(json.dumps(body)))
        return status, body


def _form(raw: bytes) -> Json:
    return read_form(raw[:BODY_BYTES_MAX])


def _done(work: Work, request: Request, asked: Json) -> tuple[int, Json]:
    try:
        return 200, work(request, asked)
    except VendorRefusal as refusal:
        return refusal.status, refusal.body
    except (KeyError, ValueError) as error:
        return 400, {"error": {"type": "invalid_request_error", "message": f"Missing or invalid: {error}"}}


async def _before_work(fault: Fault | None) -> Response | None:
    if fault is None:
        return None
    await linger(fault)
    if fault.mode == "rate_limit":
        told = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}}
        return JSONResponse(told, 429, {"Retry-After": f"{fault.delay_seconds:g}"})
    if fault.mode == "server_error":
        return _server_error()
    return BrokenResponse() if fault.mode == "reset" else None


def _told(status: int, body: Json, fault: Fault | None) -> Response:
    match fault.mode if fault else None:
        case "lost_answer":
            return BrokenResponse()
        case "error_after_work":
            return _server_error()
        case "garbage":
            return Response(GARBAGE, media_type="application/json")
        case _:
            return JSONResponse(body, status, {"Request-Id": object_id("req")})


def _server_error() -> Response:
    return JSONResponse({"error": {"type": "api_error", "message": "An unknown error occurred"}}, 500)


def _refused(refusal: VendorRefusal) -> Response:
    return JSONResponse(refusal.body, refusal.status)


def _found(kept: dict[str, Json], request: Request, what: str) -> Json:
    identifier = request.path_params["id"]
    if identifier not in kept:
        raise missing(what, identifier)
    return kept[identifier]


def _page(kept: Any, request: Request) -> Json:
    query = request.query_params
    shown = [one for one in reversed(list(kept)) if _fits(one, query)]
    if (after := query.get("starting_after")) is not None:
        places = [place for place, one in enumerate(shown) if one["id"] == after]
        shown = shown[places[0] + 1 :] if places else []
    limit = int(query.get("limit", "10"))
    return {"object": "list", "url": request.url.path, "has_more": len(shown) > limit, "data": shown[:limit]}


def _fits(one: Json, query: Any) -> bool:
    since, until = int(query.get("created[gte]", "0")), query.get("created[lt]")
    if one["created"] < since or (until is not None and one["created"] >= int(until)):
        return False
    return all(query.get(name) in (None, one.get(name)) for name in ("customer", "payment_intent", "charge"))


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def _html(page: str) -> Response:
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


async def _setting(request: Request, use: Callable[[bytes], None]) -> Response:
    try:
        use(await request.body())
    except ValidationError as error:
        return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
    return Response(status_code=204)
