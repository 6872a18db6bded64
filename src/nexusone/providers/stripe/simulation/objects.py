"""The vendor's objects, with every field the product or its tests look at."""

from typing import Any

from nexusone.kernel.ids import new_id

Json = dict[str, Any]


def object_id(prefix: str) -> str:
    """An id of the vendor's kind."""
    return f"{prefix}_{new_id().hex}"


def customer(asked: Json, *, at: int) -> Json:
    """A customer."""
    return {
        "id": object_id("cus"),
        "object": "customer",
        "created": at,
        "email": asked.get("email"),
        "name": asked.get("name"),
        "description": None,
        "livemode": False,
        "metadata": asked.get("metadata") or {},
        "invoice_settings": {"default_payment_method": None},
        "shipping": None,
    }


def card_method(*, customer_id: str | None, behaviour: str, at: int) -> Json:
    """A card that works, is declined or asks for its person: its last digits tell which."""
    last4 = {"good": "4242", "declines": "0341", "asks": "3184"}[behaviour]
    return {
        "id": object_id("pm"),
        "object": "payment_method",
        "type": "card",
        "created": at,
        "customer": customer_id,
        "livemode": False,
        "metadata": {},
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "card": {
            "brand": "visa",
            "checks": None,
            "country": "US",
            "exp_month": 8,
            "exp_year": 2031,
            "fingerprint": "sandbox",
            "funding": "credit",
            "last4": last4,
            "networks": {"available": ["visa"], "preferred": None},
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
    }


def session(asked: Json, *, at: int, base: str) -> Json:
    """A checkout session."""
    identifier = object_id("cs_test")
    lines = asked.get("line_items") or []
    total = sum(int(line["price_data"]["unit_amount"]) * int(line.get("quantity", 1)) for line in lines) if lines else None
    return {
        "id": identifier,
        "object": "checkout.session",
        "mode": asked["mode"],
        "status": "open",
        "payment_status": "no_payment_required" if asked["mode"] == "setup" else "unpaid",
        "amount_subtotal": total,
        "amount_total": total,
        "currency": lines[0]["price_data"]["currency"] if lines else asked.get("currency"),
        "customer": asked.get("customer"),
        "client_reference_id": asked.get("client_reference_id"),
        "metadata": asked.get("metadata") or {},
        "payment_intent": None,
        "setup_intent": None,
        "success_url": asked["success_url"],
        "cancel_url": asked.get("cancel_url"),
        "url": f"{base}/pay/{identifier}",
        "created": at,
        "expires_at": at + 86_400,
        "livemode": False,
        "automatic_tax": {"enabled": False, "status": None},
        "custom_fields": [],
        "custom_text": {"shipping_address": None, "submit": None, "terms_of_service_acceptance": None},
        "payment_method_types": ["card"],
        "shipping_options": [],
        "total_details": None,
        "locale": asked.get("locale"),
    }


def intent(
    *, amount: int, currency: str, customer_id: str | None, metadata: Json, description: str | None, at: int, method: str | None
) -> Json:
    """A payment intent before anything became of it."""
    identifier = object_id("pi")
    return {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": {"enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{identifier}_secret_{new_id().hex}",
        "confirmation_method": "automatic",
        "created": at,
        "currency": currency,
        "customer": customer_id,
        "description": description,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata,
        "next_action": None,
        "payment_method": method,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "setup_future_usage": None,
        "shipping": None,
        "status": "requires_payment_method",
    }


def charge(of: Json, *, at: int) -> Json:
    """The charge of a payment intent that was paid."""
    return {
        "id": object_id("ch"),
        "object": "charge",
        "amount": of["amount"],
        "amount_captured": of["amount"],
        "amount_refunded": 0,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "captured": True,
        "created": at,
        "currency": of["currency"],
        "customer": of["customer"],
        "description": of["description"],
        "disputed": False,
        "livemode": False,
        "metadata": of["metadata"],
        "paid": True,
        "payment_intent": of["id"],
        "payment_method": of["payment_method"],
        "payment_method_details": None,
        "refunded": False,
        "status": "succeeded",
    }


def refund(of: Json, *, amount: int, metadata: Json, at: int) -> Json:
    """A refund of a charge."""
    return {
        "id": object_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": of["id"],
        "created": at,
        "currency": of["currency"],
        "metadata": metadata,
        "payment_intent": of["payment_intent"],
        "reason": None,
        "receipt_number": None,
        "status": "succeeded",
    }


def dispute(of: Json, *, at: int) -> Json:
    """A dispute over a charge."""
    return {
        "id": object_id("dp"),
        "object": "dispute",
        "amount": of["amount"],
        "balance_transactions": [],
        "charge": of["id"],
        "created": at,
        "currency": of["currency"],
        "evidence": {},
        "evidence_details": {"due_by": at + 7 * 86_400, "has_evidence": False, "past_due": False, "submission_count": 0},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }


def event(kind: str, about: Json, *, at: int) -> Json:
    """An event with the object as it is at this moment."""
    return {
        "id": object_id("evt"),
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": at,
        "data": {"object": dict(about)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
