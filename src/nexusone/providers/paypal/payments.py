"""Payments by approval on the vendor's page and by saved agreement.

Orders carry our reference as `custom_id`, by which the vendor's reports find them again, and as `invoice_id`, which the
vendor accepts once only; the key of every call is derived from it.
"""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.billing.ports import (
    ChargeRequest,
    Checkout,
    CheckoutRequest,
    Notice,
    RefundRequest,
    SavedMethod,
    Trace,
    VendorPayment,
    VendorRefund,
    WebhookRefused,
)
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.paypal.amounts import written
from nexusone.providers.paypal.client import PayPalClient
from nexusone.providers.paypal.shapes import method_of, payment_of, readable, refund_of, reported_payment
from nexusone.providers.paypal.webhooks import question_of, read_notice

CLOCKS_DIFFER = timedelta(minutes=5)
REPORT_PAGE = 500
REPORT_DAYS_MAX = timedelta(days=31)
PAGES_MAX = 200
LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?\Z")
APPROVAL_LINKS = frozenset({"payer-action", "approve"})
LOOKED_UP_AFTER = frozenset({"vendor.rejected.order_already_captured", "vendor.rejected.order_not_approved"})

Json = dict[str, Any]


class PayPalGateway:
    """A `PaymentGateway`."""

    def __init__(self, *, client: PayPalClient, webhook_id: str) -> None:
        self._client = client
        self._webhook_id = webhook_id

    @property
    def saves_without_charge(self) -> bool:
        """No: an agreement comes with the first payment."""
        return False

    async def open_customer(self, *, key: str, email: str | None, name: str) -> str:
        """A name for the payer that the vendor takes (at most 22 signs); nothing is made there."""
        return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()[:16]).rstrip(b"=").decode()

    async def list_methods(self, *, customer: str) -> list[SavedMethod]:
        """The payer's agreements, newest first."""
        try:
            found = await self._client.call("GET", f"/v3/vault/payment-tokens?{urlencode({'customer_id': customer})}")
        except DefiniteFailure as failure:
            if failure.code == "vendor.not_found":
                return []
            raise
        with readable():
            return [method_of(token) for token in found.get("payment_tokens") or []]

    async def remove_method(self, *, method: str) -> None:
        """Ends the agreement."""
        try:
            await self._client.call("DELETE", f"/v3/vault/payment-tokens/{quote(method, safe='')}")
        except DefiniteFailure as failure:
            if failure.code != "vendor.not_found":
                raise

    async def start_checkout(self, request: CheckoutRequest) -> Checkout:
        """Makes an order and says where it is approved."""
        if request.amount is None:
            raise DefiniteFailure(code="vendor.not_supported", detail="methods are saved with a payment there", is_retryable=False)
        context: Json = {
            "return_url": request.return_url,
            "cancel_url": request.cancel_url,
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
        }
        if LANGUAGE.match(request.locale):
            context["locale"] = request.locale
        wallet: Json = {"experience_context": context}
        if request.saves_method:
            wallet["attributes"] = {
                "customer": {"id": request.customer},
                "vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"},
            }
        order = await self._client.call(
            "POST", "/v2/checkout/orders", body=_order(request.reference, request, wallet), key=request.reference
        )
        with readable():
            url = next(link["href"] for link in order["links"] if link["rel"] in APPROVAL_LINKS)
            return Checkout(subject=order["id"], url=url)

    async def complete(self, *, subject: str, reference: str) -> VendorPayment:
        """Captures an approved order; one that is captured already is looked up."""
        try:
            order = await self._client.call(
                "POST", f"/v2/checkout/orders/{quote(subject, safe='')}/capture", body={}, key=f"{reference}:capture"
            )
        except DefiniteFailure as failure:
            if failure.code in LOOKED_UP_AFTER and (found := await self._find_order(subject)) is not None:
                return found
            raise
        with readable():
            return payment_of(order)

    async def charge(self, request: ChargeRequest) -> VendorPayment:
        """Makes an order on a saved agreement, which captures it at once."""
        wallet = {"vault_id": request.method}
        order = await self._client.call(
            "POST", "/v2/checkout/orders", body=_order(request.reference, request, wallet), key=request.reference
        )
        with readable():
            return payment_of(order)

    async def refund(self, request: RefundRequest) -> VendorRefund:
        """Gives back a part or all of a capture."""
        made = await self._client.call(
            "POST",
            f"/v2/payments/captures/{quote(request.capture_id, safe='')}/refund",
            body={"amount": written(request.amount), "custom_id": request.reference},
            key=request.reference,
        )
        with readable():
            return refund_of(made)

    async def find_payment(self, trace: Trace) -> VendorPayment | None:
        """By the order or capture where it is known, else in the vendor's report since then."""
        if trace.subject is not None:
            return await self._find_by_subject(trace.subject)
        async for reported in self._reported(since=trace.since - CLOCKS_DIFFER, until=datetime.now(UTC) + CLOCKS_DIFFER):
            if reported.reference == trace.reference:
                return await self._find_by_subject(reported.subject) or reported
        return None

    async def list_payments(self, *, since: datetime, until: datetime) -> list[VendorPayment]:
        """Every payment of the vendor's report in that time."""
        return [reported async for reported in self._reported(since=since, until=until) if since <= reported.created_at < until]

    async def read_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Posted back to the vendor, who says whether it sent it."""
        question = question_of(headers=headers, body=body, webhook_id=self._webhook_id)
        try:
            told = await self._client.call_raw("POST", "/v1/notifications/verify-webhook-signature", raw=question)
        except DefiniteFailure as failure:
            if failure.is_retryable or failure.code == "vendor.unauthorized":
                raise
            raise WebhookRefused("the vendor cannot read it") from failure
        if told.get("verification_status") != "SUCCESS":
            raise WebhookRefused("the vendor did not send it")
        return read_notice(body)

    async def close(self) -> None:
        """Lets go of connections."""
        await self._client.close()

    async def _find_by_subject(self, subject: str) -> VendorPayment | None:
        if not subject.startswith("capture:"):
            return await self._find_order(subject)
        capture = await self._find(f"/v2/payments/captures/{quote(subject.partition(':')[2], safe='')}")
        if capture is None:
            return None
        with readable():
            order_id = str(capture["supplementary_data"]["related_ids"]["order_id"])
        return await self._find_order(order_id)

    async def _find_order(self, order_id: str) -> VendorPayment | None:
        order = await self._find(f"/v2/checkout/orders/{quote(order_id, safe='')}")
        if order is None:
            return None
        with readable():
            found = payment_of(order)
        if found.capture_id is None:
            return found
        disputes = await self._find(f"/v1/customer/disputes?{urlencode({'disputed_transaction_id': found.capture_id})}")
        with readable():
            return payment_of(order, disputes=(disputes or {}).get("items") or [])

    async def _find(self, path: str) -> Mapping[str, Any] | None:
        try:
            return await self._client.call("GET", path)
        except DefiniteFailure as failure:
            if failure.code == "vendor.not_found":
                return None
            raise

    async def _reported(self, *, since: datetime, until: datetime) -> AsyncIterator[VendorPayment]:
        end = min(until, datetime.now(UTC) + CLOCKS_DIFFER)
        start = since
        while start < end:
            stop = min(end, start + REPORT_DAYS_MAX)
            async for found in self._reported_within(start, stop):
                yield found
            start = stop

    async def _reported_within(self, start: datetime, stop: datetime) -> AsyncIterator[VendorPayment]:
        for page in range(1, PAGES_MAX + 1):
            asked = {
                "start_date": _written_time(start),
                "end_date": _written_time(stop),
                "fields": "transaction_info",
                "page_size": str(REPORT_PAGE),
                "page": str(page),
            }
            told = await self._client.call("GET", f"/v1/reporting/transactions?{urlencode(asked)}")
            with readable():
                rows = [reported_payment(row) for row in told["transaction_details"]]
                pages = int(told.get("total_pages", 1))
            for row in rows:
                if row is not None:
                    yield row
            if page >= pages:
                return


def build_gateway(setup: ProviderSetup) -> PayPalGateway:
    """The gateway at the address of `setup`, with its `client_id`, `client_secret` and `webhook_id`."""
    origin = "/".join(setup.address.split("/")[:3])
    client = PayPalClient(
        http=OutgoingHttp(sandbox_reach(origin) if setup.is_sandbox else LIVE),
        address=setup.address,
        client_id=setup.credentials["client_id"],
        client_secret=setup.credentials["client_secret"],
    )
    return PayPalGateway(client=client, webhook_id=setup.credentials["webhook_id"])


def _order(reference: str, request: CheckoutRequest | ChargeRequest, wallet: Json) -> Json:
    if request.amount is None:
        raise ValueError("an order has an amount")
    unit = {
        "custom_id": reference,
        "invoice_id": reference,
        "description": request.description[:127],
        "amount": written(request.amount),
    }
    return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": {"paypal": wallet}}


def _written_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
