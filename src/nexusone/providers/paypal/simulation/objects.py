"""The vendor's objects, with every field the product or its tests look at."""

import secrets
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def object_id(length: int = 17) -> str:
    """An id of the vendor's kind."""
    return "".join(secrets.choice(SIGNS) for _ in range(length))


def now_text() -> str:
    """The present instant, as the vendor writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def link(href: str, rel: str, method: str = "GET") -> Json:
    """One of an object's links."""
    return {"href": href, "rel": rel, "method": method}


def order(asked: Json, *, base: str) -> Json:
    """An order that waits for its payer."""
    identifier, at = object_id(), now_text()
    units = [{"reference_id": "default", **unit} for unit in asked["purchase_units"]]
    return {
        "id": identifier,
        "intent": asked["intent"],
        "status": "PAYER_ACTION_REQUIRED",
        "payment_source": {"paypal": {}},
        "purchase_units": units,
        "create_time": at,
        "update_time": at,
        "links": [
            link(f"{base}/v2/checkout/orders/{identifier}", "self"),
            link(f"{base}/checkoutnow?token={identifier}", "payer-action"),
        ],
    }


def capture(of: Json, *, base: str) -> Json:
    """The capture of an order."""
    unit, at, identifier = of["purchase_units"][0], now_text(), object_id()
    return {
        "id": identifier,
        "status": "COMPLETED",
        "amount": unit["amount"],
        "custom_id": unit.get("custom_id"),
        "invoice_id": unit.get("invoice_id"),
        "final_capture": True,
        "create_time": at,
        "update_time": at,
        "links": [
            link(f"{base}/v2/payments/captures/{identifier}", "self"),
            link(f"{base}/v2/payments/captures/{identifier}/refund", "refund", "POST"),
            link(f"{base}/v2/checkout/orders/{of['id']}", "up"),
        ],
    }


def refund(of: Json, *, amount: Json, custom_id: str | None, base: str) -> Json:
    """A refund of a capture."""
    at, identifier = now_text(), object_id()
    return {
        "id": identifier,
        "status": "COMPLETED",
        "amount": amount,
        **({"custom_id": custom_id} if custom_id else {}),
        "create_time": at,
        "update_time": at,
        "links": [
            link(f"{base}/v2/payments/refunds/{identifier}", "self"),
            link(f"{base}/v2/payments/captures/{of['id']}", "up"),
        ],
    }


def dispute(of: Json) -> Json:
    """A dispute over a capture."""
    return {
        "dispute_id": f"PP-D-{object_id(6)}",
        "create_time": now_text(),
        "update_time": now_text(),
        "disputed_transactions": [{"seller_transaction_id": of["id"], "custom": of["custom_id"]}],
        "reason": "UNAUTHORISED",
        "status": "OPEN",
        "dispute_amount": {name: of["amount"][name] for name in ("currency_code", "value")},
    }


def report_row(of: Json) -> Json:
    """A capture in the vendor's report."""
    return {
        "transaction_info": {
            "transaction_id": of["id"],
            "transaction_event_code": "T0006",
            "transaction_initiation_date": of["create_time"],
            "transaction_updated_date": of["update_time"],
            "transaction_amount": {name: of["amount"][name] for name in ("currency_code", "value")},
            "transaction_status": "S",
            "invoice_id": of["invoice_id"],
            "custom_field": of["custom_id"],
        }
    }


def event(kind: str, resource_type: str, about: Json) -> Json:
    """An event with the object as it is at this moment."""
    return {
        "id": f"WH-{object_id()}-{object_id()}",
        "event_version": "1.0",
        "create_time": now_text(),
        "resource_type": resource_type,
        "event_type": kind,
        "summary": kind,
        "resource": dict(about),
        "links": [],
    }
