"""The vendor's webhooks: what is posted back to be verified, and which payment an event is about."""

import json
import re
from collections.abc import Mapping
from typing import Any

from nexusone.modules.billing.ports import Notice, WebhookRefused

FIELDS = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
HEADER_CHARACTERS_MAX = 500
PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")


def question_of(*, headers: Mapping[str, str], body: bytes, webhook_id: str) -> bytes:
    """What the vendor is asked: its headers, and the event byte for byte as it came. Raises: WebhookRefused."""
    asked = {"webhook_id": webhook_id}
    for name in FIELDS:
        value = headers.get(f"paypal-{name.replace('_', '-')}", "")
        if not PRINTABLE.match(value) or len(value) > HEADER_CHARACTERS_MAX:
            raise WebhookRefused(f"no {name}")
        asked[name] = value
    _event(body)
    return json.dumps(asked)[:-1].encode() + b',"webhook_event":' + body + b"}"


def read_notice(body: bytes) -> Notice:
    """What a verified event is about. Raises: WebhookRefused."""
    event = _event(body)
    event_id, kind, resource = event.get("id"), event.get("event_type"), event.get("resource")
    if not isinstance(event_id, str) or not isinstance(kind, str) or not isinstance(resource, dict):
        raise WebhookRefused("the body is no event")
    return Notice(event_id=event_id, kind=kind, subject=_subject(kind, resource), customer=_customer(kind, resource))


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WebhookRefused("the body is no event") from error
    if not isinstance(event, dict):
        raise WebhookRefused("the body is no event")
    return event


def _subject(kind: str, resource: Mapping[str, Any]) -> str | None:
    if kind.startswith("CHECKOUT.ORDER."):
        return _text(resource.get("id"))
    if kind in ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"):
        return _capture(_up(resource))
    if kind.startswith("PAYMENT.CAPTURE."):
        return _capture(_text(resource.get("id")))
    if kind.startswith("CUSTOMER.DISPUTE."):
        disputed = resource.get("disputed_transactions")
        first = disputed[0] if isinstance(disputed, list) and disputed else None
        return _capture(_text(first.get("seller_transaction_id"))) if isinstance(first, dict) else None
    return None


def _customer(kind: str, resource: Mapping[str, Any]) -> str | None:
    customer = resource.get("customer")
    if not kind.startswith("VAULT.PAYMENT-TOKEN.") or not isinstance(customer, dict):
        return None
    return _text(customer.get("id"))


def _up(resource: Mapping[str, Any]) -> str | None:
    links = resource.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "up":
            return _text(str(link.get("href", "")).rstrip("/").rpartition("/")[2])
    return None


def _capture(identifier: str | None) -> str | None:
    return f"capture:{identifier}" if identifier else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
