"""Payments by hosted checkout, saved methods and refunds.

Payment intents carry our reference as metadata, by which they are found again; it is the idempotency key as well.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from stripe import StripeClient
from stripe.params.checkout import SessionCreateParams

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
)
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.stripe.client import named_outcomes, open_client
from nexusone.providers.stripe.shapes import FLOW, REFERENCE, charged_payment, method_of, payment_of, refund_of, session_payment
from nexusone.providers.stripe.webhooks import check_signature, read_notice

PAGE = 100
LOOKED_AT_MAX = 1_000
LISTED_MAX = 100_000
CLOCKS_DIFFER = timedelta(minutes=5)
# The vendor chooses by it which kinds of methods it shows where nothing is to be paid.
SETUP_CURRENCY = "eur"
SIGNATURE_HEADER = "stripe-signature"

Languages = Literal["auto", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "ja"]
LANGUAGES: dict[str, Languages] = {
    "de": "de",
    "en": "en",
    "es": "es",
    "fr": "fr",
    "it": "it",
    "nl": "nl",
    "pl": "pl",
    "pt": "pt",
    "ja": "ja",
}


class StripeGateway:
    """A `PaymentGateway`."""

    def __init__(self, *, client: StripeClient, http: OutgoingHttp, webhook_secret: str) -> None:
        self._api = client.v1
        self._http = http
        self._webhook_secret = webhook_secret

    @property
    def saves_without_charge(self) -> bool:
        """Yes, on a page of its own."""
        return True

    async def open_customer(self, *, key: str, email: str | None, name: str) -> str:
        """The customer's id; the same key gives the same customer for a day."""
        with named_outcomes():
            made = await self._api.customers.create_async(
                params={"name": name, "metadata": {REFERENCE: key}, **({"email": email} if email else {})},
                options={"idempotency_key": f"customer:{key}"},
            )
            return made.id

    async def list_methods(self, *, customer: str) -> list[SavedMethod]:
        """The customer's saved methods, newest first."""
        with named_outcomes():
            found = await self._api.customers.payment_methods.list_async(customer, params={"limit": PAGE})
            return [method_of(method.to_dict()) for method in found.data]

    async def remove_method(self, *, method: str) -> None:
        """Detaches the method."""
        try:
            with named_outcomes():
                await self._api.payment_methods.detach_async(method)
        except DefiniteFailure as failure:
            if failure.code not in ("vendor.not_found", "payment.method_gone"):
                raise

    async def start_checkout(self, request: CheckoutRequest) -> Checkout:
        """Opens the vendor's page, for a payment or to save a method."""
        with named_outcomes():
            made = await self._api.checkout.sessions.create_async(
                params=_session_parameters(request), options={"idempotency_key": request.reference}
            )
            if made.url is None:
                raise ValueError("a page without an address")
            return Checkout(subject=made.id, url=made.url)

    async def complete(self, *, subject: str, reference: str) -> VendorPayment:
        """Nothing needs to be captured here: looked up."""
        found = await self._find_by_subject(subject)
        if found is None:
            raise DefiniteFailure(code="vendor.not_found", detail="there is no such payment", is_retryable=False)
        return found

    async def charge(self, request: ChargeRequest) -> VendorPayment:
        """Makes and confirms a payment intent with nobody present."""
        with named_outcomes():
            made = await self._api.payment_intents.create_async(
                params={
                    "amount": request.amount.amount,
                    "currency": request.amount.currency.lower(),
                    "customer": request.customer,
                    "payment_method": request.method,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "confirm": True,
                    "off_session": True,
                    "description": request.description,
                    "metadata": {REFERENCE: request.reference, FLOW: "charge"},
                },
                options={"idempotency_key": request.reference},
            )
            return payment_of(made.to_dict())

    async def refund(self, request: RefundRequest) -> VendorRefund:
        """Gives back a part or all of a payment intent."""
        with named_outcomes():
            made = await self._api.refunds.create_async(
                params={
                    "payment_intent": request.capture_id,
                    "amount": request.amount.amount,
                    "metadata": {REFERENCE: request.reference},
                },
                options={"idempotency_key": request.reference},
            )
            return refund_of(made.to_dict())

    async def find_payment(self, trace: Trace) -> VendorPayment | None:
        """By the vendor's id where it is known, else among the customer's payments since then."""
        if trace.subject is not None:
            return await self._find_by_subject(trace.subject)
        since = int((trace.since - CLOCKS_DIFFER).timestamp())
        after: str | None = None
        for _ in range(LOOKED_AT_MAX // PAGE):
            with named_outcomes():
                page = await self._api.payment_intents.list_async(
                    params={
                        "limit": PAGE,
                        "created": {"gte": since},
                        **({"customer": trace.customer} if trace.customer else {}),
                        **({"starting_after": after} if after else {}),
                    }
                )
            for intent in page.data:
                if (intent.to_dict().get("metadata") or {}).get(REFERENCE) == trace.reference:
                    return await self._find_by_subject(intent.id)
            if not page.has_more or not page.data:
                break
            after = page.data[-1].id
        return None

    async def list_payments(self, *, since: datetime, until: datetime) -> list[VendorPayment]:
        """Every charge that was paid in that time."""
        listed: list[VendorPayment] = []
        after: str | None = None
        while len(listed) < LISTED_MAX:
            with named_outcomes():
                page = await self._api.charges.list_async(
                    params={
                        "limit": PAGE,
                        "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
                        **({"starting_after": after} if after else {}),
                    }
                )
            shapes = [charge.to_dict() for charge in page.data]
            listed += [charged_payment(shape) for shape in shapes if shape["paid"] and shape["captured"]]
            if not page.has_more or not shapes:
                break
            after = shapes[-1]["id"]
        return listed

    async def read_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Checked here, without asking the vendor."""
        check_signature(header=headers.get(SIGNATURE_HEADER), body=body, secret=self._webhook_secret, now=now)
        return read_notice(body)

    async def close(self) -> None:
        """Lets go of connections."""
        await self._http.close()

    async def _find_by_subject(self, subject: str) -> VendorPayment | None:
        try:
            with named_outcomes():
                if subject.startswith("cs_"):
                    session = (await self._api.checkout.sessions.retrieve_async(subject)).to_dict()
                    if not session.get("payment_intent"):
                        return session_payment(session)
                    subject = str(session["payment_intent"])
                intent = (await self._api.payment_intents.retrieve_async(subject)).to_dict()
                if intent["status"] != "succeeded":
                    return payment_of(intent)
                return payment_of(intent, **await self._consequences(subject))
        except DefiniteFailure as failure:
            if failure.code == "vendor.not_found":
                return None
            raise

    async def _consequences(self, intent: str) -> dict[str, list[dict[str, Any]]]:
        refunds = await self._api.refunds.list_async(params={"payment_intent": intent, "limit": PAGE})
        disputes = await self._api.disputes.list_async(params={"payment_intent": intent, "limit": PAGE})
        return {"refunds": [one.to_dict() for one in refunds.data], "disputes": [one.to_dict() for one in disputes.data]}


def build_gateway(setup: ProviderSetup) -> StripeGateway:
    """The gateway at the address of `setup`, with its `api_key` and `webhook_secret`."""
    http = OutgoingHttp(sandbox_reach(origin_of(setup.address)) if setup.is_sandbox else LIVE)
    client = open_client(address=setup.address, api_key=setup.credentials["api_key"], http=http)
    return StripeGateway(client=client, http=http, webhook_secret=setup.credentials["webhook_secret"])


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    return "/".join(address.split("/")[:3])


def _session_parameters(request: CheckoutRequest) -> SessionCreateParams:
    parameters: SessionCreateParams = {
        "customer": request.customer,
        "client_reference_id": request.reference,
        "metadata": {REFERENCE: request.reference},
        "success_url": request.return_url,
        "cancel_url": request.cancel_url,
        "locale": LANGUAGES.get(request.locale.split("-")[0], "auto"),
    }
    if request.amount is None:
        return {
            **parameters,
            "mode": "setup",
            "currency": SETUP_CURRENCY,
            "setup_intent_data": {"metadata": {REFERENCE: request.reference}},
        }
    line: Any = {
        "quantity": 1,
        "price_data": {
            "currency": request.amount.currency.lower(),
            "unit_amount": request.amount.amount,
            "product_data": {"name": request.description},
        },
    }
    intent: Any = {"metadata": {REFERENCE: request.reference, FLOW: "checkout"}, "description": request.description}
    if request.saves_method:
        intent["setup_future_usage"] = "off_session"
    return {**parameters, "mode": "payment", "line_items": [line], "payment_intent_data": intent}
