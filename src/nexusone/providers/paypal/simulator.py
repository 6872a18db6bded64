"""Speaks the vendor's wire: tokens, orders, captures, refunds, agreements, disputes, reports, signed webhooks.

`/checkoutnow?token=` is the page a person approves on. `PUT /_faults` makes the next calls fail, `PUT /_webhooks` says where and
how webhooks go, `POST /_disputes/{order}` and `/_plant` do what nobody asked for, `GET /_requests` tells what came in.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.paypal.simulation.ledger import Ledger, VendorRefusal, missing, shown_token
from nexusone.providers.paypal.simulation.objects import Json, object_id, report_row
from nexusone.providers.paypal.simulation.pages import POLICY, approval_page
from nexusone.providers.paypal.simulation.sending import WebhookSender, WebhookTarget
from nexusone.providers.paypal.simulation.signing import Signer
from nexusone.web.simulation.faults import BrokenResponse, Fault, Faults, RequestLog, fault_routes, linger

BODY_BYTES_MAX = 256 * 1024
TOKEN_SECONDS = 32_400
CLIENT = "sandbox:sandbox"
GARBAGE = b"<html><body>upstream connect error</body></html>"
OVER = "<!doctype html><title>Over</title><p>This page is over.</p>"
Work = Callable[[Request, Json], Json | None]


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app(webhooks=setup.webhooks))


def build_app(*, webhooks: str | None = None, webhook_id: str = "SANDBOXWEBHOOK") -> Starlette:
    """The simulator's app, with a world of its own."""
    simulator = _Simulator(webhooks, webhook_id)
    calls: tuple[tuple[str, str, Work], ...] = (
        ("POST", "/v2/checkout/orders", simulator.open_order),
        ("GET", "/v2/checkout/orders/{id}", simulator.show_order),
        ("POST", "/v2/checkout/orders/{id}/capture", simulator.capture),
        ("GET", "/v2/payments/captures/{id}", simulator.show_capture),
        ("POST", "/v2/payments/captures/{id}/refund", simulator.refund),
        ("GET", "/v2/payments/refunds/{id}", simulator.show_refund),
        ("GET", "/v3/vault/payment-tokens", simulator.list_tokens),
        ("DELETE", "/v3/vault/payment-tokens/{id}", simulator.remove_token),
        ("GET", "/v1/customer/disputes", simulator.list_disputes),
        ("GET", "/v1/reporting/transactions", simulator.report),
    )
    return Starlette(
        routes=[
            *(Route(path, simulator.answering(work), methods=[method]) for method, path, work in calls),
            Route("/v1/oauth2/token", simulator.give_token, methods=["POST"]),
            Route("/v1/notifications/verify-webhook-signature", simulator.verify, methods=["POST"]),
            Route("/checkoutnow", simulator.show_page, methods=["GET"]),
            Route("/checkoutnow", simulator.approve, methods=["POST"]),
            Route("/_webhooks", simulator.set_webhooks, methods=["PUT"]),
            Route("/_webhooks/release", simulator.release_webhooks, methods=["POST"]),
            Route("/_webhooks/settled", simulator.await_webhooks, methods=["POST"]),
            Route("/_tokens", simulator.forget_tokens, methods=["DELETE"]),
            Route("/_disputes/{id}", simulator.dispute, methods=["POST"]),
            Route("/_plant", simulator.plant, methods=["POST"]),
            Route("/_payments/{id}", simulator.lose, methods=["DELETE"]),
            *fault_routes(simulator.faults, simulator.log),
        ]
    )


class _Simulator:
    def __init__(self, webhooks: str | None, webhook_id: str) -> None:
        self.faults = Faults()
        self.log = RequestLog(key_header="paypal-request-id")
        self._signer = Signer(webhook_id=webhook_id)
        self._sender = WebhookSender(WebhookTarget(url=webhooks), self._signer)
        self._ledger = Ledger(tell=self._sender.send)
        self._answers: dict[tuple[str, str], tuple[int, Json]] = {}
        self._tokens: set[str] = set()

    def answering(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """A call of the vendor's API: token, faults, idempotency, and the errors as the vendor words them."""

        async def answer(request: Request) -> Response:
            raw = await request.body()
            asked = _json(raw)
            self.log.receive(method=request.method, path=request.url.path, body=raw, headers=request.headers)
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
                return JSONResponse({"error": "invalid_token", "error_description": "Token signature verification failed"}, 401)
            fault = self.faults.take(method=request.method, path=request.url.path)
            if (early := await _before_work(fault)) is not None:
                return early
            self._ledger.base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
            status, body = self._once(request, asked, work)
            return _told(status, body, fault)

        return answer

    async def give_token(self, request: Request) -> Response:
        scheme, _, packed = request.headers.get("authorization", "").partition(" ")
        self.log.receive(method="POST", path=request.url.path, body=b"", headers=request.headers)
        if scheme != "Basic" or base64.b64decode(packed).decode("utf-8", "replace") != CLIENT:
            return JSONResponse({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        if (early := await _before_work(self.faults.take(method="POST", path=request.url.path))) is not None:
            return early
        token = f"A21AA{object_id(40)}"
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "app_id": "APP-SANDBOX"})

    async def verify(self, request: Request) -> Response:
        raw = await request.body()
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return JSONResponse({"error": "invalid_token"}, 401)
        if (early := await _before_work(self.faults.take(method="POST", path=request.url.path))) is not None:
            return early
        is_ours = self._signer.verifies(_json(raw), raw)
        return JSONResponse({"verification_status": "SUCCESS" if is_ours else "FAILURE"})

    def open_order(self, _: Request, asked: Json) -> Json:
        return self._ledger.open_order(asked)

    def show_order(self, request: Request, _: Json) -> Json:
        return _found(self._ledger.orders, request)

    def capture(self, request: Request, _: Json) -> Json:
        return self._ledger.capture(request.path_params["id"])

    def show_capture(self, request: Request, _: Json) -> Json:
        return self._ledger.show_capture(request.path_params["id"])

    def refund(self, request: Request, asked: Json) -> Json:
        return self._ledger.refund(request.path_params["id"], asked)

    def show_refund(self, request: Request, _: Json) -> Json:
        return _found(self._ledger.refunds, request)

    def list_tokens(self, request: Request, _: Json) -> Json:
        customer = request.query_params.get("customer_id")
        found = [shown_token(one) for one in self._ledger.tokens.values() if one["customer"]["id"] == customer]
        return {"customer": {"id": customer}, "payment_tokens": found[::-1]}

    def remove_token(self, request: Request, _: Json) -> None:
        self._ledger.remove_token(request.path_params["id"])

    def list_disputes(self, request: Request, _: Json) -> Json:
        wanted = request.query_params.get("disputed_transaction_id")
        disputes = self._ledger.disputes.values()
        return {"items": [one for one in disputes if one["disputed_transactions"][0]["seller_transaction_id"] == wanted], "links": []}

    def report(self, request: Request, _: Json) -> Json:
        since, until = (datetime.fromisoformat(request.query_params[name]) for name in ("start_date", "end_date"))
        rows = [one for one in self._ledger.captures.values() if since <= datetime.fromisoformat(one["create_time"]) <= until]
        size, page = int(request.query_params["page_size"]), int(request.query_params["page"])
        shown = [report_row(one) for one in rows[(page - 1) * size : page * size]]
        return {"transaction_details": shown, "page": page, "total_items": len(rows), "total_pages": max(1, -(-len(rows) // size))}

    async def show_page(self, request: Request) -> Response:
        order = self._ledger.orders.get(request.query_params.get("token", ""))
        if order is None or order["status"] != "PAYER_ACTION_REQUIRED":
            return HTMLResponse(OVER, 410)
        page = approval_page(order, action=f"{request.url.path}?token={order['id']}")
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    async def approve(self, request: Request) -> Response:
        order = self._ledger.orders.get(request.query_params.get("token", ""))
        if order is None or order["status"] != "PAYER_ACTION_REQUIRED":
            return HTMLResponse(OVER, 410)
        context = self._ledger.wishes[order["id"]]["experience_context"]
        way = parse_qs((await request.body())[:BODY_BYTES_MAX].decode("ascii", "replace")).get("way", [""])[0]
        if way == "cancel":
            return RedirectResponse(_with(context["cancel_url"], order["id"]), 303)
        self._ledger.approve(order["id"], way=way)
        return RedirectResponse(_with(context["return_url"], order["id"]), 303)

    async def set_webhooks(self, request: Request) -> Response:
        def use(raw: bytes) -> None:
            self._sender.target = WebhookTarget.model_validate_json(raw)

        return await _setting(request, use)

    async def release_webhooks(self, _: Request) -> Response:
        return JSONResponse({"released": self._sender.release()})

    async def await_webhooks(self, _: Request) -> Response:
        await self._sender.settled()
        return Response(status_code=204)

    async def forget_tokens(self, _: Request) -> Response:
        self._tokens.clear()
        return Response(status_code=204)

    async def dispute(self, request: Request) -> Response:
        outcome, identifier = request.query_params.get("close"), request.path_params["id"]
        made = self._ledger.close_dispute(identifier, outcome=outcome) if outcome else self._ledger.open_dispute(identifier)
        return JSONResponse(made)

    async def plant(self, request: Request) -> Response:
        wanted = json.loads(await request.body())
        return JSONResponse(self._ledger.plant(amount=wanted["amount"], custom_id=wanted.get("custom_id")))

    async def lose(self, request: Request) -> Response:
        self._ledger.lose(request.path_params["id"])
        return Response(status_code=204)

    def _once(self, request: Request, asked: Json, work: Work) -> tuple[int, Json | None]:
        key = request.headers.get("paypal-request-id")
        place = (request.url.path, key or "")
        if key is not None and place in self._answers:
            return self._answers[place]
        try:
            made = work(request, asked)
        except VendorRefusal as refusal:
            return refusal.status, refusal.body
        except (KeyError, ValueError) as error:
            return 400, VendorRefusal(400, "MISSING_REQUIRED_PARAMETER", f"Missing or invalid: {error}").body
        status = 204 if made is None else 201 if request.method == "POST" else 200
        if key is not None and made is not None:
            self._answers[place] = (status, json.loads(json.dumps(made)))
        return status, made


def _with(url: str, token: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}token={token}&PayerID=SANDBOXPAYER"


def _json(raw: bytes) -> Json:
    try:
        found = json.loads(raw[:BODY_BYTES_MAX]) if raw else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _before_work(fault: Fault | None) -> Response | None:
    if fault is None:
        return None
    await linger(fault)
    if fault.mode == "rate_limit":
        told = {"name": "RATE_LIMIT_REACHED", "message": "Too many requests.", "debug_id": object_id(13).lower()}
        return JSONResponse(told, 429, {"Retry-After": f"{fault.delay_seconds:g}"})
    if fault.mode == "server_error":
        return _server_error()
    return BrokenResponse() if fault.mode == "reset" else None


def _told(status: int, body: Json | None, fault: Fault | None) -> Response:
    match fault.mode if fault else None:
        case "lost_answer":
            return BrokenResponse()
        case "error_after_work":
            return _server_error()
        case "garbage":
            return Response(GARBAGE, media_type="application/json")
        case _:
            headers = {"Paypal-Debug-Id": object_id(13).lower()}
            return Response(status_code=204, headers=headers) if body is None else JSONResponse(body, status, headers)


def _server_error() -> Response:
    told = {"name": "INTERNAL_SERVER_ERROR", "message": "An internal server error has occurred.", "debug_id": object_id(13).lower()}
    return JSONResponse(told, 500)


def _found(kept: dict[str, Json], request: Request) -> Json:
    identifier = request.path_params["id"]
    if identifier not in kept:
        raise missing()
    return kept[identifier]


async def _setting(request: Request, use: Callable[[bytes], Any]) -> Response:
    try:
        use(await request.body())
    except ValidationError as error:
        return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
    return Response(status_code=204)
